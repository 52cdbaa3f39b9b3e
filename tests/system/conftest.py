"""One small data set of phantoms and one trained run for a worker."""

import pytest
from support.bundle import LIGHT, train
from support.bundle import quick_pictures as quick_pictures

from bundle.phantoms import make_phantoms


@pytest.fixture(scope="session")
def phantoms(tmp_path_factory):
    """Ten scans of eight patients, four orientations, one of them oblique: 32 x 32 x 6."""
    return make_phantoms(tmp_path_factory.mktemp("data") / "phantoms", cases=10, shape=(32, 32, 6), progress=False)


@pytest.fixture(scope="session")
def trained(phantoms, tmp_path_factory):
    """An uninterrupted run of three epochs: localization, augmentation, validation, dropout and drop path are on."""
    return train(phantoms, tmp_path_factory.mktemp("run"), LIGHT)
