"""What evaluation leaves of a run, written without a network."""

import numpy as np

from bundle.evaluation import write_predictions
from bundle.files import write_json
from bundle.metrics import Predictions, slice_scores


def write_run(folder, seed, quality):
    """A run whose probabilities follow the label the better, the higher the quality."""
    draw = np.random.default_rng(seed)
    case = np.repeat([f"s{seed}c{k}" for k in range(6)], 8)
    label = draw.integers(0, 2, 48)
    noise = np.random.default_rng(seed + 100).random(48)
    probability = quality * label + (1 - quality) * noise
    maps = {"pointing_game": np.where(label > 0, quality, np.nan)}
    prior = {"pointing_game": np.where(label > 0, 0.125, np.nan)}
    site = np.full(48, "x")
    run = Predictions(case, case, site, np.tile(np.arange(8), 6), label, probability, maps, prior, noise)
    write_predictions(folder / "predictions.csv", run)
    metrics = {
        "slice": slice_scores(label, probability, 0.2),
        "slice_at_0.5": slice_scores(label, probability, 0.5),
        "map": {"pointing_game": quality},
        "threshold": 0.2,
        "baselines": {"position": {"threshold": 0.5}},
    }
    write_json(folder / "metrics.json", metrics)
    return metrics
