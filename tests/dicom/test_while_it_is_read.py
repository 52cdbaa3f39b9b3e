"""Files that another program writes while a study is read."""

import numpy as np
import pytest
from support.dicom_files import save
from support.dicom_series import at, compressed, image, series

pytest.importorskip("pydicom", minversion="3")
from pydicom.uid import ImplicitVRLittleEndian, RLELossless

from bundle.dicom.objects.sources import open_sources
from bundle.volumes.dicom_series import find_stacks, read_headers, read_stack
from bundle.volumes.problem import FileProblem


@pytest.fixture
def replaced(tmp_path):
    """Return a stack whose slice at an index was replaced by that of another study when its headers had been read."""

    def replaced(write, index, **more):
        write(tmp_path)
        [stack], _ = find_stacks(read_headers(tmp_path))
        other = image(90, at(4 * index), StudyInstanceUID="1.2.99", PatientID="other", offset=7, **more)
        save(other, tmp_path, stack.planes[index].file.name)
        return stack

    return replaced


@pytest.mark.parametrize(
    "write",
    [series, lambda folder: series(folder, syntax=ImplicitVRLittleEndian), compressed(RLELossless)],
    ids=["plain", "implicit", "RLE"],
)
def test_pixels_of_another_image_are_not_put_in_the_place_of_a_slice(replaced, write):
    with pytest.raises(FileProblem, match="must hold the images whose headers were read, got a file that another"):
        read_stack(replaced(write, 2))


def test_a_uid_that_begins_alike_is_another_one(replaced):
    stack = replaced(series, 2, SOPInstanceUID="1.2.4.33")  # of the slice: 1.2.4.3
    with pytest.raises(FileProblem, match="another image has replaced"):
        read_stack(stack)


def test_objects_are_not_filed_under_the_patient_of_a_file_that_came_later(replaced):
    with pytest.raises(FileProblem, match="another image has replaced"):
        open_sources(replaced(series, 0))


def test_what_is_not_replaced_is_read(tmp_path):
    series(tmp_path)
    [stack], _ = find_stacks(read_headers(tmp_path))
    assert np.array_equal(read_stack(stack).shape, stack.shape)
    assert open_sources(stack).header.PatientID == "4711"
