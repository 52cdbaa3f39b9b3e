import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from bundle.transforms import default_preprocessing
from bundle.volumes import source_slice_indices


def test_a_sagittal_scan_has_no_slices_of_the_file():
    sagittal = np.array([[0, 0, 1.0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]])
    image = MetaTensor(torch.rand(1, 4, 4, 4), affine=sagittal)
    image.meta["original_affine"] = sagittal
    turned = default_preprocessing()({"image": image})["image"]
    with pytest.raises(ValueError, match=r"along the file's third axis .* use FileOrderd"):
        source_slice_indices(turned)
