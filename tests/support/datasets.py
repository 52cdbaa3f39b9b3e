"""Data sets of five tiny cases in the layouts that users download, each known voxel by voxel."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import nibabel as nib
import numpy as np
from PIL import Image

SIZE, DEPTH, COUNT = 16, 4, 5

# a file's axes as its affine names them, and how the network's raster (rows P, columns L, slices S) becomes the file
ORIENTATIONS: dict[str, tuple[list[float], Callable[[np.ndarray], np.ndarray]]] = {
    "LPS": ([-1, -1, 3], lambda raster: raster.swapaxes(0, 1)),
    "RAS": ([1, 1, 3], lambda raster: raster.swapaxes(0, 1)[::-1, ::-1]),
    "LPI": ([-1, -1, -3], lambda raster: raster.swapaxes(0, 1)[:, :, ::-1]),
}


class TinyCase(NamedTuple):
    """`image` (C,H,W,D) and `mask` (H,W,D) on the network's raster; 1 is organ, 2 is lesion."""

    image: np.ndarray
    mask: np.ndarray


def tiny_case(seed: int, channels: int) -> TinyCase:
    """Noise of 0..255; organ in rows 4..11, columns 2..7, slices 1..3; lesion in rows 6..8, columns 3..5, slice 2."""
    mask = np.zeros((SIZE, SIZE, DEPTH), np.uint8)
    mask[4:12, 2:8, 1:4] = 1
    mask[6:9, 3:6, 2] = 2
    return TinyCase(np.random.default_rng(seed).integers(0, 256, (channels, SIZE, SIZE, DEPTH)), mask)


def save(path: Path, raster: np.ndarray, orientation: str) -> None:
    diagonal, to_file = ORIENTATIONS[orientation]
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(to_file(raster).astype(np.int16), np.diag([*diagonal, 1.0])), path)


def channel_files(root: Path, ids: list[str], channels: list[str], pattern: str) -> dict[str, TinyCase]:
    cases = {name: tiny_case(seed, len(channels)) for seed, name in enumerate(ids)}
    for name, case in cases.items():
        for channel, voxels in zip(channels, case.image, strict=True):
            save(root / pattern.format(case=name, channel=channel), voxels, "LPS")
        save(root / pattern.format(case=name, channel="seg"), case.mask, "LPS")
    return cases


def demo(root: Path) -> dict[str, TinyCase]:
    ids = [f"case{n}" for n in range(COUNT)]
    cases = channel_files(root, ids, ["t1", "t2", "flair"], "{case}/{case}_{channel}.nii.gz")
    (root / "cases.csv").write_text("case,patient,site\n" + "".join(f"{name},p{name},A\n" for name in ids))
    return cases


def brats2020(root: Path) -> dict[str, TinyCase]:
    ids = [f"BraTS20_Training_00{n}" for n in range(COUNT)]
    folder = root / "MICCAI_BraTS2020_TrainingData"
    unlabelled = "MICCAI_BraTS2020_ValidationData/BraTS20_Validation_001/BraTS20_Validation_001_t1.nii"
    save(root / unlabelled, np.ones((4, 4, 4)), "LPS")
    return channel_files(folder, ids, ["t1", "t2", "flair"], "{case}/{case}_{channel}.nii")


def brats2023(root: Path) -> dict[str, TinyCase]:
    ids = [f"BraTS-GLI-0000{n}-000" for n in range(COUNT)]
    return channel_files(root / "Training", ids, ["t1n", "t2w", "t2f"], "{case}/{case}-{channel}.nii.gz")


def lgg(root: Path) -> dict[str, TinyCase]:
    ids = [f"TCGA_CS_494{n}" for n in range(COUNT)]
    return channel_files(root, ids, ["pre", "flair", "post"], "{case}/{case}_{channel}.nii.gz")


def lits17(root: Path) -> dict[str, TinyCase]:
    """Hounsfield units from -500 to 520; scans point either way."""
    noise = {f"volume-{n}": tiny_case(n, 1) for n in range(COUNT)}
    cases = {name: case._replace(image=case.image * 4 - 500) for name, case in noise.items()}
    for number, case in enumerate(cases.values()):
        orientation = ["RAS", "LPS"][number % 2]
        save(root / f"scans/volume-{number}.nii", case.image[0], orientation)
        save(root / f"segmentations/segmentation-{number}.nii", case.mask, orientation)
    return cases


