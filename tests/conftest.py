"""Fixtures of every test: the place of shared, uncommitted data, one thread a process, and no GPU but for tests/gpu.

Torch and MONAI are imported late, so that the process that hands out tests to others (`-n 2`) does without them.
"""

import os
import pkgutil
import sys
from contextlib import contextmanager, suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"
UNCOUNTED = [ROOT / "tests" / name for name in ("configs", "gpu", "scripts", "system")]
# whole trainings, and a device whose operations are written in Python
UNCOUNTED += [ROOT / "tests" / "handlers" / f"test_{name}.py" for name in ("no_waiting", "training_checkpoint")]
LIBRARIES = (
    "monai.bundle",
    "pandas",
    "skimage.measure",
    "sklearn.metrics",
    "torch._dynamo",  # an optimizer imports it at its first step
    "torch.utils.tensorboard",
)

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])

if not os.environ.get("GPU_CHECK_DEVICE"):
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # a GPU adds in changing order: runs would not be the same to the bit


def _coverage(config):
    """Return what starts and stops coverage, None where it is not measured."""
    plugin = config.pluginmanager.getplugin("_cov")
    return plugin.cov_controller if plugin else None


@contextmanager
def _covered(config):
    """Count the lines of the bundle that run, while the rest of a session is not slowed by it."""
    coverage = _coverage(config)
    if not coverage or coverage.started:
        yield
        return
    coverage.resume()
    try:
        yield
    finally:
        coverage.pause()


@pytest.hookimpl(wrapper=True)
def pytest_collection(session):
    """Pause coverage from here on: before Python 3.12 what is written in Python takes three times as long under it."""
    coverage = _coverage(session.config)
    if coverage:
        from coverage import Coverage

        coverage.pause()
        while below := Coverage.current():  # pytest-cov 7.1 starts a second one in each process that runs tests
            below.stop()
    if not session.config.pluginmanager.hasplugin("dsession"):  # which hands tests out and runs none
        import torch

        torch.set_num_threads(1)
        if coverage:
            _import_bundle(session.config)
    return (yield)


def _import_bundle(config):
    for library in LIBRARIES:
        import_module(library)
    with _covered(config):
        import bundle

        for module in pkgutil.walk_packages(bundle.__path__, "bundle."):
            with suppress(ImportError):  # the collection of its doctests tells
                import_module(module.name)


def _counts(path):
    """Whether the tests of a path cover a line, and do not merely pass it in a whole run."""
    return not any(path.is_relative_to(each) for each in UNCOUNTED)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef, request):
    """Count what the fixtures of a room run."""
    if "/" not in fixturedef.baseid or not _counts(ROOT / fixturedef.baseid):
        return (yield)
    with _covered(request.config):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Count what the tests of a room and the examples in docstrings run."""
    if not _counts(item.path):
        return (yield)
    with _covered(item.config):
        return (yield)


@pytest.fixture(scope="session", autouse=True)
def _components():
    """Let MONAI look for its components once; its release 1.6 does so for every config, through all of its modules."""
    if "monai.bundle" not in sys.modules:
        yield
        return
    locator = sys.modules["monai.bundle"].ComponentLocator
    find = locator._find_classes_or_functions
    found = cache(lambda names: find(None, names))
    with mock.patch.object(locator, find.__name__, lambda self, names: found(tuple(names))):
        yield


@pytest.fixture(autouse=True)
def _seed() -> None:
    """Every test draws the same numbers from torch, alone or in any order."""
    import torch

    torch.manual_seed(0)


@pytest.fixture
def write_volume(tmp_path):
    """Write voxels as NIfTI; the affine's axes point left, posterior, superior as BraTS files do."""
    import nibabel as nib

    def write(name, voxels, affine=LPS):
        path = tmp_path / name
        nib.save(nib.Nifti1Image(np.asarray(voxels), affine), path)
        return str(path)

    return write
