"""Device of these tests, named by GPU_CHECK_DEVICE; without a name they skip.

`scripts/gpu_check.py` gives the name. With `cpu` they run everywhere, which says that the tests work and nothing else.
"""

import os

import pytest
import torch

from bundle.phantoms import make_phantoms


@pytest.fixture
def device():
    """The device under test; convolutions have full precision there, unless a test says otherwise."""
    name = os.environ.get("GPU_CHECK_DEVICE")
    if not name:
        pytest.skip("needs a GPU: GPU_CHECK_DEVICE=cuda, or make gpu-check")
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    yield torch.device(name)
    torch.backends.cudnn.allow_tf32 = before


@pytest.fixture
def gpu(device):
    """The device under test where it is a GPU, for what a CPU cannot do."""
    if device.type == "cpu":
        pytest.skip("a CPU has no queue to wait for")
    return device


@pytest.fixture(scope="session")
def phantoms(tmp_path_factory):
    """Ten scans, 32 x 32 x 6."""
    return make_phantoms(tmp_path_factory.mktemp("data") / "phantoms", cases=10, shape=(32, 32, 6), progress=False)
