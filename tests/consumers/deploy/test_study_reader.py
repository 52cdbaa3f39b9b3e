"""Series that a graph selected are found in their files; stand-ins have the few attributes of the SDK that are used."""

import json
from types import SimpleNamespace

import pandas as pd
import pytest

pytest.importorskip("pydicom", minversion="3", reason="needs the extra dicom")
pytest.importorskip("highdicom", reason="needs the extra dicom")

from pydicom import dcmread

from bundle.clinic import NoMatch
from bundle.consumers.deploy.study_reader import StudyReader, bundle_in, named_series, selected_folders


def series(folder):
    """What the SDK's loader makes of a folder: it drops all but one image of a position."""
    images = [dcmread(path) for path in sorted(folder.glob("*.dcm"))]
    kept = {tuple(image.ImagePositionPatient): image for image in images}.values()
    instances = [SimpleNamespace(get_native_sop_instance=lambda image=image: image) for image in kept]
    return SimpleNamespace(SeriesInstanceUID=images[0].SeriesInstanceUID, get_sop_instances=lambda: instances)


def selected(folder, **names):
    """What the SDK's selector gives: named selections of one study."""
    every = {path.name: series(path) for path in sorted(folder.iterdir())}
    chosen = [SimpleNamespace(selection_name=name, series=every[place]) for name, place in names.items()]
    return [SimpleNamespace(study=SimpleNamespace(get_all_series=lambda: list(every.values())), selected_series=chosen)]


@pytest.fixture
def reader(bundle_root, tmp_path):
    """Return a reader; it finds the bundle in its folder of models."""

    def reader(**more):
        return StudyReader(bundle_root, tmp_path / "out", device="cpu", **more)

    return reader


def rows(outcome):
    return pd.read_csv(outcome.folder / "slices.csv")


def test_a_selected_series_is_read_as_the_folder_is(study, reader):
    study(number=8)
    folder = study(number=7)
    by_name = reader(key_file=folder.with_name("key"))
    network = by_name.network()
    [first] = by_name.read(network, selected(folder, ct="series7"))
    assert (first.outcome, rows(first)["sop_instance_uid"][0]) == ("read", "1.2.4.700")
    account = json.loads((first.folder / "study.json").read_text())
    assert [(entry["name"], entry["reason"]) for entry in account["set_aside"]] == [("series 8", "not chosen")]

    [second] = by_name.read(network, selected(folder, CT="series8"))
    assert rows(second)["sop_instance_uid"][0] == "1.2.4.800"
    assert first.folder == second.folder


def test_images_that_the_loader_dropped_are_seen(study, reader):
    """It keeps one of two images at a position; which, depends on the order of the files."""
    study(number=7)
    folder = study(number=7, AcquisitionNumber=2)
    for path in list((folder / "series7").iterdir()):
        image = dcmread(path)
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = f"{image.SOPInstanceUID}.1"
        image.PixelData = image.PixelData[::-1]
        image.save_as(path.with_name(f"b{path.name}"))
    chosen = selected(folder, ct="series7")
    assert len(chosen[0].selected_series[0].series.get_sop_instances()) == 5
    by_name = reader()
    [outcome] = by_name.read(by_name.network(), chosen)
    assert outcome.outcome == "no match"
    assert "hold one slice at a position" in outcome.text


def test_a_study_without_a_selection_is_told_where_the_folder_is_known(study, reader):
    folder = study()
    of_folder = reader(input_folder=folder)
    [outcome] = of_folder.read(of_folder.network(), [])
    assert outcome.outcome == "no match"
    assert "the selection ct must be one series that can be read, got none; selected were none" in outcome.text


def test_nothing_selected_and_no_folder_is_no_match(reader):
    by_name = reader()
    with pytest.raises(NoMatch, match="the graph must select series, got none"):
        by_name.read(by_name.network(), [])


def test_series_that_no_file_holds_are_refused(study):
    chosen = selected(study(), ct="series7")
    for image in chosen[0].study.get_all_series()[0].get_sop_instances():
        image.get_native_sop_instance().filename = None
    with pytest.raises(ValueError, match="must come from files, got images without one: give input_folder"):
        selected_folders(chosen)


def test_without_selections_the_rules_of_the_bundle_choose(study, reader):
    folder = study(PatientID="XY4711Z")
    of_folder = reader(input_folder=folder)
    [outcome] = of_folder.read(of_folder.network())
    assert outcome.outcome == "read"
    assert outcome.folder.name.startswith("case_")  # by a key that nobody has
    assert not list(folder.parent.rglob("*.names.csv"))
    named = reader(input_folder=folder, identify=True)
    [outcome] = named.read(named.network())
    assert outcome.folder.name.startswith("XY4711Z")


def test_selections_may_have_names_of_their_own(study):
    study(number=7)
    chosen = selected(study(number=8), **{"CT Series": "series7", "flair": "series8"})
    found = named_series(chosen, {"ct series": "flair"})
    assert found == {"flair": {"1.2.3.7"}}  # not the one that bears the channel's name by chance


def test_names_of_selections_are_one_a_channel(study, reader):
    wrong = reader(channels=["a", "b"])
    with pytest.raises(ValueError, match="channels must name a selection for each of ct, got a, b"):
        wrong.read(wrong.network(), selected(study(), a="series7"))


def test_settings_that_contradict_each_other_are_refused(study, reader):
    folder = study()
    without = reader()
    with pytest.raises(ValueError, match="input_folder must be a folder where no graph selects series"):
        without.read(without.network())
    both = reader(numbers=["7"])
    with pytest.raises(ValueError, match="series must be left out where a graph selects series"):
        both.read(both.network(), selected(folder, ct="series7"))


def test_the_bundle_may_lie_in_a_folder_of_models(bundle_root, tmp_path):
    models = tmp_path / "models"
    models.mkdir()
    (models / "lgm_vit").symlink_to(bundle_root)
    assert bundle_in(bundle_root) == bundle_root
    assert bundle_in(models) == models / "lgm_vit"
    (models / "other").symlink_to(bundle_root)
    with pytest.raises(FileNotFoundError, match="must hold one unpacked bundle, got 2"):
        bundle_in(models)
