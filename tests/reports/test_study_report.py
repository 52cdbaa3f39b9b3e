"""The report of a study: what a reader finds on it, what must never be on it, and that it prints on two sheets."""

import base64
import hashlib
import re
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("pydicom", minversion="3")
from support.study_readings import SAGITTAL, account_of, reading_of, stack_of

from bundle.reports import RESEARCH_ONLY, write_study_report
from bundle.reports.study_report import study_report

ABOUT = {
    "name": "LGM-ViT",
    "version": "0.1.0",
    "intended_use": "Not for clinical use",
    "eval_metrics": {"slice_auroc": 0.96, "own_score": 1.0},
    "network_data_format": {"inputs": {"image": {"channel_def": {"0": "T1", "1": "FLAIR"}}}},
}
BALLS = [((14, 10, 9), 6), ((30, 28, 3), 3)]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def study(shape=(44, 36, 14), regions=BALLS, *, stack=None, **more):
    stack = stack_of(shape) if stack is None else stack
    return *reading_of(stack, regions, **more), account_of(stack)


def words(page):
    """What a reader sees, one space between words."""
    body = re.sub(r"<(style|head).*?</\1>", " ", page, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", body).split())


def text_of(found):
    return words(study_report(*found, ABOUT))


def test_the_first_lines_are_the_answer_and_the_slice_to_open():
    reading, images, account = study()
    start = text_of((reading, images, account))[:260]
    assert start.startswith(
        f"{RESEARCH_ONLY} case_0123456789ab lesion: present Top slice 10 of 14 instance 109, -13.0 mm"
    )
    assert "series 7 MR, axial, counted from feet to head" in start


def test_a_class_is_called_absent_explicitly():
    text = text_of(study(regions=[]))
    assert "lesion: absent" in text
    assert "No region of the map is a finding" in text
    assert "lesion absent 0.10 0.50 0.30 none" in text


def test_probability_threshold_and_position_stand_beside_each_other():
    text = text_of(study())
    assert re.search(r"lesion present 0\.95 0\.50 0\.30 \d+ of 14: ", text)
    assert "Thresholds were chosen on validation patients." in text


def test_numbers_never_look_equal_that_are_not():
    """A probability below its threshold must not stand as 0.50 beside 0.50, nor a low threshold as 0.00."""
    reading, images, account = study(regions=[])
    near = replace(reading, volume_probability=(0.4969,), probability=np.full_like(reading.probability, 0.4969))
    text = text_of((near, images, account))
    assert "lesion absent 0.497 0.500 " in text
    assert "threshold 0.500" in text
    assert "threshold 0.004" in text_of(study(regions=[], threshold=0.004))
    assert "lesion present 0.100 0.004 " in text_of(study(regions=[], volume_threshold=(0.004,)))


def test_the_volume_of_a_small_finding_is_not_nothing():
    reading, images, account = study(regions=[((20, 18, 6), 0)])
    [finding] = reading.findings
    assert finding["volume_ml"] == 0.003
    assert " 0.003 7 slice 7 of 14" in text_of((reading, images, account))


def test_position_alone_is_left_out_where_it_is_not_known():
    page = study_report(*study(position=None), ABOUT)
    assert "slice position alone" not in page
    assert 'class="of-position"' not in page


def test_findings_have_their_numbers_and_pictures():
    reading, images, account = study()
    text, page = text_of((reading, images, account)), study_report(reading, images, account, ABOUT)
    first = reading.findings[0]
    assert f"1 {first['score']:.2f} {first['diameter_mm']:.0f} " in text
    assert page.count("data:image/png;base64,") == 2 + 3 * len(reading.findings)  # of the top slice, of the findings
    assert "Window: level" in text


def test_slices_of_a_finding_are_those_of_the_stack_not_of_the_network():
    reading, images, account = study(regions=BALLS[:1])
    inside = np.flatnonzero((reading.labels > 0).any(axis=(0, 1)))
    [entry] = reading.findings
    turned = replace(reading, findings=[{**entry, "first_slice": 90, "last_slice": 99, "key_slice": 95}])
    assert f"{inside[0] + 1} to {inside[-1] + 1} slice 10 of 14" in text_of((turned, images, account))


def test_findings_of_one_key_slice_share_its_pictures():
    found = study(regions=[((12, 10, 5), 4), ((32, 26, 5), 4)])
    assert "Findings 1, 2 : slice 6 of 14" in text_of(found)


def test_of_many_findings_some_are_shown_and_the_others_counted():
    centers = [(5 + 10 * (n % 4), 5 + 12 * (n // 4 % 3), 3 * n) for n in range(12)]
    text = text_of(study((44, 36, 36), [(center, 2) for center in centers], threshold=0.15))
    assert "and 4 more findings" in text
    assert "and 9 more key slices" in text


def test_a_key_slice_of_many_findings_names_some_and_counts_the_others():
    balls = [((3 + 6 * (n % 7), 3 + 6 * (n // 7), 5), 1) for n in range(20)]
    assert "Findings 1, 2, 3, 4, 5, 6, 7, 8 and 12 more : slice 6 of 14" in text_of(study(regions=balls))


def test_the_chart_marks_the_slices_of_every_finding():
    centers = [(5 + 10 * (n % 4), 5 + 12 * (n // 4 % 3), 3 * n) for n in range(12)]
    page = study_report(*study((44, 36, 36), [(center, 2) for center in centers], threshold=0.15), ABOUT)
    assert page.count('<rect class="finding"') == 12


def test_no_finding_is_not_said_where_none_was_looked_for():
    text = text_of(study(regions=[], has_rule=False))
    assert "None were looked for: the model has no rule for findings." in text
    assert "No region of the map is a finding" not in text


def test_several_classes_are_all_answered_and_the_first_ones_drawn():
    reading, images, account = study(classes=("cyst", "stone", "lesion"))
    page = study_report(reading, images, account, ABOUT)
    assert "Present: lesion. Absent: cyst, stone" in words(page)
    assert page.count('class="absent"') == 2
    assert page.count('<svg class="chart"') == 2
    assert "and 1 more classes" in words(page)


def test_a_map_that_was_not_asked_for_is_not_drawn():
    page = study_report(*study(has_map=False), ABOUT)
    assert "where the network looked" not in page
    assert "map of slice" not in page


def test_a_single_slice_has_a_report():
    assert "Top slice 1 of 1" in text_of(study((44, 36, 1), [((14, 10, 0), 5)]))


def test_a_study_that_was_refused_says_why_and_no_answer():
    account = {**account_of(stack_of((4, 4, 2))), "volumes": []}
    text = words(study_report(None, None, account, ABOUT, "No series fits the model."))
    assert "No answer No series fits the model. This says nothing about" in text
    assert "refused: series 9 must hold every slice, got a gap: copy it." in text
    assert "present" not in text


def test_it_says_what_was_read_and_what_was_not_and_why():
    text = text_of(study())
    assert "series7_mr, answered here : MR 44 x 36 x 14" in text
    assert "series8_mr: MR 44 x 36 x 14; slices are uneven" in text
    assert "set aside: series 1 (3 files): scout" in text


def test_only_the_stack_that_was_read_is_marked_of_two_of_a_series():
    reading, images, account = study()
    moved = {**account["volumes"][0], "name": "series7_mr_2", "affine": np.eye(4).tolist()}
    text = text_of((reading, images, {**account, "volumes": [moved, account["volumes"][0]]}))
    assert text.count("answered here") == 1
    assert "series7_mr, answered here" in text


def test_warnings_of_input_and_a_close_call_stand_together():
    warnings = "The field of view is small.", "slices are sheared"
    found = study(warnings=warnings, volume_probability=(0.52,))
    text = text_of(found)
    assert "3 warnings lesion: the probability is within 0.05 of its threshold; take the answer as open." in text
    assert "The field of view is small. slices are sheared" in text


def test_the_model_card_is_there_in_short():
    text = text_of(study())
    assert "model LGM-ViT 0.1.0 weights (SHA-256) abababababababab... intended use Not for clinical use" in text
    assert "input T1, FLAIR scores on test patients AUROC of slices 0.960, own_score 1.000" in text


def test_no_identity_is_on_it():
    page = re.sub(r"base64,[\w+/=]+", "", study_report(*study(), ABOUT))
    assert not re.search(r"Doe|4711|1\.2\.[0-9]", page)


def test_words_of_a_header_cannot_become_markup():
    reading, images, account = study(classes=("<script>alert(1)</script>",))
    assert "<script" not in study_report(reading, images, account, ABOUT)


def test_the_page_needs_and_lets_in_nothing_from_outside():
    page = study_report(*study(), ABOUT)
    style = re.search("<style>(.*)</style>", page, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:;" in page.replace("&#39;", "'")
    assert not re.search(r"https?:|<script|<link|url\(|style=", page)


def test_a_volume_of_another_shape_is_refused(tmp_path):
    reading, images, account = study()
    with pytest.raises(ValueError, match="images must have the shape"):
        write_study_report(tmp_path / "report.html", reading, images[1:], account, ABOUT)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(CHROMIUM is None, reason="needs the program chromium")
@pytest.mark.parametrize("case", ["usual", "full"])
def test_it_prints_on_two_sheets_of_each_size(tmp_path, case):
    if case == "usual":
        found = study()
    else:
        centers = [(5 + 10 * (n % 4), 5 + 12 * (n // 4 % 3), 3 * n) for n in range(12)]
        found = study(
            (44, 36, 36), [(center, 2) for center in centers], classes=("cyst", "stone", "lesion"), threshold=0.15
        )
    page = study_report(*found, ABOUT)
    # the page lets in no second style, so the copies that fix the size are without its policy
    free = re.sub('<meta http-equiv="Content-Security-Policy".*?>', "", page)
    for size in ("letter", "A4"):
        path, printed = tmp_path / f"{size}.html", tmp_path / f"{size}.pdf"
        path.write_text(free.replace("@page { ", f"@page {{ size: {size}; "))
        options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
        subprocess.run(
            [CHROMIUM, *options, f"--print-to-pdf={printed}", path.as_uri()], check=True, capture_output=True
        )
        assert len(re.findall(rb"/Type\s*/Page\b", printed.read_bytes())) <= 2


def test_a_sagittal_series_is_called_so():
    stack = stack_of((30, 40, 6), SAGITTAL)
    assert "sagittal, counted from left to right" in text_of(study(stack=stack, regions=[((10, 10, 3), 3)]))
