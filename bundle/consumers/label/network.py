"""The network of a packed bundle behind a server: read again once its weights or thresholds are replaced."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from bundle.clinic import Selection, StudyNetwork
from bundle.consumers.label.dicom_volumes import SERIES_WARNINGS, dicom_volumes, series_warnings
from bundle.consumers.label.image_files import ImageFiles, channel_name, folder_image, image_of
from bundle.dicom.contrasts import RULES, read_rules
from bundle.files import read_json


class Inferred(NamedTuple):
    """Answer of a network to one image.

    Args:
        network: that answered.
        found: see `StudyNetwork.infer`.
    """

    network: StudyNetwork
    found: dict[str, Any]


class LabelNetwork:
    """Network of an unpacked bundle for a server that lives longer than its weights.

    A training replaces ``models/model.pt`` and the thresholds in ``configs/inference.json``: both are looked at before
    each image.

    Args:
        bundle_root: folder of an unpacked bundle.
        device: of the network; None takes what the bundle's config does.
        contrasts: file of the rules by which series become channels, see `bundle.dicom.contrasts.read_rules`; None
            takes those for MR of the brain.

    Raises:
        FileNotFoundError: the folder is not an unpacked bundle.

    Example:
        >>> LabelNetwork("no/bundle")
        Traceback (most recent call last):
        FileNotFoundError: no/bundle must be an unpacked bundle, got no models/model.pt: give --bundle.
    """

    def __init__(self, bundle_root: str | Path, device: str | None = None, contrasts: str | Path | None = None) -> None:
        self.root, self.device = Path(bundle_root), device
        self.selection = Selection(rules=read_rules(Path(contrasts or RULES)))
        self._lock = threading.Lock()
        self._loaded: dict[str | None, tuple[Any, StudyNetwork]] = {}
        first = self.on(device)
        self.channels = [channel_name(channel) for channel in first.channels]
        self.description = str(read_json(self.root / "configs" / "metadata.json").get("task", ""))

    @property
    def weights(self) -> Path:
        """File of the weights in use."""
        return self.root / "models" / "model.pt"

    def on(self, device: str | None = None) -> StudyNetwork:
        """Return the network as its files are now.

        Args:
            device: None takes that of the server.
        """
        wanted = device or self.device
        with self._lock:
            now = self._state()
            then, network = self._loaded.get(wanted, (None, None))
            if network is None or then != now:
                network = StudyNetwork(self.root, wanted)
                _ = network.model  # its hash is that of the weights as they are now
                self._loaded[wanted] = (now, network)
            return network

    def _state(self) -> list[tuple[str, int, int]]:
        files = [*sorted((self.root / "models").glob("*.pt")), self.root / "configs" / "inference.json"]
        states = [(file.name, file.stat()) for file in files if file.is_file()]
        return [(name, state.st_mtime_ns, state.st_size) for name, state in states]

    def infer(self, image: str | Path | Sequence[str | Path], device: str | None = None) -> Inferred:
        """Return the network's answer to an image.

        Args:
            image: file of any channel, whose group is read; a folder with a DICOM study or with one file a channel; or
                a list of files in the order of the channels.
            device: None takes that of the server.

        Raises:
            ValueError: the image does not fit the network, or cannot be read; the text says why and names files.
        """
        network = self.on(device)
        with self._files(image, network) as files:
            if files.missing:
                given = ", ".join(file.name for file in files.files)
                raise ValueError(
                    f"{files.name} must have the channels {', '.join(self.channels)}, got {given} alone: add "
                    f"{', '.join(f'{files.name}_{channel}' for channel in files.missing)}."
                )
            found = network.infer(files.files, files.name)
            while (newer := self.on(device)) is not network:  # replaced meanwhile, maybe before they were read
                network, found = newer, newer.infer(files.files, files.name)
            found[SERIES_WARNINGS] = series_warnings(Path(files.files[0]))
        return Inferred(network, found)

    @contextmanager
    def _files(self, image: str | Path | Sequence[str | Path], network: StudyNetwork) -> Iterator[ImageFiles]:
        if not isinstance(image, str | Path):
            yield ImageFiles(Path(image[0]).name, tuple(map(Path, image)))
        elif not Path(image).is_dir():
            yield image_of(Path(image), self.channels)
        elif volumes := folder_image(Path(image), self.channels):
            yield volumes
        else:
            with tempfile.TemporaryDirectory(prefix="lgm_vit_") as place:
                yield dicom_volumes(Path(image), network, self.selection, Path(place))
