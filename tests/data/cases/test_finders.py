"""Finders, on file trees like those that users download."""

import json
from pathlib import Path

import pytest
from conftest import SHARED

from bundle.data import Case, ChannelFiles, Datalist, DecathlonCases, PairedVolumes, SliceImages, with_identities


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def relative(case: Case, root: Path) -> list[str]:
    return [Path(image).relative_to(root).as_posix() for image in case.images]


def test_brats2020_by_folder_keeps_channel_order_and_tells_t1_from_t1ce(tmp_path):
    ids = [f"BraTS20_Training_00{n}" for n in (2, 1)]
    touch(tmp_path, *(f"{i}/{i}_{c}.nii" for i in ids for c in ("t1", "t1ce", "t2", "flair", "seg")))
    cases = ChannelFiles(tmp_path, ["t1", "t2", "flair"]).find()
    assert [case.case for case in cases] == sorted(ids)
    assert relative(cases[0], tmp_path) == [f"{ids[1]}/{ids[1]}_{c}.nii" for c in ("t1", "t2", "flair")]
    assert cases[0].label == str(tmp_path / ids[1] / f"{ids[1]}_seg.nii")
    assert (cases[0].patient, cases[0].site, cases[0].organ) == (ids[1], "unknown", None)


def test_later_brats_has_other_names_and_a_patient_in_the_id(tmp_path):
    ids = ["BraTS-GLI-00000-000", "BraTS-GLI-00000-001"]
    touch(tmp_path, *(f"{i}/{i}-{c}.nii.gz" for i in ids for c in ("t1n", "t2w", "seg")))
    finder = ChannelFiles(tmp_path, ["t1n", "t2w"], pattern="{case}/{case}-{channel}", patient=r"^(.+)-\d{3}$")
    assert [(case.case, case.patient) for case in finder.find()] == [(i, "BraTS-GLI-00000") for i in ids]


def test_folders_in_between_are_searched_and_other_ids_left_out(tmp_path):
    touch(tmp_path, "M/BraTS20_Training_001/BraTS20_Training_001_t1.nii", "V/Val_1/Val_1_t1.nii")
    finder = ChannelFiles(tmp_path, ["t1"], pattern="**/{case}/{case}_{channel}", case_regex="BraTS20_Training_[0-9]+")
    [case] = finder.find()
    assert relative(case, tmp_path) == ["M/BraTS20_Training_001/BraTS20_Training_001_t1.nii"]
    # The missing mask is expected beside the case's other files.
    assert case.label == str(tmp_path / "M/BraTS20_Training_001/BraTS20_Training_001_seg.nii")


def test_missing_channel_stays_as_the_path_where_it_should_be(tmp_path):
    touch(tmp_path, "a/a_t1.nii.gz", "a/a_seg.nii.gz")
    [case] = ChannelFiles(tmp_path, ["t1", "t2"]).find()
    assert relative(case, tmp_path) == ["a/a_t1.nii.gz", "a/a_t2.nii.gz"]


def test_two_files_for_one_channel_are_refused(tmp_path):
    touch(tmp_path, "a/a_t1.nii.gz", "a/a_t1.nii")
    with pytest.raises(
        ValueError, match=r"case 'a' must have one file for channel 't1', got .*a_t1\.nii and .*a_t1\.nii\.gz"
    ):
        ChannelFiles(tmp_path, ["t1"]).find()


def test_mask_then_csv_then_nothing(tmp_path):
    touch(tmp_path, "a/a_t1.nii", "a/a_seg.nii", "b/b_t1.nii", "c/c_t1.nii", "labels/a.csv", "labels/b.csv")
    options = {"channels": ["t1"], "slice_labels": "labels/{case}.csv"}
    labels = [case.label and Path(case.label).name for case in ChannelFiles(tmp_path, **options).find()]
    assert labels == ["a_seg.nii", "b.csv", "c_seg.nii"]
    labels = [case.label and Path(case.label).name for case in ChannelFiles(tmp_path, mask=None, **options).find()]
    assert labels == ["a.csv", "b.csv", "c.csv"]
    optional = ChannelFiles(tmp_path, mask_optional=True, **options).find()
    assert optional[2].label is None
    assert "label" not in optional[2].item()


