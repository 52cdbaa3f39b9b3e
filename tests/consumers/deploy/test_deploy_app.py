"""The SDK itself, on a CPU: `make test-deploy` runs this in an environment of its own."""

import json
import os
import shutil
import subprocess
import sys

import nibabel as nib
import numpy as np
import pytest
import torch
from conftest import ROOT
from monai.bundle import ConfigParser

pytest.importorskip("monai.deploy.core", reason="needs the extra deploy: make test-deploy")

import pydicom
from monai.deploy.conditions import CountCondition
from monai.deploy.core import AppContext, Application, IOType, Operator
from monai.deploy.core.domain import Image
from monai.deploy.operators.dicom_data_loader_operator import DICOMDataLoaderOperator
from monai.deploy.operators.dicom_series_selector_operator import DICOMSeriesSelectorOperator
from monai.deploy.operators.dicom_series_to_volume_operator import DICOMSeriesToVolumeOperator
from monai.deploy.operators.monai_bundle_inference_operator import IOMapping, MonaiBundleInferenceOperator
from pydicom.uid import MRImageStorage

from bundle.clinic import Selection, StudyNetwork, read_studies
from bundle.consumers.deploy.app import run_app
from bundle.consumers.deploy.study_reader import StudyReader
from bundle.consumers.deploy.study_reader_operator import StudyReaderOperator
from bundle.dicom import find_stacks, read_headers
from bundle.dicom.stack_files import write_stack

EXAMPLES = ROOT / "bundle/consumers/deploy"
NAMES = ("pre", "flair", "post")
EVERYTHING = {"map_threshold": 1e-9, "minimum_ml": 0.0, "map_scale": [0.0, 1.0]}
"""Rule by which the map of any weights has findings."""


def changed(root, target, channels=None, **settings):
    """Copy a bundle with other channels and settings."""
    shutil.copytree(root, target)
    for name in ("inference", "metadata"):
        file = target / "configs" / f"{name}.json"
        content = json.loads(file.read_text())
        if name == "inference":
            content |= settings
            if channels:
                content["in_channels"] = len(channels)
                network = {key: value for key, value in content["network_def"].items() if key != "_requires_"}
                built = ConfigParser({**content, "network_def": network}).get_parsed_content("network_def")
                torch.save(built.state_dict(), target / "models" / "model.pt")
        elif channels:
            content["network_data_format"]["inputs"]["image"]["channel_def"] = dict(enumerate(channels))
        file.write_text(json.dumps(content))
    return target


@pytest.fixture
def contrasts(study):
    """Write a study of three contrasts, and one more; pixels are not square."""
    for number, name in enumerate((*NAMES, "localizer of nothing"), start=1):
        folder = study(number=number, kind=MRImageStorage, Modality="MR", SeriesDescription=name, slices=4)
    return folder


@pytest.fixture
def run(tmp_path):
    """Run the app; return exit status and folders of the results."""

    def run(study, model, **more):
        output = tmp_path / "app"
        status = run_app(study, output, model, key_file=tmp_path / "key", device="cpu", **more)
        return status, [path for path in sorted(output.glob("*")) if path.is_dir()]

    return run


def own(study, model, tmp_path, selection=None):
    """Read as `scripts/read_study.py` does."""
    outcomes = read_studies(study, tmp_path / "own", StudyNetwork(model, "cpu"), tmp_path / "key", selection)
    return [outcome.folder for outcome in outcomes]


def assert_same(one, two):
    """Compare two folders of results by what they say, not by the time at which."""
    assert one.name == two.name
    names = [{path.relative_to(folder) for path in folder.rglob("*") if path.is_file()} for folder in (one, two)]
    assert names[0] == names[1]
    for name in names[0]:
        if name.suffix == ".csv" or name.name == "findings.json":
            assert (one / name).read_bytes() == (two / name).read_bytes(), name
        elif name.suffix == ".gz":
            first, second = (nib.load(folder / name) for folder in (one, two))
            np.testing.assert_array_equal(first.dataobj, second.dataobj)
            np.testing.assert_array_equal(first.affine, second.affine)
        elif name.name in ("map.dcm", "seg.dcm"):
            first, second = (pydicom.dcmread(folder / name) for folder in (one, two))
            keyword = "FloatPixelData" if name.name == "map.dcm" else "PixelData"
            assert getattr(first, keyword) == getattr(second, keyword)
    warnings = [json.loads((folder / "status.json").read_text())["warnings"] for folder in (one, two)]
    assert warnings[0] == warnings[1]


