"""One study prepared, and read whole but for the network, in a process of its own: seconds of the processor, memory."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from bundle.dicom import prepare_study

if TYPE_CHECKING:
    import torch

_NETWORK = {"image_size": 64, "patch_size": 8, "hidden_size": 16, "num_layers": 1, "num_heads": 2, "in_channels": 1}
_RULE = {"map_threshold": 0.5, "minimum_ml": 0.0, "map_scale": [0.0, 1.0]}
_CONFIGS = Path(__file__).parents[2] / "configs"


def _bundle(root: Path) -> Path:
    """Make a bundle of the shipped configs for a CT, its network small and not trained."""
    import torch
    from monai.bundle import ConfigParser

    for name in ("configs", "models"):
        (root / name).mkdir(parents=True)
    metadata = json.loads((_CONFIGS / "metadata.json").read_text(encoding="utf-8"))
    metadata["network_data_format"]["inputs"]["image"]["channel_def"] = {"0": "CT"}
    (root / "configs" / "metadata.json").write_text(json.dumps(metadata), encoding="utf-8")
    config = json.loads((_CONFIGS / "inference.json").read_text(encoding="utf-8"))
    config |= {**_NETWORK, "finding_rule": _RULE, "map_scale": [0.0, 2.0], "threshold": 0.5}
    (root / "configs" / "inference.json").write_text(json.dumps(config), encoding="utf-8")
    config["network_def"].pop("_requires_")  # this process runs the bundle already
    torch.save(ConfigParser(config).get_parsed_content("network_def").state_dict(), root / "models" / "model.pt")
    return root


class _Answers:
    """Answers of a network at hand: one finding in the middle tenth of the slices."""

    def __init__(self, slices: int) -> None:
        self.slices, self.given = slices, 0

    def __call__(self, images: torch.Tensor, _: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Return maps and logits of the next slices."""
        import torch

        number = torch.arange(self.given, self.given + len(images))
        self.given += len(images)
        maps = torch.zeros(len(images), 1, *images.shape[-2:])
        maps[..., 16:32, 16:32] = 1.0
        return maps, 6 * ((number - self.slices // 2).abs() <= self.slices // 20).float()[:, None] - 3


def _read(study: str, output: Path) -> float | None:
    """Return the seconds of a study read, with volume, findings, report and objects; None without highdicom."""
    try:
        from bundle.clinic import StudyNetwork, read_studies
    except ImportError:
        return None
    from bundle.inferers import SliceInferer

    network, answers = StudyNetwork(_bundle(output / "bundle")), _Answers(len(list(Path(study).iterdir())))
    with mock.patch.object(SliceInferer, "explain", lambda _, *given: answers(*given)):
        start = time.process_time()
        [outcome] = read_studies(study, output / "read", network, output / "key")
        seconds = time.process_time() - start
    written = {file.stem for file in (outcome.folder / "dicom").glob("*.dcm")}
    if not {"sr", "map", "seg", "capture_1"} <= written:
        raise RuntimeError(f"the study must be read with one finding, got {outcome.text}, {sorted(written)}.")
    return seconds


def _mib(line: str) -> float:
    """Return an entry of the memory of this process, such as its peak, `VmHWM`."""
    entries = dict(each.split(":", 1) for each in Path("/proc/self/status").read_text(encoding="utf-8").splitlines())
    return int(entries[line].split()[0]) / 1024


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # the peak is counted from here on
    before = _mib("VmRSS")
    start = resource.getrusage(resource.RUSAGE_SELF)
    prepare_study(asked["study"], asked["output"], asked["key"])
    end = resource.getrusage(resource.RUSAGE_SELF)
    found = {
        "seconds": end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime,
        "import_seconds": start.ru_utime + start.ru_stime,
        "mib": _mib("VmHWM") - before,
        "read_seconds": _read(asked["study"], Path(asked["output"] + "_read")),
    }
    found["read_mib"] = _mib("VmHWM") - before
    print(json.dumps(found))
