from pathlib import Path

import pytest
import torch
from monai.bundle import ConfigParser
from monai.transforms import Compose, Randomizable

ROOT = Path(__file__).parents[3]


def _light():
    parser = ConfigParser(ConfigParser.load_config_file(str(ROOT / "configs" / "augmentation" / "light.yaml")))
    return Compose(parser.get_parsed_content("augmentation"))


@pytest.fixture
def entry():
    mask = torch.zeros(1, 32, 32)
    mask[:, 6:14, 4:16] = 1
    return {"image": torch.cat([mask, mask * 0.5]), "mask": mask, "case": "a"}


def _draw(augmentation, entry, seed):
    augmentation.set_random_state(seed=seed)
    return augmentation({key: value.clone() if key != "case" else value for key, value in entry.items()})


def test_a_seed_gives_the_same_slice_whatever_was_drawn_before(entry):
    used, fresh = _light(), _light()
    for seed in range(5):
        _draw(used, entry, seed + 100)
    results = []
    for seed in (3, 4, 5):
        first, second = _draw(used, entry, seed), _draw(fresh, entry, seed)
        assert torch.equal(first["image"], second["image"])
        assert torch.equal(first["mask"], second["mask"])
        results.append(torch.as_tensor(first["image"]))
    assert not torch.equal(results[0], results[1])


def test_image_and_mask_move_together_and_keep_their_form(entry):
    augmentation = _light()
    moved = 0
    for seed in range(30):
        drawn = _draw(augmentation, entry, seed)
        image, mask = torch.as_tensor(drawn["image"]), torch.as_tensor(drawn["mask"])
        assert image.shape == (2, 32, 32)
        assert image.dtype == torch.float32
        assert mask.shape == (1, 32, 32)
        assert set(mask.unique().tolist()) <= {0.0, 1.0}
        # channel 0 shows the mask itself: brighter than halfway is inside, up to interpolation at the border
        inside = image[0] > (image[0].min() + image[0].max()) / 2
        assert (inside != mask[0].bool()).sum() <= 16
        moved += int(not torch.equal(mask, entry["mask"]))
    assert moved >= 15


def test_every_step_can_be_seeded():
    assert all(isinstance(step, Randomizable) for step in _light().transforms)
