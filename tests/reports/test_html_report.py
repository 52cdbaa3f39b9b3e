"""The page and its verdict."""

import base64
import io
import math
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image
from scipy.stats import t

from bundle.reports import HtmlReport, PictureRow, ScoreRow, seed_comparison_sentence


class Page(HTMLParser):
    """What a browser would find."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words, self.addresses = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data):
        self.words.append(data.strip())


def report(**more):
    rows = [
        ScoreRow("plain <b>ViT</b>", {"f1": [0.7, 0.8], "pointing_game": [0.1, float("nan")]}),
        ScoreRow("slice position", {"f1": [0.55]}, "no pixels", is_baseline=True),
    ]
    return HtmlReport(
        "Title & more", "The spread hides the gain.", {"f1": "F1", "pointing_game": "Pointing"}, rows, **more
    )


def test_the_page_says_what_it_was_given():
    picture = np.random.default_rng(0).integers(0, 255, (5, 7, 3), dtype=np.uint8)
    text = report(
        introduction="What was done.",
        notes=["One note."],
        picture_columns=("slice", "map"),
        pictures=[PictureRow("case 1, slice 2", [picture, picture])],
        settings={"epochs": 12},
        how_made=["make demo"],
    ).render()
    page = Page(text)
    for word in (
        "Title & more",
        "The spread hides the gain.",
        "0.750 ±\u00a00.071",
        "n/a",
        "case 1, slice 2",
        "12",
        "make demo",
    ):
        assert word in page.words
    assert {"What was done.", "One note.", "no pixels", "0.100 (1 of 2 runs)"} <= set(page.words)
    assert [base64_png(address).tolist() for address in page.addresses] == [picture.tolist()] * 2


def base64_png(address):
    head, data = address.split(",", 1)
    assert head == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def test_names_are_escaped_and_nothing_is_fetched():
    text = report().render()
    assert "plain &lt;b&gt;ViT&lt;/b&gt;" in text
    assert "b" not in Page(text).tags
    assert "http" not in text
    assert not {"script", "link", "img"} & set(Page(text).tags)


def test_dots_lie_on_the_axis_and_rows_without_the_score_have_none():
    plotted = report(plot_score="pointing_game").render()
    assert plotted.count('class="dot"') == 1
    assert report().render().count('class="dot"') == 3
    assert 'class="dot" style="left:66.67%"' in report().render()  # 0.7 on the axis from 0.5 to 0.8


def test_a_report_without_any_value():
    text = HtmlReport("t", "v", {"f1": "F1"}, [ScoreRow("a", {"f1": [float("nan"), None]}), ScoreRow("b", {})]).render()
    assert 'class="dot"' not in text
    assert math.isnan(ScoreRow("b", {}).mean("f1"))


def test_equal_scores_have_an_axis():
    text = HtmlReport("t", "v", {"f1": "F1"}, [ScoreRow("a", {"f1": [1.0, 1.0]})]).render()
    assert 'class="dot" style="left:0.0%"' in text


def test_the_verdict_is_the_interval_of_welch():
    method, baseline = [0.80, 0.82, 0.84], [0.70, 0.74, 0.78]
    error = math.sqrt((np.var(method, ddof=1) + np.var(baseline, ddof=1)) / 3)
    parts = [np.var(values, ddof=1) / 3 for values in (method, baseline)]
    freedom = sum(parts) ** 2 / sum(part**2 / 2 for part in parts)
    low, high = 0.08 + np.array([-1, 1]) * t.ppf(0.975, freedom) * error
    sentence = seed_comparison_sentence(baseline, method)
    assert f"is 0.080 above that of the plain ViT (95% interval over seeds {low:.3f} to {high:.3f})" in sentence


@pytest.mark.parametrize(
    ("baseline", "method", "words"),
    [
        ([0.7, 0.71, 0.72], [0.8, 0.81, 0.82], "the gain is larger than the spread of the seeds."),
        ([0.6, 0.7, 0.8], [0.65, 0.75, 0.85], "the spread hides the gain."),
        ([0.8, 0.81, 0.82], [0.7, 0.71, 0.72], "the loss is larger than the spread of the seeds."),
        ([0.65, 0.75, 0.85], [0.6, 0.7, 0.8], "the spread hides the loss."),
        ([0.7, 0.7], [0.8, 0.8], "(95% interval over seeds 0.100 to 0.100): the gain is larger"),
        ([0.7], [0.8], "one seed each tells nothing about the spread."),
        ([float("nan")], [0.8], "cannot be compared: F1 has no value"),
    ],
)
def test_the_verdict_says_what_the_numbers_say(baseline, method, words):
    assert words in seed_comparison_sentence(baseline, method)


def test_the_verdict_names_its_subjects():
    text = seed_comparison_sentence([0.1], [0.2], score="AUROC", baseline_name="A", method_name="B")
    assert text.startswith("B's AUROC is 0.100 above that of A;")


def test_the_panel_has_a_slice_per_column():
    white, black = np.full((8, 8, 3), 255, np.uint8), np.zeros((8, 8, 3), np.uint8)
    rows = [PictureRow(f"slice {k}", [white, black]) for k in range(3)]
    panel = report(picture_columns=("slice", "map"), pictures=rows).panel()
    assert panel.shape[2] > panel.shape[1]  # three slices wide, two models high
    lower = panel[:, panel.shape[1] // 2 + 10 :].mean()
    assert lower < 100 < panel[:, : panel.shape[1] // 2].mean()