def rules_in(folder, **conditions):
    """Write rules of the SDK's selector; a selection has one condition on the modality."""
    selections = [{"name": name, "conditions": {"Modality": modality}} for name, modality in conditions.items()]
    path = folder / "rules.json"
    path.write_text(json.dumps({"selections": selections}))
    return path


@pytest.mark.parametrize("is_selected", [False, True])
def test_one_channel_of_pixels_that_are_not_square_is_read_as_by_our_own_command(
    study, bundle_root, run, tmp_path, is_selected
):
    """The series lacks AccessionNumber, PatientBirthDate and others that must be there, if empty."""
    folder, model = study(), changed(bundle_root, tmp_path / "all", finding_rule=EVERYTHING)
    status, [result] = run(folder, model, selections=rules_in(tmp_path, ct="CT") if is_selected else None)
    assert status == 0
    assert (result / "dicom" / "seg.dcm").is_file()
    affine = nib.load(result / "findings.nii.gz").affine
    np.testing.assert_allclose(nib.affines.voxel_sizes(affine), [0.5, 2, 3])
    assert_same(result, *own(folder, model, tmp_path))


def test_three_channels_are_read_as_by_our_own_command(contrasts, bundle_root, run, tmp_path):
    model = changed(bundle_root, tmp_path / "three", NAMES, finding_rule=EVERYTHING)
    status, [result] = run(contrasts, model, selections=EXAMPLES / "selections_3_channels.json")
    assert status == 0
    own_rules = {name: [{"description": name}] for name in NAMES}
    assert_same(result, *own(contrasts, model, tmp_path, Selection(rules=own_rules)))
    if shutil.which("dciodvfy"):
        for file in (result / "dicom").iterdir():
            said = subprocess.run(["dciodvfy", str(file)], capture_output=True, text=True, errors="replace").stderr
            assert [line for line in said.splitlines() if line.startswith("Error")] == [], file.name


def test_a_negative_study_has_a_report_and_no_segmentation(study, bundle_root, run, tmp_path):
    model = changed(bundle_root, tmp_path / "negative", threshold=1.0, volume_threshold=1.0)
    status, [result] = run(study(), model, selections=rules_in(tmp_path, ct="CT"))
    assert status == 0
    assert {path.name for path in (result / "dicom").iterdir()} >= {"sr.dcm", "map.dcm"}
    assert not (result / "dicom" / "seg.dcm").exists()


@pytest.mark.parametrize("is_selected", [False, True])
def test_no_match_has_its_own_status(study, bundle_root, run, tmp_path, is_selected):
    folder = study(Modality="PT")
    status, [result] = run(folder, bundle_root, selections=rules_in(tmp_path, ct="CT") if is_selected else None)
    assert status == 4
    assert json.loads((result / "status.json").read_text())["outcome"] == "no match"


def test_two_series_of_one_selection_are_no_match(study, bundle_root, run, tmp_path, caplog):
    study(number=3)
    status, _ = run(study(number=7), bundle_root, selections=rules_in(tmp_path, ct="CT"))
    assert status == 4
    assert "the selection ct must be one series that can be read, got series 3" in caplog.text


@pytest.mark.parametrize("is_selected", [False, True])
def test_a_folder_without_slices_has_its_own_status(bundle_root, run, tmp_path, is_selected):
    (tmp_path / "empty").mkdir()
    status, results = run(
        tmp_path / "empty", bundle_root, selections=rules_in(tmp_path, ct="CT") if is_selected else None
    )
    assert (status, results) == (3, [])


def test_no_bundle_is_told(study, run, tmp_path, caplog):
    assert run(study(), tmp_path) == (1, [])
    assert "must hold one unpacked bundle, got 0" in caplog.text


