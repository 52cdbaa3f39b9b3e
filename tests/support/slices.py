"""A transform small enough to know its slices by heart; in a module of its own, so that processes can import it."""

import numpy as np
import torch


class ToySlices:
    """Item -> `depth` slices; slice k of case "c7" has intensities and mask drawn from 7, label k % 2."""

    def __init__(self, depth=5, channels=2, size=6, num_classes=1, bad=()):
        self.depth, self.channels, self.size, self.num_classes, self.bad = depth, channels, size, num_classes, bad

    def __call__(self, item):
        if item["case"] in self.bad:
            raise ValueError(f"{item['image']}: broken on purpose")
        volume, mask = self.arrays(item["case"])
        return [
            {
                "image": torch.from_numpy(volume[k]),
                "label": torch.tensor([float(k % 2)]) if self.num_classes == 1 else torch.tensor(k % self.num_classes),
                "mask": torch.from_numpy(mask[k]),
                "supervised": torch.tensor(float(item.get("label") is not None)),
                "case": item["case"],
                "slice_index": 10 + k,
            }
            for k in range(self.depth)
        ]

    def arrays(self, case):
        draw = np.random.default_rng(int(case[1:]))
        shape = (self.depth, self.channels, self.size, self.size + 1)
        mask = draw.random((self.depth, 1, *shape[2:])) > 0.5
        return draw.random(shape, dtype=np.float32), mask.astype(np.uint8)


def toy_items(count, folder=None, masks=True):
    """Items named c0, c1, ...; with a folder their files exist."""
    items = []
    for number in range(count):
        image = (folder / f"c{number}.nii") if folder else f"none/c{number}.nii"
        if folder:
            image.write_text(str(number))
        item = {"image": str(image), "case": f"c{number}", "patient": f"p{number}", "site": "s"}
        items.append(item | ({"label": str(image)} if masks else {}))
    return items


class NotDescribable:
    """Shows no attributes."""

    __slots__ = ()


__all__ = ["NotDescribable", "ToySlices", "toy_items"]
