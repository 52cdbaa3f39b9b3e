import pytest
import torch
from monai.data import MetaTensor

from bundle.volumes import require_same_grid


@pytest.mark.parametrize(("shift_mm", "accepted"), [(9e-4, True), (2e-3, False)])
def test_affines_are_compared_in_millimeters_however_large_they_are(shift_mm, accepted):
    affine = torch.eye(4, dtype=torch.float64)
    affine[0, 3] = -5000.0
    moved = affine.clone()
    moved[0, 3] += shift_mm
    volumes = MetaTensor(torch.zeros(1, 2, 2, 2), affine=moved), MetaTensor(torch.zeros(1, 2, 2, 2), affine=affine)
    if accepted:
        require_same_grid(*volumes)
        return
    with pytest.raises(ValueError, match=r"\(tensor\) must have the affine .*-5000\.0.*, got .*-4999\.998"):
        require_same_grid(*volumes)


def test_plain_tensors_are_compared_by_shape():
    require_same_grid(torch.zeros(1, 2, 3, 4), MetaTensor(torch.zeros(3, 2, 3, 4)))
    with pytest.raises(ValueError, match=r"must have the shape \(2, 3, 4\) .*, got shape \(2, 3, 5\): resample"):
        require_same_grid(torch.zeros(1, 2, 3, 5), torch.zeros(3, 2, 3, 4))
