"""The server of MONAI Label in a process of its own, and OHIF's way to ask it."""

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager

from conftest import ROOT
from support.pacs import free_port

MODEL = "lgm_vit"
OHIF_INFER = {
    "result_extension": ".nrrd",
    "result_dtype": "uint8",
    "result_compress": False,
    "restore_label_idx": False,
}
"""Parameters that OHIF's extension of 0.8.5 adds to those of its options."""


@contextmanager
def label_server(bundle, studies, folder, **options):
    """Run `scripts/label_server.py` until it answers; yield its address and the file of what it says."""
    import requests

    port, log = free_port(), folder / "server.log"
    arguments = ["--bundle", bundle, "--studies", studies, "--port", port, "--device", "cpu"]
    arguments += [text for name, value in options.items() for text in (f"--{name}", value)]
    command = [sys.executable, str(ROOT / "scripts/label_server.py"), *map(str, arguments)]
    with log.open("wb") as said:
        # a folder of the test's own, and no window for the tests' own settings
        server = subprocess.Popen(
            command, stdout=said, stderr=said, cwd=folder, env={**os.environ, "HOME": str(folder)}
        )
    try:
        address, end = f"http://127.0.0.1:{port}", time.monotonic() + 300
        while True:
            try:
                requests.get(f"{address}/info/", timeout=60).raise_for_status()
                break
            except requests.RequestException:
                if server.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(log.read_text()[-3000:]) from None
                time.sleep(0.5)
        yield address, log
    finally:
        server.terminate()
        server.wait(timeout=60)


def ohif_infer(address, image, **params):
    """Ask as the button Run of OHIF's panel does."""
    import requests

    form = {"params": (None, json.dumps(OHIF_INFER | params))}
    query = {"image": image, "output": "image"}
    return requests.post(f"{address}/infer/{MODEL}", params=query, files=form, timeout=300)


def finished(address, task, seconds=300):
    """Wait for a task in the background; return what the server says of it."""
    import requests

    end = time.monotonic() + seconds
    while time.monotonic() < end:
        status = requests.get(f"{address}/{task}", timeout=60).json()
        if status["status"] not in ("SUBMITTED", "RUNNING"):
            return status
        time.sleep(1)
    raise RuntimeError(status)
