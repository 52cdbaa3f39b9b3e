"""Reading of studies by a packed bundle, from the input folder of an app or from series that its graph selected."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bundle.clinic import NoMatch, Selection, StudyNetwork, StudyOutcome, read_studies
from bundle.dicom.contrasts import RULES, read_rules


@dataclass(frozen=True)
class StudyReader:
    """Reader of the studies of a folder with a packed bundle, as `scripts/read_study.py` reads them.

    Pixels come from the files, by `bundle.dicom`, also where a graph selected the series: the SDK's loader keeps one
    image of those that share a position, whichever it met first, and its volumes have the spacing of rows and columns
    swapped.

    Args:
        bundle_root: folder of an unpacked bundle, or a folder that holds one.
        output_folder: where a folder per study goes.
        input_folder: of the studies; None takes the folders of the files that were selected.
        channels: names of the selections in the order of the network's channels; by default the names that these have.
        contrasts: rules by which series become channels where nothing selects; None takes those for MR of the brain.
        key_file: names cases, see `bundle.dicom.CaseNames`; None takes a key that nobody keeps.
        identify: name cases by patient and study instead, and read series with text in their pixels.
        device: of the network; None takes what the bundle's config does.
        numbers: Series Numbers that may be read where nothing selects; None allows all.
    """

    bundle_root: Path
    output_folder: Path
    input_folder: Path | None = None
    channels: Sequence[str] | None = None
    contrasts: Path | None = None
    key_file: Path | None = None
    identify: bool = False
    device: str | None = None
    numbers: Sequence[str] | None = None

    def network(self) -> StudyNetwork:
        """Load the network, once for all readings.

        Raises:
            FileNotFoundError: there is no unpacked bundle.
        """
        return StudyNetwork(bundle_in(self.bundle_root), self.device)

    def read(
        self,
        network: StudyNetwork,
        selected: Sequence[Any] | None = None,
        tell: Callable[[StudyOutcome], Any] | None = None,
    ) -> list[StudyOutcome]:
        """Read every study and write its results.

        Args:
            network: of `network`.
            selected: ``StudySelectedSeries`` of the SDK; None lets the bundle's own rules choose.
            tell: called with each outcome as it comes.

        Raises:
            NoMatch: nothing was selected, and no folder is known.
            NothingReadable: the folder holds no stack of slices at all.
            ValueError: the selected series did not come from files, or settings contradict each other.
        """
        if selected is None and self.input_folder is None:
            raise ValueError("input_folder must be a folder where no graph selects series, got none: name it.")
        if selected is not None and (self.contrasts or self.numbers):
            raise ValueError("contrasts and series must be left out where a graph selects series, got some: drop them.")
        folders = [self.input_folder] if self.input_folder else selected_folders(selected or ())
        named = None if selected is None else named_series(selected, self._channels(network))
        selection = Selection(self.numbers, read_rules(self.contrasts or RULES), self.identify, named)
        with self._key() as key_file:
            return read_studies(folders, self.output_folder, network, key_file, selection, tell)

    def _channels(self, network: StudyNetwork) -> dict[str, str]:
        """Return the channel of each selection."""
        names = [name.lower() for name in network.channels]
        given = self.channels or names
        if len(given) != len(names):
            raise ValueError(f"channels must name a selection for each of {', '.join(names)}, got {', '.join(given)}.")
        return dict(zip(given, names, strict=True))

    @contextmanager
    def _key(self) -> Iterator[Path | None]:
        with TemporaryDirectory() as place:
            yield None if self.identify else self.key_file or Path(place, "key")


def bundle_in(folder: Path) -> Path:
    """Return the bundle in a folder of models: the folder itself, or the only bundle in it.

    Args:
        folder: as ``HOLOSCAN_MODEL_PATH`` names it.

    Raises:
        FileNotFoundError: there is none, or more than one.

    Example:
        >>> bundle_in(Path("no/models"))
        Traceback (most recent call last):
        FileNotFoundError: no/models must hold one unpacked bundle, got 0: name its folder.
    """
    if (folder / "configs" / "inference.json").is_file():
        return folder
    found = sorted(path.parents[1] for path in folder.glob("*/configs/inference.json"))
    if len(found) != 1:
        raise FileNotFoundError(f"{folder} must hold one unpacked bundle, got {len(found)}: name its folder.")
    return found[0]


def named_series(selected: Sequence[Any], channels: Mapping[str, str]) -> dict[str, set[str]]:
    """Return the Series Instance UIDs that were selected for each channel, and those of other selections.

    Args:
        selected: ``StudySelectedSeries`` of the SDK.
        channels: the channel of a selection by its name; capitals do not count.

    Example:
        >>> named_series([], {"CT Series": "ct"})
        {'ct': set()}
    """
    series: dict[str, set[str]] = {}
    for one in (one for study in selected for one in study.selected_series):
        series.setdefault(one.selection_name.lower(), set()).add(str(one.series.SeriesInstanceUID))
    of_channels = {channel: series.pop(name.lower(), set()) for name, channel in channels.items()}
    return {**series, **of_channels}


def selected_folders(selected: Sequence[Any]) -> list[Path]:
    """Return the folders that the files of selected studies lie in.

    All of their files count, as the SDK's loader may have dropped some of a series.

    Args:
        selected: ``StudySelectedSeries`` of the SDK.

    Raises:
        NoMatch: nothing is selected.
        ValueError: a series was not read from files.
    """
    images = [
        image.get_native_sop_instance()
        for study in selected
        for series in study.study.get_all_series()
        for image in series.get_sop_instances()
    ]
    if not images:
        raise NoMatch("the graph must select series, got none: correct the rules of the selection.")
    files = {getattr(image, "filename", None) for image in images}
    if not all(isinstance(file, str | Path) for file in files):
        raise ValueError("the selected series must come from files, got images without one: give input_folder.")
    return sorted({Path(str(file)).parent for file in files})
