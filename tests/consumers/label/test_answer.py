import nibabel as nib
import numpy as np
import pytest
import SimpleITK
import torch
from monai.data import MetaTensor
from support.label_bundle import AFFINE

pytest.importorskip("pydicom")
from bundle.consumers.label.answer import label_map, label_names, write_volume
from bundle.keys import FINDING_LABELS, IMAGE, PRED, RESULT

SLICES = 3


def found(labels=None, positive=(False, True, False)):
    image = MetaTensor(torch.zeros(1, 4, 5, SLICES), affine=torch.eye(4))
    image.meta["original_affine"] = np.diag([1.0, 1.0, -1.0, 1.0])
    image.affine[2, 3] = -(SLICES - 1)
    pred = MetaTensor(torch.arange(4 * 5 * SLICES, dtype=torch.float32).reshape(1, 4, 5, SLICES))
    rows = [{"slice": index, "positive": is_there} for index, is_there in enumerate(positive)]
    return {IMAGE: image, PRED: pred, RESULT: {"slices": rows}, **({} if labels is None else {FINDING_LABELS: labels})}


def test_numbers_of_findings_are_whole_numbers_of_one_byte():
    labels = torch.zeros(1, 2, 2, 2)
    labels[0, 0, 0] = torch.tensor([1.0, 255.0])
    made = label_map(found(labels))
    assert made.dtype == np.uint8
    assert sorted(np.unique(made)) == [0, 1, 255]


def test_a_number_that_would_wrap_around_is_refused():
    with pytest.raises(ValueError, match="at most 255 findings, got 256"):
        label_map(found(torch.full((1, 2, 2, 2), 256.0)))


def test_without_a_finding_rule_the_highest_tenth_of_positive_slices_is_marked():
    made = label_map(found())
    assert made.dtype == np.uint8
    assert [int(made[..., plane].sum()) for plane in range(SLICES)] == [0, 2, 0]
    assert made[3, 4, 1] == made[3, 3, 1] == 1


def test_a_map_without_a_highest_tenth_marks_nothing():
    flat = found()
    flat[PRED][...] = 0.5
    assert not label_map(flat).any()


def test_slices_along_another_axis_are_refused_not_left_empty():
    turned = found()
    turned[IMAGE].meta["original_affine"] = np.eye(4)[[2, 1, 0, 3]]
    with pytest.raises(ValueError, match="along the last axis of its file"):
        label_map(turned)
    turned[RESULT]["slices"] = []
    assert not label_map(turned).any()


def test_findings_share_the_first_label_and_have_names_of_their_own():
    assert label_names(np.array([0, 3])) == {"finding": 1, "finding 2": 2, "finding 3": 3}


@pytest.mark.parametrize("extension", [".nii.gz", ".nrrd"])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_every_format_has_values_type_and_place(tmp_path, extension, dtype):
    values = np.arange(24).reshape(2, 3, 4).astype(dtype)
    write_volume(
        values, MetaTensor(torch.zeros(1, 2, 3, 4), affine=torch.as_tensor(AFFINE)), tmp_path / f"a{extension}"
    )
    read = SimpleITK.ReadImage(str(tmp_path / f"a{extension}"))
    assert SimpleITK.GetArrayFromImage(read).dtype == dtype
    assert np.array_equal(SimpleITK.GetArrayFromImage(read).T, values)
    corner = read.TransformIndexToPhysicalPoint((1, 2, 3))
    assert np.allclose(corner, np.array([-1, -1, 1]) * nib.affines.apply_affine(AFFINE, (1, 2, 3)), atol=1e-4)
