"""Every weighted score against scikit-learn's `sample_weight`."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from bundle.metrics import BinaryScores

ORACLE = {
    "f1": lambda y, s, p, w: sk.f1_score(y, p, sample_weight=w),
    "accuracy": lambda y, s, p, w: sk.accuracy_score(y, p, sample_weight=w),
    "auroc": lambda y, s, p, w: sk.roc_auc_score(y, s, sample_weight=w),
    "average_precision": lambda y, s, p, w: sk.average_precision_score(y, s, sample_weight=w),
    "cohen_kappa": lambda y, s, p, w: sk.cohen_kappa_score(y, p, sample_weight=w),
    "sensitivity": lambda y, s, p, w: sk.recall_score(y, p, sample_weight=w),
    "specificity": lambda y, s, p, w: sk.recall_score(1 - y, ~p, sample_weight=w),
}


@pytest.mark.parametrize("name", ORACLE)
@pytest.mark.parametrize("decimals", [1, 8], ids=["many ties", "no ties"])
def test_weighted_scores_are_those_of_sklearn(name, decimals):
    rng = np.random.default_rng(3)
    labels = (rng.random(300) < 0.3).astype(int)
    scores = np.round(np.clip(rng.normal(0.3 + 0.3 * labels, 0.2), 0, 1), decimals)
    weights = rng.integers(0, 4, 300).astype(float)
    mine = BinaryScores(labels > 0, scores, scores >= 0.5)(weights)
    assert mine[name] == pytest.approx(ORACLE[name](labels, scores, scores >= 0.5, weights), abs=1e-12)


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.integers(0, 3)), min_size=1, max_size=30))
def test_a_weight_is_a_number_of_copies(rows):
    labels, scores, weights = (np.array(column) for column in zip(*rows, strict=True))
    weighted = BinaryScores(labels, scores, scores > 2)(weights.astype(float))
    copied = np.repeat(np.arange(len(rows)), weights)
    repeated = BinaryScores(labels[copied], scores[copied], scores[copied] > 2)(np.ones(len(copied)))
    np.testing.assert_allclose(list(weighted.values()), list(repeated.values()), atol=1e-12)
