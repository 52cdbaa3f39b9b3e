"""From files to slices: load, orient, normalise, crop, slice, smooth; one idea per file."""

from bundle.transforms.file_order import FileOrderd
from bundle.transforms.load import LoadCased
from bundle.transforms.organ_crop import OrganCropd
from bundle.transforms.organ_mask import OrganMaskd
from bundle.transforms.organ_region import organ_region
from bundle.transforms.preprocessing import default_preprocessing
from bundle.transforms.read_volume import read_volume
from bundle.transforms.require_same_grid import require_same_grid
from bundle.transforms.scaled_kernel_size import scaled_kernel_size
from bundle.transforms.slice_label_volume import slice_label_volume
from bundle.transforms.slice_labels import read_slice_labels
from bundle.transforms.slice_stack import LoadSliceStackd
from bundle.transforms.slice_transform import SliceTransform
from bundle.transforms.slice_volume import SliceVolumed
from bundle.transforms.smooth_mask import SmoothMask
from bundle.transforms.smooth_mask_dictionary import SmoothMaskd
from bundle.transforms.source_slice_indices import source_slice_indices

__all__ = [
    "FileOrderd",
    "LoadCased",
    "LoadSliceStackd",
    "OrganCropd",
    "OrganMaskd",
    "SliceTransform",
    "SliceVolumed",
    "SmoothMask",
    "SmoothMaskd",
    "default_preprocessing",
    "organ_region",
    "read_slice_labels",
    "read_volume",
    "require_same_grid",
    "scaled_kernel_size",
    "slice_label_volume",
    "source_slice_indices",
]
