"""Files of a folder that make one image together: a file, or a file for each channel of the network."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_VOLUME = re.compile(r"(?P<stem>.+?)(?P<extension>\.nii\.gz|\.nii|\.nrrd|\.mha|\.mhd)", re.IGNORECASE)
_SEPARATORS = "_-. "


@dataclass(frozen=True)
class ImageFiles:
    """Files of one image.

    Args:
        name: of the image; for a group what the files have in common, or the name of their folder.
        files: in the order of the channels; one file alone may hold all of them.
        missing: channels of a group that no file holds.
    """

    name: str
    files: tuple[Path, ...]
    missing: tuple[str, ...] = ()

    @property
    def shown(self) -> Path:
        """File that a viewer shows: the last channel, as pictures of inference do."""
        return self.files[-1]


def channel_name(channel: str) -> str:
    """Return how files spell a channel of ``metadata.json``, as in ``"flair"`` for ``"T2 FLAIR"``.

    Example:
        >>> channel_name("FLAIR"), channel_name("channel 0")
        ('flair', 'channel_0')
    """
    return re.sub(r"\W+", "_", channel.strip().lower())


def images_in(folder: Path, channels: Sequence[str]) -> list[ImageFiles]:
    """Return the images of a studies folder.

    Files ``<case>_<channel>`` are one image, called ``<case>``, in the folder itself or in a folder of their own, whose
    name it then takes. Case does not matter, ``-``, ``.`` and a space separate too. Any other volume of the
    folder itself is an image of its own; in a folder of their own such files are left out (masks lie there), unless it
    is the only one.

    Args:
        folder: of the studies.
        channels: of the network, as files name them.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("a_t1.nii.gz", "a_t2.nii.gz", "b_t1.nii", "notes.txt"):
        ...         Path(folder, name).touch()
        ...     for image in images_in(Path(folder), ["t1", "t2"]):
        ...         print(image.name, [file.name for file in image.files], image.missing)
        a ['a_t1.nii.gz', 'a_t2.nii.gz'] ()
        b ['b_t1.nii'] ('t2',)
    """
    visible = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
    found = list(_grouped([path for path in visible if path.is_file()], channels))
    folders = [path for path in visible if path.is_dir() and path.name != "labels"]
    found += [image for image in (folder_image(path, channels) for path in folders) if image is not None]
    unique: dict[str, ImageFiles] = {}
    for image in sorted(found, key=lambda image: (image.name, len(image.missing), len(image.files))):
        unique.setdefault(image.name, image)
    return list(unique.values())


def folder_image(folder: Path, channels: Sequence[str]) -> ImageFiles | None:
    """Return the image of a folder of its own, see `images_in`; None where there is none, or several.

    Args:
        folder: of one case.
        channels: of the network, as files name them.
    """
    inside = list(_grouped([path for path in sorted(folder.iterdir()) if path.is_file()], channels))
    groups = [image for image in inside if _channel_of(image.files[0], channels)] or inside
    return ImageFiles(folder.name, groups[0].files, groups[0].missing) if len(groups) == 1 else None


def image_of(file: Path, channels: Sequence[str]) -> ImageFiles:
    """Return the image that a file belongs to; of a network with one channel this is the file alone.

    Args:
        file: of any channel.
        channels: of the network, as files name them.
    """
    channel = _channel_of(file, channels)
    if channel is None or len(channels) == 1:
        return ImageFiles(file.name, (file,))
    groups = _grouped([path for path in sorted(file.parent.iterdir()) if path.is_file()], channels)
    return next(image for image in groups if file in image.files)


def _grouped(files: Sequence[Path], channels: Sequence[str]) -> Iterator[ImageFiles]:
    groups: dict[str, dict[str, Path]] = {}
    for file in files:
        volume = _VOLUME.fullmatch(file.name)
        if volume is None:
            continue
        channel = _channel_of(file, channels)
        if channel is None:
            yield ImageFiles(volume["stem"], (file,))
        else:
            case = volume["stem"][: -len(channel)].rstrip(_SEPARATORS)
            groups.setdefault(case or file.parent.name, {})[channel] = file
    for case, by_channel in groups.items():
        ordered = tuple(by_channel[channel] for channel in channels if channel in by_channel)
        yield ImageFiles(case, ordered, tuple(channel for channel in channels if channel not in by_channel))


def _channel_of(file: Path, channels: Sequence[str]) -> str | None:
    """Return the channel that the name of a file ends with."""
    volume = _VOLUME.fullmatch(file.name)
    stem = "" if volume is None else volume["stem"].lower()
    for channel in channels:
        if stem == channel or (stem.endswith(channel) and stem[-len(channel) - 1] in _SEPARATORS):
            return channel
    return None