def kaggle_3m(root: Path) -> dict[str, TinyCase]:
    cases = {f"TCGA_CS_494{n}_1996090{n}": tiny_case(n, 3) for n in range(COUNT)}
    for name, case in cases.items():
        (root / name).mkdir(parents=True)
        for index in range(DEPTH):
            pixels = case.image[..., index].transpose(1, 2, 0).astype(np.uint8)
            Image.fromarray(pixels).save(root / name / f"{name}_{index + 9}.tif")  # 10 follows 9
            mask = (case.mask[..., index] > 0).astype(np.uint8) * 255
            Image.fromarray(mask).save(root / name / f"{name}_{index + 9}_mask.tif")
    return cases


def msd(root: Path) -> dict[str, TinyCase]:
    cases = {f"BRATS_00{n}": tiny_case(n, 4) for n in range(COUNT)}
    for name, case in cases.items():
        save(root / f"imagesTr/{name}.nii.gz", case.image.transpose(1, 2, 3, 0), "RAS")
        save(root / f"labelsTr/{name}.nii.gz", case.mask, "RAS")
    pairs = [{"image": f"./imagesTr/{name}.nii.gz", "label": f"./labelsTr/{name}.nii.gz"} for name in cases]
    (root / "dataset.json").write_text(json.dumps({"training": pairs, "test": ["./imagesTs/BRATS_485.nii.gz"]}))
    return cases


def datalist(root: Path) -> dict[str, TinyCase]:
    """Labels are CSV files, which count along the third axis of a file whose slices run downwards."""
    cases = {f"scan{n}": tiny_case(n, 3) for n in range(COUNT)}
    entries = []
    for name, case in cases.items():
        files = [f"{name}_{channel}.nii.gz" for channel in range(3)]
        for file, voxels in zip(files, case.image, strict=True):
            save(root / file, voxels, "LPI")
        classes = case.mask.any(axis=(0, 1))[::-1].astype(int)
        lines = [f"{index},{class_}\n" for index, class_ in enumerate(classes)]
        (root / f"{name}.csv").write_text("slice_index,class\n" + "".join(lines))
        entries.append({"image": files, "label": f"{name}.csv", "case": name, "patient": name, "site": "north"})
    (root / "datalist.json").write_text(json.dumps({"training": entries}))
    return cases


def one_channel(root: Path, ids: list[str], image: str, mask: str) -> dict[str, TinyCase]:
    """A file for the image and one for the mask, at places with the field {case}."""
    cases = {name: tiny_case(seed, 1) for seed, name in enumerate(ids)}
    for name, case in cases.items():
        save(root / image.format(case=name), case.image[0], "LPS")
        save(root / mask.format(case=name), case.mask, "LPS")
    return cases


def brats2024_menrt(root: Path) -> dict[str, TinyCase]:
    ids = [f"BraTS-MEN-RT-000{n}-1" for n in range(COUNT)]
    return one_channel(root, ids, "{case}/{case}_t1c.nii.gz", "{case}/{case}_gtv.nii.gz")


def kits(root: Path) -> dict[str, TinyCase]:
    ids = [f"case_0000{n}" for n in range(COUNT)]
    return one_channel(root, ids, "{case}/imaging.nii.gz", "{case}/segmentation.nii.gz")


def totalsegmentator(root: Path) -> dict[str, TinyCase]:
    ids = [f"s000{n}" for n in range(COUNT)]
    return one_channel(root, ids, "{case}/ct.nii.gz", "{case}/segmentations/liver.nii.gz")


def nnunet(root: Path) -> dict[str, TinyCase]:
    """The raw folder of version 2: dataset.json has no list of cases."""
    (root / "imagesTr").mkdir(parents=True)
    (root / "dataset.json").write_text('{"channel_names": {"0": "CT"}, "numTraining": 5, "file_ending": ".nii.gz"}')
    return one_channel(root, [f"c_{n}" for n in range(COUNT)], "imagesTr/{case}_0000.nii.gz", "labelsTr/{case}.nii.gz")


def amos(root: Path) -> dict[str, TinyCase]:
    """The chosen organ, 6, lies within another, 3: 2 and 1 of the mask."""
    cases = {f"amos_000{n}": tiny_case(n, 1) for n in range(COUNT)}
    for name, case in cases.items():
        save(root / f"imagesTr/{name}.nii.gz", case.image[0], "LPS")
        save(root / f"labelsTr/{name}.nii.gz", case.mask * 3, "LPS")
    return cases


LAYOUTS: dict[str, Callable[[Path], dict[str, TinyCase]]] = {
    "amos": amos,
    "brats2020": brats2020,
    "brats2023": brats2023,
    "brats2024_menrt": brats2024_menrt,
    "datalist": datalist,
    "demo": demo,
    "kaggle_3m": kaggle_3m,
    "kits": kits,
    "lgg": lgg,
    "lits17_lesion": lits17,
    "lits17_organ": lits17,
    "msd": msd,
    "nnunet": nnunet,
    "totalsegmentator": totalsegmentator,
}
