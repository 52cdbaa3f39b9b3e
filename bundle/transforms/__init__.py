"""From files to slices: load, orient, normalise, crop, slice, smooth; one idea per file."""

from bundle.transforms.load import LoadCased
from bundle.transforms.preprocessing import default_preprocessing
from bundle.transforms.read_volume import read_volume
from bundle.transforms.require_same_grid import require_same_grid
from bundle.transforms.slice_label_volume import slice_label_volume
from bundle.transforms.slice_labels import read_slice_labels
from bundle.transforms.slice_transform import SliceTransform
from bundle.transforms.slice_volume import SliceVolumed

__all__ = [
    "LoadCased",
    "SliceTransform",
    "SliceVolumed",
    "default_preprocessing",
    "read_slice_labels",
    "read_volume",
    "require_same_grid",
    "slice_label_volume",
]
