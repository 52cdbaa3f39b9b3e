"""Contrasts of a study are told by how they were made, and come to lie on one grid."""

import json
import re

import nibabel as nib
import numpy as np
import pytest
from conftest import ROOT

pytest.importorskip("pydicom", minversion="3")
pytest.importorskip("SimpleITK")
from support.dicom_files import enhanced, item, save
from support.head_scans import FLAIR, T1, scan

from bundle.dicom import find_stacks, prepare_study, read_headers
from bundle.dicom.contrasts import RULES, choose_channels, read_rules

STUDY = ROOT.parent / "shared/data/formats/dicom/mr_gbm_PGBM-003"
AGENT = {"ContrastBolusAgent": "Gd"}


def chosen(folder, **more):
    stacks, _ = find_stacks(read_headers(folder))
    return [(channel.name, channel.stack.planes[0].number) for channel in choose_channels(stacks, read_rules(), **more)]


@pytest.mark.parametrize(
    ("header", "description", "name"),
    [(T1, "t2 axial", "t1"), (T1 | AGENT, "pre", "t1c"), (FLAIR, "", "flair"), (FLAIR | AGENT, "T1", "flair"),
     ({"EchoTime": 100, "RepetitionTime": 4000, "ScanningSequence": "SE"}, "", "t2"),
     ({"EchoTime": 100, "RepetitionTime": 4000}, "t2 high bandwidth", "t2"),
     ({}, "ax T1 +C", "t1c"), ({}, "sag T1", "t1"), (T1 | {"ScanningSequence": "SE", "EchoTime": 20}, "", "t1"),
     (T1 | {"ScanningSequence": ["GR", "IR"], "EchoTime": 4}, "", "t1"),
     ({"EchoTime": 3, "InversionTime": 900, "RepetitionTime": 2300}, "mprage", "t1")],
)  # fmt: skip
def test_a_contrast_is_told_by_its_times_and_only_then_by_its_description(tmp_path, header, description, name):
    scan(tmp_path, 3, SeriesDescription=description, **header)
    assert chosen(tmp_path) == [(name, "3")]


def test_a_clash_names_both_series_and_a_contrast_that_is_needed_must_be_there(tmp_path):
    scan(tmp_path, 3, **T1)
    scan(tmp_path, 4, SeriesDescription="something else", EchoTime=5)
    assert chosen(tmp_path) == [("t1", "3")]
    scan(tmp_path, 5, **T1)
    with pytest.raises(ValueError, match="contrast t1 must be one series, got series 3 and series 5: leave one out"):
        chosen(tmp_path)
    with pytest.raises(ValueError, match="contrast t2 must be one series, got none: export it"):
        chosen(tmp_path, names=["t2"])


@pytest.mark.parametrize(
    ("header", "description"),
    [({}, "ADC map"), ({}, "t1_tof_3d"), ({"DiffusionBValue": 1000.0}, ""),
     ({"ImageType": ["DERIVED", "PRIMARY", "SWI"]}, ""), ({}, "t2_fl2d_tra_hemo"), ({}, "AX T2* GRE"),
     ({}, "GRE T2 STAR"), ({}, "T2W_FFE"), ({}, "gre_field_mapping"), ({}, "Mag_Images"),
     ({"ImageType": ["ORIGINAL", "PRIMARY", "P", "ND"]}, "t1"),
     ({"ImageType": ["ORIGINAL", "PRIMARY", "PHASE MAP", "P", "FFE"]}, "t1"),
     ({"ImageType": ["ORIGINAL", "PRIMARY", "I_FFE", "I", "FFE"]}, "t1"),
     ({"ComplexImageComponent": "PHASE"}, "t1"),
     ({"ScanningSequence": "EP"}, "t2"), ({"ScanningSequence": ["EP", "SE"]}, "t2"),
     ({"ScanningSequence": "GR", "EchoTime": 20}, "ax gre"), ({"EchoPulseSequence": "GRADIENT", "EchoTime": 20}, "t1"),
     ({}, "SWIp"), ({}, "eSWAN"), ({"EchoPlanarPulseSequence": "YES"}, "t2"),
     ({}, "eADC"), ({}, "DWIb1000"), ({}, "isoDWI"),
     ({}, "SpinEchoFieldMap_AP"), ({}, "cmrr_mbep2d_se"),
     ({"ImageType": ["ORIGINAL", "PRIMARY", "T1", "FIELD_MAP"]}, "")],
)  # fmt: skip
def test_images_of_something_else_are_no_contrast(tmp_path, header, description):
    scan(tmp_path, 3, SeriesDescription=description, **T1 | header)
    assert chosen(tmp_path) == []


@pytest.mark.parametrize("description", ["ax t1 mprage Swissmed", "T1 TRADC"])
def test_a_word_that_only_begins_or_ends_like_another_kind_leaves_a_t1(tmp_path, description):
    scan(tmp_path, 3, SeriesDescription=description, **T1)
    assert chosen(tmp_path) == [("t1", "3")]


