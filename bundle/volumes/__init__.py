"""Facts about a volume file: voxels, grid, orientation, labels, and what is wrong with them."""

from bundle.volumes.checks import image_problems, mask_problems
from bundle.volumes.grid import geometry_problems, require_same_grid
from bundle.volumes.nifti import read_once, write_nifti
from bundle.volumes.orientation import raster, source_slice_indices
from bundle.volumes.problem import DataProblems, Problem, raise_for_problems
from bundle.volumes.read_volume import read_volume
from bundle.volumes.slice_labels import csv_positive, csv_problems, read_slice_labels, slice_label_volume
from bundle.volumes.volume_file import SLICE_SUFFIXES, VOLUME_SUFFIXES, VolumeFile, is_slice_image

__all__ = [
    "SLICE_SUFFIXES",
    "VOLUME_SUFFIXES",
    "DataProblems",
    "Problem",
    "VolumeFile",
    "csv_positive",
    "csv_problems",
    "geometry_problems",
    "image_problems",
    "is_slice_image",
    "mask_problems",
    "raise_for_problems",
    "raster",
    "read_once",
    "read_slice_labels",
    "read_volume",
    "require_same_grid",
    "slice_label_volume",
    "source_slice_indices",
    "write_nifti",
]
