"""What happens to a case before it is sliced, when the config says nothing else."""

from __future__ import annotations

from monai.transforms import Compose, Orientationd

from bundle import keys as names
from bundle.transforms.load import LoadCased

_RAS_LABELS = (("L", "R"), ("P", "A"), ("I", "S"))


def default_preprocessing(num_classes: int | None = None) -> Compose:
    """Load a case and turn it to the raster: rows towards posterior, columns towards left, slices towards superior.

    Slice k of the result is `image[..., k]`; `Invertd` brings maps back to the file's axes exactly.

    Args:
        num_classes: for the check of slice label files, see `read_slice_labels`.

    Example:
        >>> import torch
        >>> from monai.data import MetaTensor
        >>> image = torch.zeros(1, 4, 6, 2)
        >>> default_preprocessing()({"image": MetaTensor(image, affine=torch.eye(4))})["image"].shape
        torch.Size([1, 6, 4, 2])
    """
    turned = (names.IMAGE, names.LABEL, names.ORGAN, names.SLICE_LABELS)
    return Compose(
        [
            LoadCased(num_classes=num_classes),
            Orientationd(keys=turned, axcodes="PLS", labels=_RAS_LABELS, allow_missing_keys=True),
        ]
    )
