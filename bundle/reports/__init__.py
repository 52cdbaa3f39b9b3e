"""Tables, plots, overlays and the HTML page of a result."""

from bundle.reports.band_curves import Point, band_curves
from bundle.reports.case_picture import case_picture
from bundle.reports.case_tiles import contact_sheet
from bundle.reports.curves import score_curves, seed_comparison_sentence, training_curves
from bundle.reports.evaluation_text import evaluation_summary
from bundle.reports.html_report import HtmlReport, PictureRow
from bundle.reports.key_slice import RESEARCH_ONLY, key_slice_picture
from bundle.reports.overlay import draw_overlay, overlay_panel, write_picture
from bundle.reports.study_report import write_study_report
from bundle.reports.tables import ABSENT, ScoreRow, Table, capped, score_text, told_apart

__all__ = [
    "ABSENT",
    "RESEARCH_ONLY",
    "HtmlReport",
    "PictureRow",
    "Point",
    "ScoreRow",
    "Table",
    "band_curves",
    "capped",
    "case_picture",
    "contact_sheet",
    "draw_overlay",
    "evaluation_summary",
    "key_slice_picture",
    "overlay_panel",
    "score_curves",
    "score_text",
    "seed_comparison_sentence",
    "told_apart",
    "training_curves",
    "write_picture",
    "write_study_report",
]
