"""The network of a packed bundle on one volume, in memory."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.bundle import ConfigParser

from bundle.clinic.bundle_facts import modalities_of, position_alone, require_entries, scaled_map, threshold_source
from bundle.clinic.scan_faults import answer_warnings, blank_warnings, plain_errors, require_signal
from bundle.data import compared_slices, input_facts, input_warnings
from bundle.dicom import Model, Reading, Stack
from bundle.dicom.stack_files import slice_rows
from bundle.dicom.uids import uid_warnings
from bundle.files import read_json
from bundle.findings import finding_numbers
from bundle.inferers import embedding_warnings
from bundle.keys import ADAPTATION, CASE, FINDING_LABELS, FINDINGS, IMAGE, INSTANCES, OVERLAY, PRED, RESULT
from bundle.networks import load_weights
from bundle.transforms import slice_spacing_mm
from bundle.volumes import source_slice_indices


class StudyNetwork:
    """Network, preprocessing and thresholds of a packed bundle, loaded once.

    Args:
        bundle_root: folder of an unpacked bundle.
        device: of the network; None takes what the bundle's config does.

    Raises:
        FileNotFoundError: the folder is not an unpacked bundle.
        ValueError: it is a bundle of another kind.

    Example:
        >>> StudyNetwork("no/bundle")
        Traceback (most recent call last):
        FileNotFoundError: no/bundle must be an unpacked bundle, got no models/model.pt: give --bundle.
    """

    def __init__(self, bundle_root: str | Path, device: str | None = None) -> None:
        root = Path(bundle_root)
        for name in ("models/model.pt", "configs/inference.json", "configs/metadata.json"):
            if not (root / name).is_file():
                raise FileNotFoundError(f"{root} must be an unpacked bundle, got no {name}: give --bundle.")
        self.root, self.metadata = root, read_json(root / "configs" / "metadata.json")
        self.profile = read_json(root / "configs" / "input_profile.json", {})
        config = read_json(root / "configs" / "inference.json")
        require_entries(config, root / "configs" / "inference.json")
        config["network_def"].pop("_requires_", None)  # this process runs the bundle already
        own = {} if device is None else {"device": device}
        self._parser = ConfigParser({**config, "bundle_root": str(root), **own})
        self.in_channels = int(self._parser.get_parsed_content("in_channels"))
        self.num_classes = int(self._parser.get_parsed_content("num_classes"))
        orientation = config["orientation"]
        shown = config.get("shown_channel")
        self._shown_channel = int(-1 if shown is None else shown) % self.in_channels
        self.axcodes: str | None = orientation.get("axcodes") if isinstance(orientation, dict) else None

    @cached_property
    def model(self) -> Model:
        """Name, version and hash of the weights."""
        digest = hashlib.sha256()
        for weights in (self.root / "models" / "model.pt", *sorted((self.root / "models").glob("ensemble_*.pt"))):
            digest.update(weights.read_bytes())
        return Model(str(self.metadata.get("name")), str(self.metadata.get("version")), digest.hexdigest())

    @property
    def classes(self) -> tuple[str, ...]:
        """Name of what is found; of several classes, whose thresholds are for any of them, one name for all."""
        return ("object" if self.num_classes == 1 else f"any of {self.num_classes - 1} classes",)

    @cached_property
    def _network(self) -> Any:  # a module that is an EvidenceNetwork
        network = self._parser.get_parsed_content("network").eval()
        load_weights(network, self.root / "models" / "model.pt")
        return network

    @plain_errors()
    def infer(self, volumes: Sequence[Path], case: str, stack: Stack | None = None) -> dict[str, Any]:
        """Return image, map, probabilities and findings of a case.

        Args:
            volumes: NIfTI files, one for each channel.
            case: its name.
            stack: whose slices the files have; where they are unevenly apart, sizes and places of findings need it.

        Returns:
            What `CaseResultSaver` writes, by the names of `bundle.keys`; `image` is oriented as the network saw it, map
            and labels of findings lie on the grid of the file.

        Raises:
            ValueError: the volume does not fit the network, or its answer is not finite.
        """
        content = self._parser.get_parsed_content
        known = {} if stack is None else {INSTANCES: json.dumps([*slice_rows(stack)])}
        loaded = content("preprocessing")({IMAGE: [str(path) for path in volumes], CASE: case, **known})
        image = loaded[IMAGE]
        if len(image) != self.in_channels:
            raise ValueError(
                f"{case} must have the channels {', '.join(self.channels)}, got {len(image)}: choose them by --series."
            )
        network, device = self._network, torch.device(content("device"))
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=bool(content("amp"))):
            loaded[PRED] = content("inferer")(image[None].to(device), network)[0].float().cpu()
        return dict(content("postprocessing")(loaded))

    def read(
        self, stacks: Sequence[Stack], volumes: Sequence[Path], case: str, warnings: Sequence[str] = ()
    ) -> tuple[Reading, dict[str, Any]]:
        """Return what the network says of a stack, in the order of its planes, and what `infer` gave but for the map.

        Args:
            stacks: that the volumes were made of; the first has their grid.
            volumes: one for each channel.
            case: its name.
            warnings: of how the volumes were made.

        Raises:
            ValueError: see `infer`; or nothing is to be seen in a series.
        """
        with plain_errors({str(path): case for path in volumes}):  # files of this process alone
            found = self.infer(volumes, case, stacks[0])
        require_signal(found[IMAGE], [stack.planes[0].label for stack in stacks])
        reading = self._reading(stacks[0], found)
        flags = (f"{stack.planes[0].label}: {words}." for stack in stacks for words in stack.flags.values())
        has_scale = self._parser.get_parsed_content("map_scale") is not None
        of_answer = answer_warnings(reading, found[RESULT]["slices"], has_map_scale=has_scale)
        all_warnings = (*of_answer, *uid_warnings(stacks), *warnings, *flags, *reading.warnings)
        return replace(reading, further=(*stacks[1:],), shown=self._shown_channel, warnings=all_warnings), found

    def _reading(self, stack: Stack, found: dict[str, Any]) -> Reading:
        warnings, content = tuple(self.input_warnings(found)), self._parser.get_parsed_content
        image, result = found[IMAGE], found[RESULT]
        planes = source_slice_indices(image)
        probability = np.full((len(stack.planes), 1), np.nan)
        for plane, row in zip(planes, result["slices"], strict=True):
            row["source_slice"] = plane
            probability[plane] = row["probability"]
        entries = found.get(FINDINGS, {}).get("findings", ())
        findings = [{**entry, "key_source_slice": planes[entry["key_slice"]]} for entry in entries]
        labels = finding_numbers(found[FINDING_LABELS]) if FINDING_LABELS in found else np.zeros(stack.shape, np.int32)
        return Reading(
            stack,
            self.model,
            self.classes,
            probability,
            threshold=(float(result["threshold"]),),
            volume_probability=(float(probability.max()),),
            volume_threshold=(float(result["volume_threshold"]),),
            threshold_source=self.threshold_source,
            attribution=scaled_map(found.pop(PRED), content("map_scale") or found[OVERLAY]["map_range"]),
            labels=labels,
            findings=findings,
            has_rule=FINDINGS in found,
            position=position_alone(self.profile, result["slices"], planes) if self.num_classes == 1 else None,
            warnings=warnings,
        )

    @property
    def threshold_source(self) -> str:
        """Origin of the thresholds, and whether the probabilities were adapted to another hospital."""
        adaptation = self.metadata.get(ADAPTATION, {}) if self._parser.get("score_calibration") else None
        return threshold_source(self.profile, self._parser.get_parsed_content("threshold"), adaptation)

    def input_warnings(self, found: Mapping[str, Any]) -> Iterator[str]:
        """Yield in what a scan, as `infer` found it, is unlike the training data."""
        yield from blank_warnings(found[IMAGE], self.channels)
        if len(self.modalities) != 1:
            yield "It is not known of which modality the training data are, nor whether this scan is of the same."
        if not self.profile:
            yield "The bundle has no profile of its training data: it cannot be told whether this scan is like them."
            return
        image, on_file = found[IMAGE], found[PRED]
        compared, volume = compared_slices(image.shape[-1]), torch.as_tensor(np.asarray(image))
        inputs = self._parser.get_parsed_content("inferer").network_inputs(volume, compared, slice_spacing_mm(image))
        facts = input_facts(inputs[:, : self.in_channels].numpy(), np.asarray(on_file.affine), on_file.shape[1:])
        yield from input_warnings(self.profile, facts, self.channels)
        inferer = self._parser.get_parsed_content("evidence_inferer")
        yield from embedding_warnings(self.profile, inputs, self._network, inferer)

    @property
    def channels(self) -> list[str]:
        """Names of the channels, in their order."""
        named = self.metadata["network_data_format"]["inputs"]["image"].get("channel_def", {})
        return [str(named.get(str(channel), f"channel {channel}")) for channel in range(self.in_channels)]

    @property
    def modalities(self) -> set[str]:
        """Modalities that it reads: that of its channel's name, MR for a contrast, else those of metadata.json."""
        image = self.metadata["network_data_format"]["inputs"]["image"]
        return modalities_of(image, self.channels)