def test_a_container_gives_its_folders_in_the_environment(study, bundle_root, tmp_path):
    """A package of the SDK has the script alone in one folder, and the bundle with its code in another."""
    models, place = tmp_path / "models", tmp_path / "map"
    shutil.copytree(bundle_root, models / "lgm_vit")
    shutil.copytree(ROOT / "bundle", models / "lgm_vit" / "bundle", ignore=shutil.ignore_patterns("__pycache__"))
    place.mkdir()
    shutil.copy(ROOT / "scripts/deploy_app.py", place)
    folders = {"INPUT": study(PatientID="XY4711Z", PatientName="Mustermann^Erika"), "MODEL": models}
    folders["OUTPUT"] = tmp_path / "out"
    (folders["INPUT"] / "note.txt").write_text("the SDK's loader would name it")
    variables = {f"HOLOSCAN_{name}_PATH": str(path) for name, path in folders.items()}
    done = subprocess.run(
        [sys.executable, str(place / "deploy_app.py")],
        env={
            **os.environ,
            **variables,
            "LGM_VIT_SELECTIONS": str(rules_in(tmp_path, ct="CT")),
            "LGM_VIT_DEVICE": "cpu",
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    [result] = folders["OUTPUT"].iterdir()
    assert result.name.startswith("case_")
    assert (result / "report.html").is_file()
    assert not any(word in done.stdout + done.stderr for word in ("XY4711Z", "Mustermann", "note.txt"))


class Sink(Operator):
    """Keeps what it receives."""

    def setup(self, spec):
        spec.input("given")
        self.received = []

    def compute(self, op_input, op_output, context):
        self.received.append(op_input.receive("given"))


class Graph(Application):
    """Loader and selector of the SDK, and what follows them: operators in a row, with the ports between them."""

    def __init__(self, study, rules, *row):
        self.study, self.rules, self.row = study, rules, row
        super().__init__(sys.argv[:1])

    def compose(self):
        loader = DICOMDataLoaderOperator(self, CountCondition(self, 1), input_folder=self.study, name="loader")
        selector = DICOMSeriesSelectorOperator(self, rules=self.rules.read_text(), name="selector")
        self.add_flow(loader, selector, {("dicom_study_list", "dicom_study_list")})
        port, last = "study_selected_series_list", selector
        for make, into, out in self.row:
            operator = make(self)
            self.add_flow(last, operator, {(port, into)})
            last, port = operator, out
        self.sink = Sink(self, name="sink")
        self.add_flow(last, self.sink, {(port, "given")})

    @classmethod
    def received(cls, *given):
        graph = cls(*given)
        graph.run()
        [received] = graph.sink.received
        return received


def test_the_operator_fits_into_a_graph_of_others(study, bundle_root, tmp_path):
    reader = StudyReader(bundle_root, tmp_path / "out", channels=["CT Series"], device="cpu")
    ports = ("study_selected_series_list", "study_outcomes")
    rules, folder = rules_in(tmp_path, **{"CT Series": "CT"}), study()
    row = (lambda graph: StudyReaderOperator(graph, reader=reader, name="reader"), *ports)
    [outcome] = Graph.received(folder, rules, row)
    assert outcome.outcome == "read"
    assert (outcome.folder / "slices.csv").read_bytes() == (
        own(folder, bundle_root, tmp_path)[0] / "slices.csv"
    ).read_bytes()


def test_the_operator_fails_where_nothing_was_read(study, bundle_root, tmp_path):
    reader = StudyReader(bundle_root, tmp_path / "out", device="cpu")
    ports = ("study_selected_series_list", "study_outcomes")
    row = (lambda graph: StudyReaderOperator(graph, reader=reader, name="reader"), *ports)
    with pytest.raises(ValueError, match="the graph must select series, got none"):
        Graph.received(study(), rules_in(tmp_path, ct="MR"), row)


def test_the_bundle_operator_of_the_sdk_gives_our_map(study, bundle_root, tmp_path):
    """With square pixels and one channel: it reads no other series rightly."""
    folder = study(PixelSpacing=[2.0, 2.0])
    mapping = [[IOMapping(name, kind, IOType.IN_MEMORY)] for name, kind in (("image", Image), ("pred", dict))]

    def bundle_operator(graph):
        context = AppContext({"model": str(tmp_path / "none")})
        return MonaiBundleInferenceOperator(
            graph,
            app_context=context,
            input_mapping=mapping[0],
            output_mapping=mapping[1],
            bundle_path=bundle_root,
            name="bundle",
        )

    volume = (lambda graph: DICOMSeriesToVolumeOperator(graph, name="volume"), "study_selected_series_list", "image")
    found = Graph.received(folder, rules_in(tmp_path, ct="CT"), volume, (bundle_operator, "image", "pred"))
    stacks, _ = find_stacks(read_headers(folder))
    write_stack(stacks[0], tmp_path / "volume")
    expected = StudyNetwork(bundle_root, "cpu").infer([tmp_path / "volume" / "volume.nii"], "case")["pred"]
    np.testing.assert_allclose(found["probabilities"], expected, atol=1e-6)
