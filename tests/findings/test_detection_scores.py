"""Hits and detection scores, also as picai_eval has them."""

import numpy as np
import pytest
from skimage.measure import label

from bundle.findings import DetectionScorer, FindingRule, ScanHits, find_regions, match_lesions
from bundle.findings.matching import lesion_voxels


def hits(score, is_lesion, iou=None):
    iou = np.zeros(len(score)) if iou is None else iou
    return ScanHits(np.array(score, dtype=float), np.array(is_lesion, dtype=bool), np.array(iou, dtype=float))


def found(volume):
    """Regions whose score is the value of the volume, as picai_eval reads a detection map."""
    return find_regions(volume, np.ones(volume.shape[2]), 0.5, FindingRule(0.01), voxel_mm3=1.0)


def test_a_further_finding_at_a_lesion_is_no_false_positive():
    mask, volume = np.zeros((6, 6, 1)), np.zeros((6, 6, 1))
    mask[0] = 1
    volume[0, :2], volume[0, 3:], volume[5, 5] = 0.9, 0.6, 0.4
    matched = match_lesions(found(volume), mask)
    assert matched.is_lesion.tolist() == [True, False]
    assert matched.score == pytest.approx([0.6, 0.4])  # the larger overlap, not the higher score
    assert matched.iou == pytest.approx([0.5, 0])


def test_overlap_below_a_tenth_is_a_miss_and_a_false_positive():
    mask, volume = np.zeros((11, 1, 1)), np.zeros((11, 1, 1))
    mask[:], volume[0] = 1, 0.9
    matched = match_lesions(found(volume), mask)
    assert (matched.score.tolist(), matched.is_lesion.tolist()) == ([0, pytest.approx(0.9)], [True, False])


def test_scans_without_lesion_or_finding_count():
    empty = np.zeros((3, 3, 2))
    matched = match_lesions(found(empty), empty)
    assert len(matched.score) == 0
    lesion = np.ones((3, 3, 2))
    assert match_lesions(found(empty), lesion).score.tolist() == [0]
    assert match_lesions(found(lesion), empty).is_lesion.tolist() == [False]
    scores = DetectionScorer([hits([0.9], [True]), hits([0.8], [False]), hits([], []), hits([], [])])()
    assert (scores["average_precision"], scores["false_positives_per_scan"]) == (1, 0.25)


def test_sensitivity_does_not_exceed_the_false_positives_asked_for():
    scorer = DetectionScorer([hits([0.9, 0.8, 0.7, 0.6, 0.5], [False, True, True, False, True])])
    scores = scorer()
    assert [scores[f"sensitivity_at_{rate}"] for rate in ("0.5", "1", "2", "8")] == pytest.approx([0, 2 / 3, 1, 1])
    assert scores["mean_sensitivity"] == pytest.approx(np.mean([0, 0, 0, 2 / 3, 1, 1, 1]))


def test_findings_of_one_score_cannot_be_told_apart():
    scores = DetectionScorer([hits([0.5, 0.5], [True, False])])()
    assert scores["average_precision"] == 0.5
    assert scores["sensitivity_at_0.5"] == 0


def test_without_a_lesion_there_is_no_score():
    for scans in ([hits([0.5], [False])], [hits([], [])]):
        scores = DetectionScorer(scans)()
        assert np.isnan([scores["average_precision"], scores["sensitivity_at_1"], scores["lesion_iou"]]).all()


def test_a_scan_drawn_twice_counts_twice():
    first, second = hits([0.9, 0.4], [True, False], [0.5, 0]), hits([0.0, 0.6], [True, False])
    weighted = DetectionScorer([first, second])(np.array([2.0, 1.0]))
    assert weighted == pytest.approx(DetectionScorer([first, first, second])())
    assert DetectionScorer([first, second])(np.array([1.0, 0.0])) == pytest.approx(DetectionScorer([first])())


def scans(seed, count=12):
    """Yield detection maps and masks with hits, misses, near misses and scans without either."""
    random = np.random.default_rng(seed)
    for _ in range(count):
        mask, volume = np.zeros((2, 24, 24, 8))
        for _ in range(random.integers(0, 4)):
            at, size = random.integers(0, 18, 3) % (18, 18, 5), random.integers(2, 6, 3) % 5 + 1
            box = tuple(slice(a, a + s) for a, s in zip(at, size, strict=True))
            mask[box] = 1
            if random.random() < 0.7:
                shift = random.integers(0, 3, 3)
                volume[tuple(slice(b.start + s, b.stop + s) for b, s in zip(box, shift, strict=True))] = 1
        for _ in range(random.integers(0, 3)):
            volume[tuple(slice(a, a + 2) for a in random.integers(0, 20, 3) % (20, 20, 7))] = 1
        regions, number = label(volume, connectivity=3, return_num=True)
        yield np.concatenate([[0], random.choice([0.2, 0.4, 0.6, 0.7, 0.9], number)])[regions], mask


@pytest.mark.parametrize("seed", range(3))
def test_the_numbers_are_those_of_picai_eval(seed):
    picai_eval = pytest.importorskip("picai_eval", reason="picai_eval is not installed: nothing to compare with.")
    volumes, masks = zip(*scans(seed), strict=True)
    theirs = picai_eval.evaluate(volumes, masks, num_parallel_calls=1)
    own = DetectionScorer([match_lesions(found(volume), mask) for volume, mask in zip(volumes, masks, strict=True)])
    scores = own()
    assert any(score == 0 for _, score, _ in theirs.lesion_results_flat)  # else they drop the lowest score
    assert own.lesions == theirs.num_lesions
    assert scores["average_precision"] == pytest.approx(theirs.AP)
    for rate in (0.125, 0.25, 0.5, 1, 2, 4, 8):
        assert scores[f"sensitivity_at_{rate:g}"] == pytest.approx(theirs.lesion_TPR_at_FPR(rate))


def test_lesions_are_components_of_the_mask():
    mask = np.zeros((3, 3, 3))
    mask[0, 0, 0] = mask[1, 1, 1] = 1
    assert lesion_voxels(mask).tolist() == [2]