def test_table_gives_site_and_patient_and_wins_over_the_expression(tmp_path):
    touch(tmp_path, "a/a_t1.nii", "b/b_t1.nii")
    (tmp_path / "cases.csv").write_text("case,patient,site\na,P,north\nb,P,\n")
    finder = ChannelFiles(tmp_path, ["t1"], mask=None, table="cases.csv", site="(.)")
    assert [(case.patient, case.site) for case in finder.find()] == [("P", "north"), ("P", "b")]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("case,site\nb,x\n", r"cases.csv must have a row for every case, got none for 'a'"),
        ("case,site\na,x\na,y\n", r"cases.csv, line 3, must name a new case, got 'a' again"),
        ("id,site\na,x\n", r"cases.csv must have the columns case and site and/or patient, got \['id', 'site'\]"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*not on disk")
def test_bad_tables_are_refused(tmp_path, table, message):
    touch(tmp_path, "a/a_t1.nii")
    (tmp_path / "cases.csv").write_text(table)
    with pytest.raises(ValueError, match=message):
        ChannelFiles(tmp_path, ["t1"], mask=None, table="cases.csv").find()


def test_table_rows_without_files_warn(tmp_path):
    touch(tmp_path, "a/a_t1.nii")
    (tmp_path / "cases.csv").write_text("case,site\na,x\nb,x\n")
    with pytest.warns(UserWarning, match="1 of 2 rows name a case that is not on disk, e.g. 'b'"):
        ChannelFiles(tmp_path, ["t1"], table="cases.csv").find()


def test_expression_that_does_not_fit_names_the_case(tmp_path):
    touch(tmp_path, "a/a_t1.nii")
    with pytest.raises(ValueError, match=r"case ids must match site='\^TCGA', got 'a'"):
        ChannelFiles(tmp_path, ["t1"], site="^TCGA").find()


@pytest.mark.parametrize(
    "finder",
    [lambda root: ChannelFiles(root, ["t1"]), PairedVolumes, SliceImages, DecathlonCases],
)
def test_empty_or_absent_folder_is_an_error_that_says_what_was_looked_for(tmp_path, finder):
    touch(tmp_path, "other/readme.txt")
    with pytest.raises(FileNotFoundError, match=r"\{case\}|\*"):
        finder(tmp_path).find()
    with pytest.raises(FileNotFoundError, match="no folder"):
        finder(tmp_path / "absent").find()


def test_pattern_with_an_unknown_field_lists_the_known(tmp_path):
    touch(tmp_path, "a_t1.nii")
    with pytest.raises(ValueError, match=r"\['case', 'channel', 'suffix'\] in braces.*\['channel', 'kase', 'suffix'\]"):
        ChannelFiles(tmp_path, ["t1"], pattern="{kase}_{channel}").find()


def test_lits_pairs_by_number_and_reports_either_half_missing(tmp_path):
    touch(tmp_path, "scans/volume-2.nii", "scans/volume-10.nii", "segmentations/segmentation-10.nii")
    touch(tmp_path, "segmentations/segmentation-3.nii", "scans/._volume-10.nii")
    cases = {case.case: case for case in PairedVolumes(tmp_path, organs="segmentations/segmentation-*.nii").find()}
    assert sorted(cases) == ["volume-10", "volume-2", "volume-3"]
    assert cases["volume-10"].label == cases["volume-10"].organ == str(tmp_path / "segmentations/segmentation-10.nii")
    assert not Path(cases["volume-2"].label).exists()
    assert relative(cases["volume-3"], tmp_path) == ["scans/volume-3.nii"]


def test_pairs_with_one_pattern_per_channel_csv_labels_and_optional_masks(tmp_path):
    touch(tmp_path, "im/x_0000.nii.gz", "im/x_0001.nii.gz", "im/y_0000.nii.gz", "im/y_0001.nii.gz", "csv/x_0000.csv")
    options = {"images": ["im/*_0000.nii.gz", "im/*_0001.nii.gz"], "slice_labels": "csv/{case}.csv"}
    x, y = PairedVolumes(tmp_path, labels="lab/*.nii.gz", mask_optional=True, **options).find()
    assert relative(x, tmp_path) == ["im/x_0000.nii.gz", "im/x_0001.nii.gz"]
    assert (x.label, y.label) == (str(tmp_path / "csv/x_0000.csv"), None)
    assert PairedVolumes(tmp_path, labels=None, **options).find()[1].label.endswith("y_0000.csv")


def test_pair_patterns_are_checked(tmp_path):
    with pytest.raises(
        ValueError, match=r"pattern must have one \* for the text that pairs image and mask, got '\*-\*\.nii'"
    ):
        PairedVolumes(tmp_path, images="*-*.nii").find()
    touch(tmp_path, "p/v-1.nii", "q/v-1.nii")
    with pytest.raises(ValueError, match=r"must find one file, got .*p/v-1.nii and .*q/v-1.nii"):
        PairedVolumes(tmp_path, images="**/v-*.nii", labels=None).find()


def test_decathlon_by_json_and_by_folder_without_macos_twins(tmp_path):
    names = ["BRATS_002", "BRATS_001"]
    touch(tmp_path, *(f"{folder}/{name}.nii.gz" for name in names for folder in ("imagesTr", "labelsTr")))
    touch(tmp_path, "imagesTr/._BRATS_001.nii.gz")
    by_folder = DecathlonCases(tmp_path).find()
    listed = [{"image": f"./imagesTr/{name}.nii.gz", "label": f"./labelsTr/{name}.nii.gz"} for name in [*names, "._x"]]
    (tmp_path / "dataset.json").write_text(json.dumps({"training": listed, "test": ["./imagesTs/BRATS_485.nii.gz"]}))
    assert DecathlonCases(tmp_path).find() == by_folder
    assert [case.case for case in by_folder] == sorted(names)


def test_decathlon_json_of_another_form_is_refused(tmp_path):
    (tmp_path / "dataset.json").write_text('{"training": ["a.nii"]}')
    with pytest.raises(ValueError, match=r'dataset\.json must hold \{"training"'):
        DecathlonCases(tmp_path).find()


def test_slices_come_in_numeric_order_and_a_gap_stays_visible(tmp_path):
    touch(tmp_path, *(f"a/a_{n}{m}.tif" for n in (10, 8, 11) for m in ("", "_mask")))
    [case] = SliceImages(tmp_path).find()
    assert relative(case, tmp_path) == ["a/a_8.tif", "a/a_9.tif", "a/a_10.tif", "a/a_11.tif"]
    assert [Path(mask).name for mask in case.label][:2] == ["a_8_mask.tif", "a_9_mask.tif"]
    assert SliceImages(tmp_path, mask_suffix=None).find()[0].label is None


def test_slices_without_any_mask_may_be_unlabeled(tmp_path):
    touch(tmp_path, "a/a_001.png", "a/a_002.png")
    [case] = SliceImages(tmp_path, image="{case}/{case}_{index}.png", mask_optional=True).find()
    assert case.label is None
    assert relative(case, tmp_path) == ["a/a_001.png", "a/a_002.png"]


def test_datalist_resolves_paths_and_keeps_names(tmp_path):
    entries = [
        {
            "image": ["d/b1.nii", "d/b2.nii"],
            "label": "b.csv",
            "case": "b",
            "patient": "p",
            "site": "s",
            "organ": "o.nii",
        },
        {"image": "/abs/a.nii", "label": ["m1.tif", "m2.tif"], "case": "a", "patient": "q"},
    ]
    path = tmp_path / "list.json"
    path.write_text(json.dumps({"name": "mine", "training": entries[:1], "test": entries[1:]}))
    a, b = Datalist(path).find()
    assert (a.images, a.label) == (("/abs/a.nii",), (str(tmp_path / "m1.tif"), str(tmp_path / "m2.tif")))
    assert b == Case(
        "b", "p", "s", (f"{tmp_path}/d/b1.nii", f"{tmp_path}/d/b2.nii"), f"{tmp_path}/b.csv", f"{tmp_path}/o.nii"
    )
    assert Datalist(path, section="test").find() == [a]
    path.write_text(json.dumps(entries))
    assert Datalist(path).find() == [a, b]


@pytest.mark.parametrize(
    ("content", "section", "message"),
    [
        (
            '{"training": []}',
            "train",
            r"list.json must hold a list of cases named 'train', got the lists \['training'\]",
        ),
        ("3", None, r"list.json must hold lists of cases, got the lists \[\]"),
        ('[{"label": "x"}]', None, "list.json must hold entries with an image file under 'image', got {'label': 'x'}"),
        (
            '[{"image": "x.nii", "case": "x", "patient": "x", "label": 1}]',
            None,
            "label must be the path of a mask or of a CSV, got 1",
        ),
    ],
)
def test_datalists_of_another_form_are_refused(tmp_path, content, section, message):
    path = tmp_path / "list.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        Datalist(path, section).find()


def test_a_case_with_a_mask_and_slice_labels_is_told(tmp_path):
    """Whoever saves an empty mask beside the labels means the labels."""
    for name in ("im/a_t1.nii", "im/a_seg.nii", "im/b_t1.nii", "csv/a.csv", "csv/b.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    told = rf"1 of 2 cases have a mask and a CSV of slice labels, e\.g\. \S+/im/a_seg\.nii and {tmp_path}/csv/a\.csv"
    with pytest.warns(UserWarning, match=told):
        a, b = ChannelFiles(tmp_path, ["t1"], pattern="im/{case}_{channel}", slice_labels="csv/{case}.csv").find()
    assert (Path(a.label).name, Path(b.label).name) == ("a_seg.nii", "b.csv")
    with pytest.warns(UserWarning, match=told):
        PairedVolumes(tmp_path, "im/*_t1.nii", "im/*_seg.nii", slice_labels="csv/{case}.csv", name_by_key=True).find()


@pytest.mark.parametrize(
    ("one", "other", "is_refused"),
    [
        (["a/a_t1.nii", "a/a_t2.nii"], ["b/b_t2.nii", "b/b_t1.nii"], True),
        (["t1/a.nii", "FLAIR/a.nii"], ["flair/b.nii", "t1/b.nii"], True),
        (["a/t1ce.nii.gz", "a/t1.nii.gz"], ["b/t1.nii.gz", "b/t1ce.nii.gz"], True),
        (["a/4_t1.nii", "a/5_flair.nii"], ["b/3_flair.nii", "b/4_t1.nii"], True),
        (["a/left.nii", "a/right.nii"], ["b/right.nii", "b/left.nii"], False),  # may be meant: the affected side first
        (["a_t1.nii", "a_t2.nii"], ["b_t1.nii", "b_t2.nii"], False),
        (["a_t1.nii", "a_t2.nii"], ["b_t2.nii", "b_adc.nii"], False),
        (["a/3.nii", "a/4.nii"], ["b/4.nii", "b/3.nii"], False),  # numbers of series differ from case to case
        (["a/ser3.nii", "a/ser4.nii"], ["b/ser4.nii", "b/ser3.nii"], False),
        (["a_2.png", "a_1.png"], ["b_1.png", "b_2.png"], False),
    ],
)
def test_channels_in_another_order_from_case_to_case_are_refused(one, other, is_refused, tmp_path):
    """As from a list of files that nobody sorted: the network would take one channel for another."""
    path = tmp_path / "list.json"
    path.write_text(
        json.dumps([{"image": files, "case": f"{n}", "patient": f"{n}"} for n, files in enumerate((one, other))])
    )
    if not is_refused:
        assert len(Datalist(path).find()) == 2
        return
    with pytest.raises(ValueError, match=r"must list the files of each case in one order of channels, got \['"):
        Datalist(path).find()


def test_absent_datalist_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"list\.json must be a datalist JSON, got no such file"):
        Datalist(tmp_path / "list.json").find()


def test_unnamed_items_take_the_stem_with_one_warning():
    with pytest.warns(UserWarning, match="2 of 2 items") as caught:
        items = with_identities([{"image": "x/a.b.nii.gz"}, {"image": ["c_t1.nii", "c_t2.nii"]}])
    assert len(caught) == 1
    assert [(item["case"], item["patient"], item["site"]) for item in items] == [
        ("a.b", "a.b", "unknown"),
        ("c_t1", "c_t1", "unknown"),
    ]


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["north/scan1.nii", "south/scan1.nii", "north/scan2.nii"], ["north_scan1", "south_scan1", "scan2"]),
        (["/d/a/mr/scan.nii.gz", "/d/b/mr/scan.nii.gz"], ["a_mr_scan", "b_mr_scan"]),  # one folder is not enough
        (["scan.nii", "a/scan.nii"], ["scan", "a_scan"]),
        (["/scan.nii", "/a/scan.nii"], ["scan", "a_scan"]),
        ([["a/t1.nii", "a/t2.nii"], ["b/t1.nii", "b/t2.nii"]], ["a_t1", "b_t1"]),
    ],
)
def test_files_of_one_stem_are_named_by_the_folders_that_tell_them_apart(files, names):
    items = [{"image": file} for file in files]
    assert [item["case"] for item in with_identities(items, warn=False)] == names
    assert [item["case"] for item in with_identities(items[::-1], warn=False)] == names[::-1]


