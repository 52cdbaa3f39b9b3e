"""Which files of a folder belong to the bundle."""

import pytest

from bundle.packing import bundle_files


@pytest.fixture
def root(tmp_path):
    for name in ("bundle/a.py", "configs/b/c.yaml", "docs/README.md", "scripts/d.py", "LICENSE", "Makefile", "runs/e"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


def test_content_without_caches_and_hidden_files(root):
    for name in ("bundle/__pycache__/a.pyc", "bundle/.a.py.swp", "docs/.ipynb_checkpoints/x.md", ".git/config"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    names = ["bundle/a.py", "configs/b/c.yaml", "docs/README.md", "scripts/d.py", "LICENSE"]
    assert bundle_files(root) == {name: name.encode() for name in names}


def test_missing_part_is_named(root):
    (root / "LICENSE").unlink()
    with pytest.raises(ValueError, match="got no LICENSE"):
        bundle_files(root)
