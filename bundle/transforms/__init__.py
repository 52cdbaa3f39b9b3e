"""Transforms from files to slices: load, orient, crop, slice, smooth; and back to a map and a result."""

from bundle.transforms.file_order import FileOrderd
from bundle.transforms.load import LoadCaseFilesd, default_preprocessing
from bundle.transforms.neighbor_slices import NeighborSlices, slice_spacing_mm, stacked
from bundle.transforms.organ import OrganCropd, OrganMaskd, organ_region
from bundle.transforms.slice_stack import LoadSliceStackd
from bundle.transforms.slice_transform import SliceTransform
from bundle.transforms.slice_volume import SliceVolumed
from bundle.transforms.smooth_mask import SmoothMask, SmoothMaskd, scaled_kernel_size
from bundle.transforms.split_prediction import SplitPredictiond

LoadCased = LoadCaseFilesd  # name in records of version 0.1

__all__ = [
    "FileOrderd",
    "LoadCaseFilesd",
    "LoadCased",
    "LoadSliceStackd",
    "NeighborSlices",
    "OrganCropd",
    "OrganMaskd",
    "SliceTransform",
    "SliceVolumed",
    "SmoothMask",
    "SmoothMaskd",
    "SplitPredictiond",
    "default_preprocessing",
    "organ_region",
    "scaled_kernel_size",
    "slice_spacing_mm",
    "stacked",
]
