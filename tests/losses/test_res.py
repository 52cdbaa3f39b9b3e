import torch
from hypothesis import given
from hypothesis import strategies as st

from bundle.losses.res import separating_threshold

pixels = st.lists(st.tuples(st.integers(0, 6), st.sampled_from(["wanted", "unwanted", "neither"])), min_size=1)


def exhaustive(values, wanted, unwanted):
    """Return the best score and threshold by comparing every candidate with every pixel."""

    def score(a):
        below = [v < a for v, u in zip(values, unwanted, strict=True) if u]
        above = [v >= a for v, w in zip(values, wanted, strict=True) if w]
        return sum(below) / max(len(below), 1) + sum(above) / max(len(above), 1)

    candidates = [v for v, w, u in zip(values, wanted, unwanted, strict=True) if w or u]
    return min(candidates, key=lambda a: (-round(score(a), 5), a)) if candidates else 0


@given(pixels)
def test_one_sort_finds_what_exhaustive_search_finds(pixels):
    values = [value / 6 for value, _ in pixels]
    wanted, unwanted = ([kind == name for _, kind in pixels] for name in ("wanted", "unwanted"))
    found = separating_threshold(*(torch.tensor(x, dtype=torch.float64) for x in (values, wanted, unwanted)))
    expected = exhaustive(values, wanted, unwanted)
    assert abs(found.item() - expected) < 1e-9


def test_scores_that_differ_by_less_than_a_float_tells():
    runs = [(1522, True), (1453, False), (2669, True), (2548, False)]  # the best cut is after the second
    wanted = torch.cat([torch.full((count,), float(kind)) for count, kind in runs])
    assert separating_threshold(torch.arange(len(wanted)).float(), wanted, 1 - wanted) == 1522 + 1453


def test_without_unwanted_pixels_it_is_the_least_wanted_value():
    values = torch.rand(100)
    wanted = (torch.rand(100) > 0.5).float()
    wanted[0] = 1
    assert separating_threshold(values, wanted, torch.zeros(100)) == values[wanted > 0].min()


def test_is_a_constant():
    values = torch.rand(4, requires_grad=True)
    assert not separating_threshold(values, torch.ones(4), torch.zeros(4)).requires_grad
