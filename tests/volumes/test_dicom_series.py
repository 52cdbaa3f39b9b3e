"""A DICOM series is ordered by position, and a folder that holds anything else is refused."""

import numpy as np
import pytest

from bundle.data import check_case
from bundle.transforms import SliceVolumed
from bundle.volumes import CaseFiles, VolumeFile

pydicom = pytest.importorskip("pydicom")
from pydicom.dataset import FileDataset, FileMetaDataset  # noqa: E402
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian  # noqa: E402


def write(folder, number, position, *, series="1.2.3", orientation=(1, 0, 0, 0, 1, 0), rows=6, value=None, **more):
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, CTImageStorage
    meta.MediaStorageSOPInstanceUID = f"1.2.4.{number}"
    image = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    image.SeriesInstanceUID, image.InstanceNumber = series, number
    image.ImagePositionPatient, image.ImageOrientationPatient = list(position), list(orientation)
    image.PixelSpacing, image.Rows, image.Columns = [2.0, 0.5], rows, 8
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated = image.BitsStored = 16
    image.HighBit, image.PixelRepresentation = 15, 0
    pixels = np.arange(rows * 8, dtype=np.uint16).reshape(rows, 8)
    pixels[0, 0] = 100 + position[2] if value is None else value
    image.PixelData = pixels.tobytes()
    for name, entry in more.items():
        setattr(image, name, entry)
    folder.mkdir(exist_ok=True)
    image.save_as(folder / f"IM{number:04}.dcm", enforce_file_format=True)


@pytest.fixture
def series(tmp_path):
    """Five slices that are numbered from the head down."""
    for number in range(5):
        write(tmp_path / "s", number, (10, 20, 40 - 5 * number), RescaleSlope=2, RescaleIntercept=-number)
    (tmp_path / "s" / "README").write_text("no image")
    return tmp_path / "s"


def test_slices_are_ordered_by_position(series):
    volume = VolumeFile.read([series])
    assert volume.shape == (8, 6, 5)
    assert volume.data[0, 0].tolist() == [236, 247, 258, 269, 280]  # 2 (100 + z) - number
    np.testing.assert_allclose(volume.affine, [[-0.5, 0, 0, -10], [0, -2, 0, -20], [0, 0, 5, 20], [0, 0, 0, 1]])


def test_itk_orders_them_in_the_same_way(series):
    itk = pytest.importorskip("SimpleITK")
    files = itk.ImageSeriesReader.GetGDCMSeriesFileNames(str(series))
    assert [pydicom.dcmread(file).InstanceNumber for file in files] == [4, 3, 2, 1, 0]


def test_csv_labels_count_from_the_feet(series, tmp_path):
    (tmp_path / "c.csv").write_text("slice_index,class\n0,1\n4,0\n")
    item = {"image": str(series), "label": str(tmp_path / "c.csv"), "case": "c", "patient": "p", "site": "s"}
    row, problems = check_case(item)
    assert (row.slices, row.positive, problems) == (5, 1, [])
    first, *_, last = SliceVolumed()(item)
    assert (first["image"].max().item(), first["label"].item(), last["label"].item()) == (236, 1, 0)


WRONG = {
    "two series": ({"series": "1.2.9"}, "got 6 files of 2 series"),
    "two orientations": ({"orientation": (0, 1, 0, 0, 0, -1)}, "got 6 files of 2 orientations"),
    "two sizes": ({"rows": 7}, "got 6 files of 2 numbers of rows"),
    "one position twice": ({"position": (10, 20, 40)}, "several slices at one position"),
    "a gap": ({"position": (10, 20, 60)}, "slices from 5 to 20 mm apart"),
    "frames": ({"NumberOfFrames": 2}, "color or multi-frame"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_folder_that_is_not_one_scan_is_refused(series, wrong):
    settings, words = WRONG[wrong]
    write(series, 9, **{"position": (10, 20, 45), **settings})
    if wrong == "frames":
        for number in range(5):
            write(series, number, (10, 20, 40 - 5 * number), NumberOfFrames=2)
    [problem] = CaseFiles().channels([series])[1]
    assert words in problem.text
    assert "damaged" not in problem.text


def test_an_oblique_series_lies_where_its_positions_say(tmp_path):
    row, column = np.array([0.8, 0.6, 0]), np.array([0, 0, -1.0])
    step = 3 * np.cross(row, column)
    for number in range(3):
        write(tmp_path / "o", number, [1.0, 2, 3] + step * number, orientation=[*row, *column], value=number)
    volume = VolumeFile.read([tmp_path / "o"])
    assert volume.data[0, 0].tolist() == [0, 1, 2]
    np.testing.assert_allclose((volume.affine @ [0, 0, 2, 1])[:3], np.array([-1, -1, 1]) * ([1.0, 2, 3] + 2 * step))


def test_a_single_image_has_a_thickness_of_one(tmp_path):
    write(tmp_path / "one", 0, (0, 0, 0))
    assert VolumeFile.read([tmp_path / "one"]).spacing == (0.5, 2.0, 1.0)


def test_without_pydicom_it_is_named(series, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pydicom", None)
    [problem] = CaseFiles().channels([series])[1]
    assert problem.remedy == "pip install pydicom"


@pytest.mark.parametrize("content", [b"", b"x" * 100])
def test_a_damaged_slice_is_not_left_out(series, content):
    (series / "IM0004.dcm").write_bytes(content)  # the lowest: nothing is uneven without it
    with pytest.raises(ValueError, match=r"must hold whole DICOM files, got the damaged IM0004\.dcm"):
        VolumeFile.read([series])


def test_a_slice_without_position_is_not_left_out(series):
    image = pydicom.dcmread(series / "IM0004.dcm")
    del image.ImagePositionPatient
    image.save_as(series / "IM0004.dcm")
    with pytest.raises(ValueError, match="must hold whole slices, got 1 of the series without position"):
        VolumeFile.read([series])


def test_inverted_images_are_refused(series):
    write(series, 1, (10, 20, 35), PhotometricInterpretation="MONOCHROME1")
    with pytest.raises(ValueError, match="got MONOCHROME1"):
        VolumeFile.read([series])


@pytest.mark.parametrize(
    ("change", "found"),
    [({"PatientID": "4711"}, "5 files of 2 patients"), ({"FrameOfReferenceUID": "1.2"}, "5 files of 2 frames"),
     ({"EchoTime": 5}, "5 files of 2 echo times"), ({"DiffusionBValue": 900.0}, "5 files of 2 b-values"),
     ({"ImageType": ["ORIGINAL", "PRIMARY", "M", "MOSAIC"]}, "mosaics"), ({"BitsStored": 12}, "lowest bits"),
     ({"RescaleSlope": 0}, "a rescale slope of 0"), ({"PixelData": bytes(range(96)) * 2}, "more pixels than")],
)  # fmt: skip
def test_what_would_come_out_wrong_in_silence_is_refused(series, change, found):
    write(series, 1, (10, 20, 35), **change)
    with pytest.raises(ValueError, match=found) as error:
        VolumeFile.read([series])
    assert "4711" not in str(error.value)