def test_a_default_name_gives_way_to_one_that_was_given():
    items = [{"image": "x/scan.nii", "case": "scan"}, {"image": "y/scan.nii"}]
    assert [item["case"] for item in with_identities(items, warn=False)] == ["scan", "y_scan"]


@pytest.mark.parametrize(
    ("items", "files"),
    [
        ([{"image": "a/s.nii"}, {"image": "a/s.nii"}], "a/s.nii and a/s.nii"),  # the same file
        ([{"image": "a/s.nii"}, {"image": "a/s.nii.gz"}], "a/s.nii and a/s.nii.gz"),
        ([{"image": "a.nii", "case": "s"}, {"image": "b.nii", "case": "s"}], "a.nii and b.nii"),
    ],
)
def test_what_no_folder_tells_apart_names_both_files(items, files):
    with pytest.raises(ValueError, match=f"case ids must differ, got 's' for {files}:"):
        with_identities(items, warn=False)


def test_item_without_image_is_refused():
    with pytest.raises(ValueError, match=r"image must be a file or a list of files, got \{'label': 'm.nii'\}"):
        with_identities([{"label": "m.nii"}])


@pytest.mark.skipif(not (SHARED / "data").exists(), reason="the shared data are not here")
def test_real_folders():
    lgg = ChannelFiles(SHARED / "data/lgg", ["pre", "flair", "post"], table="cases.csv").find()
    by_id = ChannelFiles(SHARED / "data/lgg", ["pre", "flair", "post"], site="^TCGA_([^_]+)").find()
    assert len(lgg) == 60
    assert lgg == by_id
    [tiff] = SliceImages(SHARED / "data/formats/kaggle_3m", patient="^TCGA_[^_]+_[^_]+", site="^TCGA_([^_]+)").find()
    assert (tiff.patient, tiff.site, len(tiff.images)) == ("TCGA_CS_4941", "CS", 23)
    assert all(Path(file).exists() for file in (*tiff.images, *tiff.label))
