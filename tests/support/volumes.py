"""Volumes on disk, small and of any orientation."""

import json

import nibabel
import numpy as np


def affine_of(axcodes="RAS", voxel_mm=(1.0, 1.0, 1.0), tilt_deg=0.0, origin=(-7.0, 11.0, 3.0)):
    """Return voxel to world: axes named by nibabel's letters, then the whole turned about the patient's left."""
    directions = nibabel.orientations.inv_ornt_aff(nibabel.orientations.axcodes2ornt(axcodes), (1, 1, 1))[:3, :3]
    tilt = np.radians(tilt_deg)
    turn = np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]])
    affine = np.eye(4)
    affine[:3, :3] = turn @ directions.T @ np.diag(voxel_mm)
    affine[:3, 3] = origin
    return affine


def write_volume(path, array, affine=None):
    """Write (H, W, D), or (H, W, D, C) as the Medical Segmentation Decathlon does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(array, np.eye(4) if affine is None else affine), path)
    return path


def noise(seed, shape=(16, 16, 5), channels=3):
    """Return (H, W, D, C) float32 in [0, 1)."""
    return np.random.default_rng(seed).random((*shape, channels), dtype=np.float32)


def square_mask(shape=(16, 16, 5), slices=(1, 2), value=1):
    """Return (H, W, D) with a square in the chosen slices."""
    mask = np.zeros(shape, np.uint8)
    mask[4:9, 5:10, list(slices)] = value
    return mask


def write_datalist(folder, cases):
    """Write volumes, masks and datalist.json; a case is (image (H, W, D, C), mask or CSV text or None)."""
    entries = []
    for number, (image, label) in enumerate(cases):
        name = f"case_{number}"
        entry = {"image": f"{name}.nii.gz", "case": name, "patient": f"patient_{number}"}
        write_volume(folder / entry["image"], image)
        if isinstance(label, str):
            entry["label"] = f"{name}.csv"
            (folder / entry["label"]).write_text(label)
        elif label is not None:
            entry["label"] = f"{name}_mask.nii.gz"
            write_volume(folder / entry["label"], label)
        entries.append(entry)
    (folder / "datalist.json").write_text(json.dumps({"training": entries}))
    return folder
