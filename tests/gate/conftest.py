"""A small bundle with our code, made anew for each test that spoils it."""

import io
import json

import pytest
import torch

from bundle.packing import SBOM, bundle_files, sbom_text, write_archive


@pytest.fixture(scope="session")
def weights():
    file = io.BytesIO()
    torch.save(torch.nn.Linear(2, 1).state_dict(), file)
    return file.getvalue()


@pytest.fixture(scope="session")
def bundle(weights):
    """Content of a bundle as it is packed, with weights of no use."""
    files = bundle_files()
    return {**files, SBOM: sbom_text(json.loads(files["configs/metadata.json"])), "models/model.pt": weights}


@pytest.fixture
def pack(tmp_path):
    """Write an archive with right sums, whatever is in it."""
    return lambda files: write_archive(tmp_path / "lgm_vit.zip", "lgm_vit", files)