@pytest.mark.parametrize("header", [{"ScanningSequence": "GR", "EchoTime": 20}, {"ScanningSequence": "EP"}])
def test_a_table_of_the_users_own_may_name_what_the_one_that_comes_along_leaves_out(tmp_path, header):
    scan(tmp_path, 3, **T1 | header)
    stacks, _ = find_stacks(read_headers(tmp_path))
    own = {"t2s": [{"echo_time": [1, 40]}], "t1": [{"echo_time": [0, 30]}]}
    assert [channel.name for channel in choose_channels(stacks, own)] == ["t2s"]
    assert choose_channels(stacks, {"t1": own["t1"]}) == []


@pytest.mark.parametrize(
    ("header", "description", "told"),
    [(T1, "t1_mprage_+C", "t1 by its numbers and t1c by its description"),
     ({"EchoTime": 100, "RepetitionTime": 9000}, "t2_flair", "t2 by its numbers and flair by its description")],
)  # fmt: skip
def test_a_header_that_lacks_what_its_description_tells_is_refused(tmp_path, header, description, told):
    scan(tmp_path, 3, SeriesDescription=description, **header)
    with pytest.raises(ValueError, match=f"series 3 must be one contrast, got {re.escape(told)}: leave it out"):
        chosen(tmp_path)


@pytest.mark.parametrize(
    "description",
    [
        *(
            "T1 pre contrast",
            "T1 ohne KM",
            "t1_post-op",
            "T1 GDC",
            "T1 vor KM",
            "T1 kein KM",
            "AX T1 noncontrast",
            "T1 no contrast",
        ),
        *(
            "T1 WO CONTRAST",
            "T1 post RT",
            "T1 SAG POSTERIOR FOSSA",
            "T1 sans contraste",
            "T1 avant gado",
            "T1 pré-contraste",
        ),
        "sub-01_T1w",
    ],
)
def test_a_description_without_a_contrast_agent_is_no_clash(tmp_path, description):
    scan(tmp_path, 3, SeriesDescription=description, **T1)
    assert chosen(tmp_path) == [("t1", "3")]


def test_a_clash_of_another_contrast_than_those_that_are_needed_is_none(tmp_path):
    scan(tmp_path, 3, SeriesDescription="t1_mprage_+C", **T1)
    scan(tmp_path, 4, **FLAIR)
    assert chosen(tmp_path, names=["flair"]) == [("flair", "4")]


@pytest.mark.parametrize(
    "description",
    [
        "T1 Gd NON FS",
        "T1 +C non-fat-sat",
        "T1 GdDOTA",
        "T1 post KM (pre-OP)",
        "T1 KM presurgical",
        "t1_post",
        "T1 post fs",
    ],
)
def test_a_description_with_a_contrast_agent_is_told_where_no_number_is(tmp_path, description):
    scan(tmp_path, 3, SeriesDescription=description, EchoTime=9, RepetitionTime=1800)
    assert chosen(tmp_path) == [("t1c", "3")]


@pytest.mark.parametrize(
    "protocol", ["BRAIN W CONTRAST", "BRAIN TUMOR PERFUSION", "MRI/MRA BRAIN", "ROUTINE FLAIR BRAIN"]
)
def test_a_protocol_of_all_series_tells_of_none(tmp_path, protocol):
    scan(tmp_path, 3, SeriesDescription="AX T1", ProtocolName=protocol, **T1)
    scan(tmp_path, 4, SeriesDescription="AX T2", ProtocolName=protocol, EchoTime=100, RepetitionTime=4000)
    assert chosen(tmp_path) == [("t1", "3"), ("t2", "4")]


def test_bytes_of_an_unknown_attribute_are_no_b_value(tmp_path):
    scan(tmp_path, 3, **T1)
    [stack], _ = find_stacks(read_headers(tmp_path))
    for plane in stack.planes:
        plane.repeats["b-value (GE)"] = str(b"0\\2\\0\\0 ")
    assert [channel.name for channel in choose_channels([stack], read_rules())] == ["t1"]


@pytest.mark.parametrize(("administered", "name"), [("YES", "t1c"), ("NO", "t1")])
def test_an_enhanced_image_tells_of_its_contrast_agent_in_sequences(tmp_path, administered, name):
    agent = {"ContrastBolusAgentSequence": [item(CodeMeaning="Gadolinium")], "RepetitionTime": 500.0}
    image = enhanced([{"position": (0, 0, height), "value": 5, "echo": 9} for height in (0, 2)], **agent)
    for groups in image.PerFrameFunctionalGroupsSequence:
        groups.ContrastBolusUsageSequence = [item(ContrastBolusAgentAdministered=administered)]
    save(image, tmp_path)
    assert chosen(tmp_path) == [(name, "7")]


def test_a_contrast_without_a_file_header_is_told(tmp_path):
    scan(tmp_path / "in", 3, **T1)
    for path in (tmp_path / "in").iterdir():
        path.write_bytes(path.read_bytes()[path.read_bytes().index(b"\x08\x00\x08\x00") :])
    assert chosen(tmp_path / "in") == [("t1", "3")]


