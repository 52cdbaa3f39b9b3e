"""Datastore of MONAI Label over a DICOMweb archive, as OHIF asks for it: the UID of a series names an image."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from dicomweb_client import DICOMwebClient
from fastapi import HTTPException
from monailabel.datastore.utils.convert import binary_to_image

from bundle.clinic import Selection
from bundle.consumers.label.dicom_volumes import dicom_volumes
from bundle.consumers.label.network import LabelNetwork
from bundle.consumers.label.studies import Studies


class ArchivedStudies(Studies):
    """Series of an archive, fetched once asked for, and read by the clinic's reader.

    Volumes and labels stay on this machine; nothing is sent to the archive.

    Args:
        url: of the DICOMweb service.
        folder: for volumes and labels.
        network: that reads them.
    """

    def __init__(self, url: str, folder: Path, network: LabelNetwork) -> None:
        self._client, self._network = DICOMwebClient(url=url), network
        super().__init__(str(folder), network)

    def list_images(self) -> list[str]:
        """Return the UIDs of the series whose modality the network reads.

        Of a network of several contrasts they are those that were opened: only the headers of a whole study tell which
        of its series is the first channel.
        """
        if self._network.on().in_channels > 1:
            return list(super().list_images())
        found = [self._series(Modality=modality) for modality in sorted(self._network.on().modalities) or ["MR"]]
        return [series["0020000E"]["Value"][0] for several in found for series in several]

    def get_unlabeled_images(self, label_tag: str | None = None, labels: list[str] | None = None) -> list[str]:
        """Return the UIDs of the series without a final label."""
        labeled = set(self.get_labeled_images(label_tag, labels))
        return [uid for uid in self.list_images() if uid not in labeled]

    def get_image_info(self, image_id: str) -> dict[str, Any]:
        """Return what is known of an image, and the study that OHIF opens for it."""
        [series] = self._series(SeriesInstanceUID=image_id) or [{}]
        study = series.get("0020000D", {}).get("Value", [""])[0]
        return {**super().get_image_info(image_id), "StudyInstanceUID": study, "SeriesInstanceUID": image_id}

    def get_image_uri(self, image_id: str) -> str:
        """Return the volume of a series; it is fetched first, with its study where a network reads several contrasts.

        Raises:
            HTTPException: 404 there is no such series; 422 it cannot be read, or does not give the grid of the others.
        """
        if image_id not in self._datastore.objects:
            try:
                self._fetch(image_id)
            except (ValueError, OSError) as error:
                raise HTTPException(422, str(error)) from error
            self.refresh()
        return super().get_image_uri(image_id)

    def update_image_info(self, image_id: str, info: dict[str, Any]) -> None:
        """Note more of an image that was fetched; of others nothing is kept."""
        if image_id in self._datastore.objects:
            super().update_image_info(image_id, info)

    def save_label(self, image_id: str, label_filename: str, label_tag: str, label_info: dict[str, Any]) -> str:
        """Keep a label; OHIF sends its voxels without a header."""
        reference = self.get_image_uri(image_id)
        is_bare = label_filename.endswith(".bin")
        file = binary_to_image(reference, label_filename) if is_bare else label_filename
        return str(super().save_label(image_id, file, label_tag, label_info))

    def _series(self, **filters: str) -> list[dict[str, Any]]:
        return list(self._client.search_for_series(search_filters=filters))

    def _fetch(self, uid: str) -> None:
        found = self._series(SeriesInstanceUID=uid)
        if len(found) != 1:
            raise HTTPException(404, f"the archive must hold one series {uid}, got {len(found)}.")
        study, network = found[0]["0020000D"]["Value"][0], self._network.on()
        # the series opened is the one that is meant; several contrasts are told apart by the rules
        is_one = network.in_channels == 1
        series, selection = ([uid], Selection()) if is_one else (self._uids_of_study(study), self._network.selection)
        with tempfile.TemporaryDirectory(prefix="lgm_vit_") as place:
            folder = Path(place) / "dicom"
            for one in series:
                self._download(study, one, folder)
            volumes = dicom_volumes(folder, network, selection, Path(place), uid)
            shutil.copytree(volumes.files[0].parent, self._folder / uid)

    def _uids_of_study(self, study: str) -> list[str]:
        return [one["0020000E"]["Value"][0] for one in self._series(StudyInstanceUID=study)]

    def _download(self, study: str, series: str, folder: Path) -> None:
        (folder / series).mkdir(parents=True)
        for number, instance in enumerate(self._client.retrieve_series(study, series)):
            instance.save_as(folder / series / f"{number}.dcm", enforce_file_format=True)
