import sys

import pytest

pytest.importorskip("pydicom")
from bundle.consumers.label.server import serve


def test_without_monai_label_the_way_to_install_it_is_said(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "monailabel", None)
    monkeypatch.delitem(sys.modules, "bundle.consumers.label.label_app", raising=False)
    with pytest.raises(ImportError, match="pip install --no-deps -r requirements-label"):
        serve(tmp_path, str(tmp_path / "studies"))
    assert not (tmp_path / "studies").exists()
