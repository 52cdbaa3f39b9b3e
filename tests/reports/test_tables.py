"""Numbers and tables as text."""

import math

import pytest

from bundle.metrics import Interval
from bundle.reports import Table, score_text

NAN = float("nan")


@pytest.mark.parametrize(
    ("values", "interval", "expected"),
    [
        (0.81249, None, "0.812"),
        ([0.5], None, "0.500"),
        ([0.7, 0.8, 0.9], None, "0.800 ± 0.100"),
        (0.8, Interval(0.7, 0.9, 1000), "0.800 [0.700, 0.900]"),
        (0.8, (NAN, NAN), "0.800"),
        (0.8, (None, None), "0.800"),
        ([NAN, None], None, "n/a"),
        ([0.5, NAN, 0.7], None, "0.600 ± 0.141 (2 of 3 runs)"),
        ([], None, "n/a"),
    ],
)
def test_score_text(values, interval, expected):
    assert score_text(values, interval) == expected


def test_digits():
    assert score_text(math.pi, digits=1) == "3.1"


TABLE = Table(("model", "F1", "n"), [("plain | ViT", "0.780 ± 0.010", "3"), ("LGM", "n/a", "12")])


def test_text():
    assert TABLE.text().splitlines() == [
        "model                   F1   n",
        "plain | ViT  0.780 ± 0.010   3",
        "LGM                    n/a  12",
    ]


def test_markdown():
    assert TABLE.markdown().splitlines() == [
        "| model | F1 | n |",
        "| --- | ---: | ---: |",
        "| plain \\| ViT | 0.780 ± 0.010 | 3 |",
        "| LGM | n/a | 12 |",
    ]


def test_csv():
    assert Table(("a", "b"), [("x,y", "1")]).csv() == 'a,b\n"x,y",1\n'


def test_rows_are_as_long_as_the_header():
    with pytest.raises(ValueError, match=r"rows must have 2 cells, got 1 in \['x'\]"):
        Table(("a", "b"), [("x",)])
