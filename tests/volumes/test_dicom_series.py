"""A folder of a DICOM series reads as its study does, and is refused where a label would come to lie elsewhere."""

import sys
import warnings

import numpy as np
import pytest

from bundle.data import CaseStream, check_case, inference_items
from bundle.transforms import LoadCaseFilesd, SliceVolumed
from bundle.volumes import CaseFiles, VolumeFile

pydicom = pytest.importorskip("pydicom", minversion="3")
from support.dicom_files import save, slice_of  # noqa: E402
from support.dicom_series import NEEDS, SERIES  # noqa: E402

STRICTER = {
    "file names with odd characters": "got the damaged broken\\xff.dcm",
    "a file of 0 bytes": "hold whole DICOM files, got the damaged IM0099.dcm",
    "a b-value in turns": "have one b-value, got 2 in 5 slices",
    "a slice of another matrix at an end": "got a single image beside a stack of its series, of another matrix",
    "a slice of another matrix inside": "got a single image beside a stack of its series, of another matrix",
    "a slice of another spacing inside": "got a single image beside a stack of its series, of another spacing",
    "truncated file": "hold whole pixel data",
    "every slice turned": "got 4 stacks: series 7 (CT, 16 x 12 x 1)",
}
"""What a study is read with, or refused for in other words."""


def write(folder, number, position, *, value=None, rows=6, **more):
    image = slice_of(number, position, 0 if value is None else value, size=(rows, 8), **more)
    if value is None and "PixelData" not in more:
        pixels = np.arange(rows * 8, dtype=np.uint16)
        pixels[0] = 100 + position[2]
        image.PixelData = pixels.tobytes()
    for name in more.keys() & {"PixelData"}:
        setattr(image, name, more[name])
    save(image, folder, f"IM{number:04}.dcm")


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


def read_as_a_study(folder):
    """Voxels and affines of an inference whose `dataset_dir` is the folder; those that are refused are left out."""
    volumes = []
    for item in inference_items(folder):
        try:
            volumes.append(item["image"].read())
        except ValueError:
            continue
    return volumes


@pytest.mark.parametrize("name", SERIES)
def test_a_folder_reads_as_its_study_or_is_refused(name, tmp_path, caplog):
    for words, package in NEEDS.items():
        if words in name:
            pytest.importorskip(package)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        SERIES[name].write(tmp_path)
    expected = SERIES[name]
    if expected.stacks > 1 and expected.outcome != "refused":
        with pytest.raises(ValueError, match=rf"got {expected.stacks} stacks.*: series 7 \(CT, .*name the folder of"):
            VolumeFile.read([tmp_path])
    elif name in STRICTER or expected.outcome == "refused":
        with pytest.raises(ValueError) as error:
            VolumeFile.read([tmp_path])
        assert STRICTER.get(name, expected.words) in str(error.value)
        assert str(error.value).startswith(str(tmp_path))
    else:
        [study], volume = read_as_a_study(tmp_path), VolumeFile.read([tmp_path])
        np.testing.assert_array_equal(volume.data, study.data)
        assert volume.data.dtype == study.data.dtype
        np.testing.assert_array_equal(volume.affine, study.affine)
        flags = [warning.expected.rsplit(" ", 1)[1] for warning in volume.warnings]
        assert sorted(flags) == sorted(expected.words.split())
    assert "Doe" not in caplog.text


def test_pixels_are_decoded_once_and_flags_are_warned_of_once(tmp_path, monkeypatch):
    from bundle.volumes.dicom_series import read_series

    SERIES["tilted and uneven"].write(tmp_path)
    calls = []
    original = read_series.read_voxels
    monkeypatch.setattr(
        read_series, "read_voxels", lambda planes, images: calls.append(len(planes)) or original(planes, images)
    )
    stream = CaseStream([{"image": str(tmp_path), "case": "c"}], LoadCaseFilesd(), 1, check=check_case)
    assert len(list(stream)) == 1
    assert calls == [5]
    problems = check_case({"image": str(tmp_path), "case": "c", "patient": "p", "site": "s"})[1]
    assert [(problem.severity, problem.expected[-6:], problem.file) for problem in problems] == [
        ("warning", "g tilt", str(tmp_path)), ("warning", "uneven", str(tmp_path))]  # fmt: skip


