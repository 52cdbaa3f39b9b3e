"""The file of an object, byte by byte that of pydicom's own writer."""

import numpy as np
import pytest

pytest.importorskip("highdicom")
from pydicom import dcmread
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, SecondaryCaptureImageStorage
from pydicom.valuerep import DSfloat

from bundle.dicom.objects.object_file import save_object

TEXTS = ["", "a", "ab", "Größe", "漢字 かな", "Müller^Jörg", "a" * 63, "ab\\c", "x\\\\y"]
VALUES = {
    "UI": ["", "1.2", "1.23", "2.25." + "9" * 40, ["1.2", "1.23"]],
    "DS": ["", "1", "1.0", "1.00", DSfloat(0.1), ["1", "-2.5", "3e4"], [DSfloat("1.50"), DSfloat("1.5")]],
    "IS": ["", "7", "07", 7, [1, 22]],
    "DA": ["", "20260102"],
    "TM": ["", "030405", "030405.678901"],
    "DT": ["20260102030405.678901+0100"],
    "AS": ["012Y"],
    "AT": [0x00080018, [0x00080018, 0x00200013]],
    "UL": [0, 7, [1, 2]],
    "US": [7, [1, 2, 3]],
    "FD": [0.1, [0.1, 0.2]],
    "FL": [0.5],
    "OB": [b"", b"abc", b"abcd"],
    "UN": [b"abcd"],
    "CS": ["", "YES", ["A", "BC"]],
    **{vr: TEXTS for vr in ("LO", "SH", "ST", "LT", "UT", "UC", "PN")},
}
"""Of each value representation: even, odd and empty, one and several, and what Python takes for equal."""


def made(seed: int, depth: int = 0) -> Dataset:
    """Return a dataset of values and sequences by chance, where the same ones come again."""
    random, dataset = np.random.default_rng(seed), Dataset()
    for _ in range(random.integers(0, 12)):
        vr = str(random.choice(list(VALUES)))
        values = VALUES[vr]
        value = values[random.integers(len(values))]
        tag = 0x00110000 + int(random.integers(1, 5)) * 0x20000 + 0x1000 + list(VALUES).index(vr)
        dataset.add(DataElement(tag, vr, value))
    if random.random() < 0.2:
        dataset.add(DataElement(0x00110000, "UL", 12))  # a group length, which is not written any more
    if depth < 4:
        for place in range(random.integers(0, 3)):
            items = [made(int(random.integers(20)), depth + 1) for _ in range(random.integers(0, 5))]
            dataset.add(DataElement(0x00291100 + place, "SQ", items))
    return dataset


def with_header(dataset: Dataset) -> Dataset:
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = SecondaryCaptureImageStorage, "1.2.3"
    dataset.file_meta.MediaStorageSOPClassUID, dataset.file_meta.MediaStorageSOPInstanceUID = (
        dataset.SOPClassUID,
        "1.2.3",
    )
    return dataset


def files(dataset: Dataset, folder) -> tuple[bytes, bytes]:
    save_object(folder / "ours.dcm", dataset)
    dataset.save_as(folder / "theirs.dcm", enforce_file_format=True)
    return (folder / "ours.dcm").read_bytes(), (folder / "theirs.dcm").read_bytes()


@pytest.mark.filterwarnings("ignore")  # some of the values are not as the standard wants them
@pytest.mark.parametrize("charset", [None, "ISO_IR 100", "ISO_IR 192", ["", "ISO 2022 IR 87"]])
def test_any_dataset_becomes_the_bytes_that_pydicom_writes(tmp_path, charset):
    for seed in range(15):
        dataset = with_header(made(seed))
        if charset is not None:
            dataset.SpecificCharacterSet = charset
        ours, theirs = files(dataset, tmp_path)
        assert ours == theirs, seed


def test_equal_numbers_and_texts_in_another_character_set_are_not_taken_for_one_another(tmp_path):
    items = [Dataset() for _ in range(6)]
    for item, value in zip(items, ["1.0", "1.00", "1"] * 2, strict=True):
        item.SliceThickness, item.ManufacturerModelName = DSfloat(value), "Größe"
    items[1].SpecificCharacterSet, items[4].SpecificCharacterSet = "ISO_IR 192", "ISO_IR 100"
    dataset = with_header(Dataset())
    dataset.SpecificCharacterSet, dataset.ContentSequence = "ISO_IR 100", items
    ours, theirs = files(dataset, tmp_path)
    assert ours == theirs
    assert [item.ManufacturerModelName for item in dcmread(tmp_path / "ours.dcm").ContentSequence] == ["Größe"] * 6


def test_items_of_a_file_in_another_encoding_with_open_lengths_are_read_back_as_they_were(tmp_path):
    source, inner = with_header(Dataset()), Dataset()
    inner.CodeMeaning, inner.SmallestImagePixelValue = "Größe", 7
    inner.is_undefined_length_sequence_item = True
    source.SpecificCharacterSet, source.PixelRepresentation = "ISO_IR 100", 0
    source.ContentSequence = [inner]
    source["ContentSequence"].is_undefined_length = True
    source.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    source.save_as(tmp_path / "source.dcm", enforce_file_format=True)
    dataset = with_header(Dataset())
    dataset.SpecificCharacterSet, dataset.PixelRepresentation = "ISO_IR 192", 0
    dataset.ContentSequence = dcmread(tmp_path / "source.dcm").ContentSequence
    save_object(tmp_path / "ours.dcm", dataset)
    [item] = dcmread(tmp_path / "ours.dcm").ContentSequence
    assert (item.CodeMeaning, item.SmallestImagePixelValue) == ("Größe", 7)


def test_another_transfer_syntax_is_refused(tmp_path):
    dataset = with_header(Dataset())
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    with pytest.raises(ValueError, match="must be Explicit VR Little Endian"):
        save_object(tmp_path / "a.dcm", dataset)
