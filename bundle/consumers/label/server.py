"""Server of MONAI Label for one packed bundle, on loopback."""

from __future__ import annotations

import json
import os
from pathlib import Path

_HOST = "127.0.0.1"
_APP = """from bundle.consumers.label.label_app import LabelApp  # the one app of this folder
"""


def serve(bundle_root: Path, studies: str, app_dir: Path | None = None, port: int = 8000, **conf: str) -> None:
    """Serve a packed bundle over a folder of studies until it is interrupted; nobody but this machine can connect.

    Args:
        bundle_root: folder of an unpacked bundle.
        studies: folder of volumes and DICOM studies, made if missing, whose labels go into ``labels/`` there; or the
            address of a DICOMweb service.
        app_dir: for the log, and for what an archive's images become; None takes ``.label`` in the studies folder.
        port: to listen on.
        conf: of `LabelApp`, as `device` and `contrasts`.

    Raises:
        ImportError: MONAI Label is not installed.
    """
    try:
        from bundle.consumers.label import label_app
    except ModuleNotFoundError as error:
        raise ImportError(
            f"MONAI Label must be installed, got {error}: pip install --no-deps -r requirements-label.txt."
        ) from error
    # a folder that is no bundle is said now, not by the first client
    label_app.LabelNetwork(bundle_root, conf.get("device"), conf.get("contrasts"))
    import uvicorn
    from monailabel.config import settings
    from monailabel.utils.others.generic import init_log_config

    is_archive = studies.startswith(("http://", "https://"))
    place = studies if is_archive else str(Path(studies).resolve())
    app_dir = app_dir or Path("." if is_archive else place).resolve() / ".label"
    app_dir.mkdir(parents=True, exist_ok=True)
    (app_dir / "main.py").write_text(_APP)
    settings.MONAI_LABEL_SERVER_PORT = port
    settings.MONAI_LABEL_APP_DIR = str(app_dir)
    settings.MONAI_LABEL_STUDIES = place
    settings.MONAI_LABEL_APP_CONF = {**conf, "bundle": str(bundle_root.resolve())}
    # trainings and batches are processes of their own, which read the settings from the environment
    for name, value in settings.model_dump().items():
        if value is not None:
            os.environ[name] = json.dumps(value) if isinstance(value, list | dict) else str(value)
    root = str(Path(__file__).resolve().parents[3])
    os.environ["PYTHONPATH"] = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    log = init_log_config(None, str(app_dir), "app.log", "INFO")
    uvicorn.run("monailabel.app:app", host=_HOST, port=port, log_config=log)