@pytest.mark.parametrize("text", ["- t1", "t1: 5", "t1: [{echo: [1, 2]}]", "t1: [{}]"])
def test_a_table_that_is_none_is_refused(tmp_path, text):
    (tmp_path / "rules.yaml").write_text(text)
    with pytest.raises(ValueError, match="must hold"):
        read_rules(tmp_path / "rules.yaml")


def prepared(tmp_path, **more):
    [case] = prepare_study(tmp_path / "in", tmp_path / "out", tmp_path / "key", contrasts=RULES, **more)
    return case, json.loads((case.folder / "study.json").read_text())


@pytest.mark.parametrize("frame", ["1.2.8", "1.2.88"])
def test_a_head_that_moved_comes_back_the_same_each_time(tmp_path, frame):
    scan(tmp_path / "in", 3, **T1)
    scan(tmp_path / "in", 4, moved=(4, -3, 2), invert=True, FrameOfReferenceUID=frame, **FLAIR)
    case, account = prepared(tmp_path)
    first, second = account["channels"]
    assert [(each["name"], each["file"]) for each in (first, second)] == [
        ("t1", "channels/t1.nii.gz"), ("flair", "channels/flair.nii.gz")]  # fmt: skip
    assert second["rule"]["inversion_time"] == [1500, 3500]
    assert {first["slices"], second["slices"]} == {"series3_mr/slices.csv"}
    facts = second["registration"]
    np.testing.assert_allclose(facts["translation_mm"], [4, -3, 2], atol=0.8)  # of voxels of 1.5 x 1.5 x 3 mm
    np.testing.assert_allclose(facts["rotation_degrees"], 0, atol=4)
    assert facts["after"] > facts["before"] + 0.05
    assert 0.5 < facts["covered"] <= 1
    fixed, moved = (nib.load(case.folder / each["file"]) for each in (first, second))
    np.testing.assert_allclose(moved.affine, fixed.affine)
    np.testing.assert_allclose(fixed.get_fdata(), nib.load(case.folder / "series3_mr/volume.nii").get_fdata())
    assert (case.folder / second["checkerboard"]).stat().st_size > 100
    assert prepared(tmp_path)[1]["channels"] == account["channels"]


@pytest.mark.parametrize(("left_out", "covered"), [(range(6), 0.5), ((), 1.0)])
def test_a_contrast_that_covers_a_part_of_the_first_is_warned_of(tmp_path, left_out, covered):
    scan(tmp_path / "in", 3, **T1)
    scan(tmp_path / "in", 4, **FLAIR)
    for index in left_out:
        (tmp_path / "in" / f"1.2.4.{400 + index}.dcm").unlink()
    case, account = prepared(tmp_path)
    channel = account["channels"][1]
    assert channel["registration"]["covered_of_shown"] == pytest.approx(covered, abs=0.2)
    assert ("of what the first contrast shows, and is 0 in the rest" in channel["warning"]) is bool(left_out)
    assert ("warning: it covers" in case.text) is bool(left_out)


def test_a_grid_of_cubes_keeps_the_field_of_view(tmp_path):
    scan(tmp_path / "in", 3, **T1)
    case, account = prepared(tmp_path, spacing=1.0)
    image = nib.load(case.folder / account["channels"][0]["file"])
    assert image.shape == (45, 36, 36)
    np.testing.assert_allclose(image.header.get_zooms(), 1)
    assert (account["channels"][0]["slices"], (case.folder / "series3_mr/slices.csv").exists()) == (None, True)
    corner = image.affine @ [-0.5, -0.5, -0.5, 1]
    np.testing.assert_allclose(corner[:3], [22.5 + 0.75, 18 + 0.75, -16 - 1.5], atol=1e-5)


def test_what_does_not_fit_is_warned_of_and_a_clash_leaves_the_volumes(tmp_path):
    scan(tmp_path / "in", 3, **T1)
    scan(tmp_path / "in", 4, moved=(500, 0, 0), **FLAIR)
    case, account = prepared(tmp_path)
    assert account["channels"][1]["warning"].startswith("normalized mutual information is 1.000, below 1.05")
    assert "warning: normalized" in case.text
    scan(tmp_path / "in", 5, **T1)
    _, account = prepared(tmp_path)
    assert (account["channels"], len(account["volumes"])) == ([], 3)
    assert "got series 3 and series 5" in account["refused"][0]["problems"][0]


def test_a_tilted_series_is_no_channel(tmp_path):
    scan(tmp_path / "in", 3, ImageOrientationPatient=[1, 0, 0, 0, 0.8, 0.6], **T1)
    _, account = prepared(tmp_path)
    assert "must lie on a regular grid, got a stack flagged tilt" in account["refused"][0]["problems"][0]


@pytest.mark.skipif(not STUDY.exists(), reason="needs ../shared/data/formats/dicom")
def test_contrasts_of_a_scanner_are_told():
    stacks, _ = find_stacks(read_headers(STUDY))
    assert [channel.name for channel in choose_channels(stacks, read_rules())] == ["t1", "flair"]
