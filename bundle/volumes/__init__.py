"""Facts about volume files: voxels, grid, orientation, slice labels, and what is wrong with them."""

from bundle.volumes.case_files import CaseFiles, Files, mask_files
from bundle.volumes.checks import channel_problems, contrast_problems, finite_problems, form_problems
from bundle.volumes.grid import TOLERANCE_MM, Grid, grid_problems, on_grid
from bundle.volumes.mask import MaskValues, mask_problems, mask_warnings, to_class_numbers
from bundle.volumes.nifti import is_nifti
from bundle.volumes.orientation import (
    DISPLAY_AXES,
    slice_axis,
    slicing_problems,
    source_slice_indices,
    to_display_orientation,
)
from bundle.volumes.problem import DataProblems, FileProblem, Problem, raise_first, raise_for_problems, summarized
from bundle.volumes.read_volume import image_tensor, mask_tensor, read_volume
from bundle.volumes.slice_images import SLICE_SUFFIXES, is_slice_image
from bundle.volumes.slice_labels import count_positive, label_problems, read_slice_labels, slice_label_volume
from bundle.volumes.volume_file import VOLUME_SUFFIXES, VolumeFile, is_volume, with_volume_paths
from bundle.volumes.write_nifti import write_nifti

__all__ = [
    "DISPLAY_AXES",
    "SLICE_SUFFIXES",
    "TOLERANCE_MM",
    "VOLUME_SUFFIXES",
    "CaseFiles",
    "DataProblems",
    "FileProblem",
    "Files",
    "Grid",
    "MaskValues",
    "Problem",
    "VolumeFile",
    "channel_problems",
    "contrast_problems",
    "count_positive",
    "finite_problems",
    "form_problems",
    "grid_problems",
    "image_tensor",
    "is_nifti",
    "is_slice_image",
    "is_volume",
    "label_problems",
    "mask_files",
    "mask_problems",
    "mask_tensor",
    "mask_warnings",
    "on_grid",
    "raise_first",
    "raise_for_problems",
    "read_slice_labels",
    "read_volume",
    "slice_axis",
    "slice_label_volume",
    "slicing_problems",
    "source_slice_indices",
    "summarized",
    "to_class_numbers",
    "to_display_orientation",
    "with_volume_paths",
    "write_nifti",
]