WRONG = {
    "two series": ({"SeriesInstanceUID": "1.2.33"}, "got 2 stacks: series 7 (CT, 8 x 6 x 5), series 7 (CT, 8 x 6 x 1)"),
    "two sizes": ({"rows": 7}, "a single image beside a stack of its series, of another matrix"),
    "one position twice": ({"position": (10, 20, 40)}, "hold one slice at a position, got 1 more with other pixels"),
    "a gap": ({"position": (10, 20, 60)}, "hold every slice between its ends, got 20 mm after slice 4"),
    "frames": ({"NumberOfFrames": 2}, "tell the place of every frame, got frames without positions"),
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


def test_an_image_across_the_stack_is_a_scout(series):
    write(series, 9, (10, 20, 45), ImageOrientationPatient=[0, 1, 0, 0, 0, -1])
    volume = VolumeFile.read([series])
    assert volume.data[0, 0].tolist() == [236, 247, 258, 269, 280]
    assert [warning.found[:37] for warning in volume.warnings] == ["one with it (images that are left out"]  # 5 to 8


def test_an_oblique_series_lies_where_its_positions_say(tmp_path):
    row, column = np.array([0.8, 0.6, 0]), np.array([0, 0, -1.0])
    step = 3 * np.cross(row, column)
    for number in range(3):
        write(
            tmp_path / "o", number, [1.0, 2, 3] + step * number, value=number, ImageOrientationPatient=[*row, *column]
        )
    volume = VolumeFile.read([tmp_path / "o"])
    assert volume.data[0, 0].tolist() == [0, 1, 2]
    np.testing.assert_allclose((volume.affine @ [0, 0, 2, 1])[:3], np.array([-1, -1, 1]) * ([1.0, 2, 3] + 2 * step))


def test_a_single_image_has_a_thickness_of_one(tmp_path):
    write(tmp_path / "one", 0, (0, 0, 0))
    assert VolumeFile.read([tmp_path / "one"]).spacing == (0.5, 2.0, 1.0)


@pytest.mark.parametrize("version", [None, "2.4.4"])
def test_without_pydicom_3_it_is_named(series, version, monkeypatch):
    monkeypatch.setitem(sys.modules, "pydicom", version and type("", (), {"__version__": version}))
    for name in [name for name in sys.modules if name.startswith("bundle.volumes.dicom_series")]:
        monkeypatch.delitem(sys.modules, name)
    [problem] = CaseFiles().channels([series])[1]
    assert problem.remedy == "pip install 'pydicom>=3'"


@pytest.mark.parametrize(("suffix", "content"), [(".dcm", b""), (".dcm", b"x" * 100), ("", b""), ("", b"x")])
def test_a_damaged_slice_is_not_left_out(series, suffix, content):
    for file in series.glob("*.dcm"):
        file.rename(file.with_suffix(suffix))
    (series / f"IM0004{suffix}").write_bytes(content)  # the lowest: nothing is uneven without it
    with pytest.raises(ValueError, match=rf"must hold whole DICOM files, got the damaged IM0004{suffix}: copy it"):
        VolumeFile.read([series])


def test_a_slice_without_position_is_not_left_out(series):
    image = pydicom.dcmread(series / "IM0004.dcm")
    del image.ImagePositionPatient
    image.save_as(series / "IM0004.dcm")
    with pytest.raises(ValueError, match="must hold images whose place is known, got an image without ImagePos"):
        VolumeFile.read([series])


def test_inverted_images_are_refused(series):
    write(series, 1, (10, 20, 35), PhotometricInterpretation="MONOCHROME1")
    with pytest.raises(ValueError, match="got another color space: convert it to MONOCHROME2"):
        VolumeFile.read([series])


@pytest.mark.parametrize(
    ("change", "found"),
    [({"PatientID": "4712"}, "2 stacks of 2 studies"), ({"FrameOfReferenceUID": "1.2"}, "another frame of reference"),
     ({"EchoTime": 5}, "another echo time"), ({"DiffusionBValue": 900.0}, "one b-value, got 2 in 5 slices"),
     ({"TemporalPositionIdentifier": 2}, "one temporal position, got 2"),
     ({"ImageType": ["ORIGINAL", "PRIMARY", "M", "MOSAIC"]}, "mosaics"), ({"BitsStored": 12}, "lowest bits"),
     ({"RescaleSlope": 0}, "a slope of 0"), ({"PixelData": bytes(range(96)) * 2}, "96 bytes more than its rows"),
     ({"Modality": "PT", "NumberOfFrames": 3}, "frames without positions")],
)  # fmt: skip
def test_what_would_come_out_wrong_in_silence_is_refused(series, change, found):
    write(series, 1, (10, 20, 35), **change)
    with pytest.raises(ValueError, match=found) as error:
        VolumeFile.read([series])
    assert "471" not in str(error.value)


def test_a_whole_study_says_why_it_is_no_series(tmp_path):
    save(slice_of(1, (0, 0, 0), ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]), tmp_path)
    with pytest.raises(ValueError, match=r"must hold one DICOM series, got scout \(1\): name the folder of the series"):
        VolumeFile.read([tmp_path])
