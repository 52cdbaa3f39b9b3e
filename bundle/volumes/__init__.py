"""Facts about volume files: voxels, grid, orientation, slice labels, and what is wrong with them."""

from bundle.volumes.checks import finite_problems, image_problems, mask_problems, mask_warnings, to_class_numbers
from bundle.volumes.grid import Grid, grid_problems, require_same_grid
from bundle.volumes.nifti import is_nifti, with_nifti_paths
from bundle.volumes.orientation import DISPLAY_AXES, source_slice_indices, to_display_orientation
from bundle.volumes.problem import DataProblems, Problem, raise_first, raise_for_problems, summarized
from bundle.volumes.read_volume import read_volume
from bundle.volumes.slice_labels import count_positive, label_problems, read_slice_labels, slice_label_volume
from bundle.volumes.volume_file import SLICE_SUFFIXES, VOLUME_SUFFIXES, VolumeFile, is_slice_image, is_volume
from bundle.volumes.write_nifti import write_nifti

__all__ = [
    "DISPLAY_AXES",
    "SLICE_SUFFIXES",
    "VOLUME_SUFFIXES",
    "DataProblems",
    "Grid",
    "Problem",
    "VolumeFile",
    "count_positive",
    "finite_problems",
    "grid_problems",
    "image_problems",
    "is_nifti",
    "is_slice_image",
    "is_volume",
    "label_problems",
    "mask_problems",
    "mask_warnings",
    "raise_first",
    "raise_for_problems",
    "read_slice_labels",
    "read_volume",
    "require_same_grid",
    "slice_label_volume",
    "source_slice_indices",
    "summarized",
    "to_class_numbers",
    "to_display_orientation",
    "with_nifti_paths",
    "write_nifti",
]
