"""Datastore of MONAI Label over a folder of studies: groups of files and DICOM studies are one image each."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from monailabel.config import settings
from monailabel.datastore.local import DataModel, ImageLabelModel, LocalDatastore

from bundle.consumers.label.dicom_volumes import PATIENT_FILE, convert_studies
from bundle.consumers.label.image_files import ImageFiles, image_of, images_in
from bundle.consumers.label.network import LabelNetwork

HIDDEN = ".label"
"""Folder in the studies for what the server keeps: its log, and the key that names DICOM cases."""


class Studies(LocalDatastore):
    """Folder of studies, an image each: a volume, a group of files, or a DICOM study, see `images_in`.

    The file of the last channel stands for a group where a client wants one file. Methods of 0.8.5 that begin with an
    underscore are replaced: they list images, which it can do for single files only.

    Args:
        folder: of the studies; labels go into ``labels/``.
        network: whose channels name the files of a group.
    """

    def __init__(self, folder: str, network: LabelNetwork) -> None:
        self._channels, self._folder = network.channels, Path(folder)
        list(convert_studies(self._folder, network.on(), network.selection, self._folder / HIDDEN / "key"))
        super().__init__(
            folder,
            extensions=settings.MONAI_LABEL_DATASTORE_FILE_EXT,
            auto_reload=settings.MONAI_LABEL_DATASTORE_AUTO_RELOAD,
            read_only=settings.MONAI_LABEL_DATASTORE_READ_ONLY,
        )

    def _add_non_existing_images(self) -> int:
        """List new images. The extension of an image is what follows its name in the path of the file shown."""
        self._init_from_datastore_file()
        known, added = self._datastore.objects, 0
        for image in images_in(self._folder, self._channels):
            extension = _path_after_name(image, self._folder)
            if image.name not in known or known[image.name].image.ext != extension:
                info = {"ts": int(time.time()), "name": image.shown.name}
                labels = known[image.name].labels if image.name in known else {}
                known[image.name] = ImageLabelModel(image=DataModel(info=info, ext=extension), labels=labels)
                added += 1
        return added

    def files_of(self, image_id: str) -> list[str]:
        """Return the files of an image, in the order of the channels."""
        return [str(file) for file in image_of(Path(self.get_image_uri(image_id)), self._channels).files]

    def datalist(self, full_path: bool = True) -> list[dict[str, Any]]:
        """Return image and label of each labeled image; a group is a list of files, in the order of the channels."""
        rows = super().datalist(full_path)
        for row in rows:
            files = [str(file) for file in image_of(Path(row["image"]), self._channels).files]
            row["image"] = files if len(files) > 1 else files[0]
            patient = Path(files[0]).with_name(PATIENT_FILE)
            row |= {"patient": patient.read_text()} if patient.is_file() else {}
        return rows

    def remove_image(self, image_id: str) -> None:
        """Remove all files of an image, and its labels."""
        others = self.files_of(image_id)[:-1]
        for file in others:
            Path(file).unlink(missing_ok=True)
        super().remove_image(image_id)


def _path_after_name(image: ImageFiles, folder: Path) -> str:
    return image.shown.relative_to(folder).as_posix().removeprefix(image.name)
