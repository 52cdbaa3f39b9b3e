"""A compressed frame that says another size than its header is refused before a decoder believes it."""

import struct

import pytest
from pydicom import dcmread, uid
from pydicom.encaps import encapsulate, generate_frames
from support.dicom_series import compressed

pytest.importorskip("pydicom", minversion="3")
pytest.importorskip("gdcm", reason="needs the extra dicom")
from bundle.volumes.dicom_series import find_stacks, read_headers, read_stack
from bundle.volumes.dicom_series.codestream import claim_of
from bundle.volumes.problem import FileProblem

SYNTAXES = [uid.JPEGLosslessSV1, uid.JPEGLSLossless, uid.JPEG2000Lossless]


def refusal(folder):
    """Read the one stack of a folder; return why that is refused."""
    [stack], _ = find_stacks(read_headers(folder))
    with pytest.raises(FileProblem) as error:
        read_stack(stack)
    return str(error.value)


def changed(folder, change):
    """Change the third file of a series."""
    path = sorted(folder.iterdir())[2]
    found = dcmread(path)
    change(found)
    found.save_as(path)


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.name)
@pytest.mark.parametrize("matrix", [(16, 12), (6, 32), (14, 16), (10, 16)])
def test_a_header_of_another_matrix_is_refused(tmp_path, syntax, matrix):
    """As many pixels of another matrix would be sheared; of JPEG-LS, more of them ended the process."""
    compressed(syntax)(tmp_path / "in")
    for path in (tmp_path / "in").iterdir():
        found = dcmread(path)
        found.Rows, found.Columns = matrix
        found.save_as(path)
    rows, columns = matrix
    text = refusal(tmp_path / "in")
    assert f"hold frames of {rows} x {columns} pixels" in text
    assert "got a frame of 12 x 16 pixels, 1 x 16 bits each, number 1 of instance 1" in text


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.name)
def test_a_frame_of_more_bits_than_its_header_has_is_refused(tmp_path, syntax):
    compressed(syntax)(tmp_path / "in")
    for path in (tmp_path / "in").iterdir():
        found = dcmread(path)
        found.BitsAllocated, found.BitsStored, found.HighBit = 8, 8, 7
        found.save_as(path)
    assert "1 sample of 8 bits or less" in refusal(tmp_path / "in")


@pytest.mark.parametrize(
    ("syntax", "marker", "offset", "size"),
    [
        (uid.JPEGLosslessSV1, b"\xff\xc3", 5, struct.pack(">HH", 30000, 30000)),
        (uid.JPEGLSLossless, b"\xff\xf7", 5, struct.pack(">HH", 30000, 30000)),
        (uid.JPEG2000Lossless, b"\xff\x51", 6, struct.pack(">LL", 30000, 30000)),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_frame_that_claims_all_memory_is_refused_by_its_number(tmp_path, syntax, marker, offset, size):
    def claim_more(image):
        [frame] = generate_frames(image.PixelData, number_of_frames=1)
        at = frame.index(marker) + offset
        image.PixelData = encapsulate([frame[:at] + size + frame[at + len(size) :]])

    compressed(syntax)(tmp_path / "in")
    changed(tmp_path / "in", claim_more)
    assert "got a frame of 30000 x 30000 pixels, 1 x 16 bits each, number 1 of instance 3" in refusal(tmp_path / "in")


def test_what_says_no_size_is_left_to_its_decoder():
    header = bytes.fromhex("ffd8 ffe0 0004 0000 ff ffc3 000b 10 000c 0010 01")
    assert claim_of(header)[:] == (12, 16, 1, 16)
    assert [claim_of(each) for each in (b"", b"\xff\xd8", header[:-2], b"\xff\xd8\xff\xd9", b"no codestream")] == [
        None
    ] * 5


def test_a_frame_whose_number_of_rows_comes_later_is_left_to_the_decoder():
    assert claim_of(bytes.fromhex("ffd8 ffc3 000b 10 0000 0010 01 011100")) is None
