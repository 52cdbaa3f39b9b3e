"""Tables, plots, overlays and the HTML page of a result."""

from bundle.reports.band_curves import Point, band_curves
from bundle.reports.case_picture import case_picture
from bundle.reports.case_tiles import contact_sheet
from bundle.reports.curves import score_curves, seed_comparison_sentence, training_curves
from bundle.reports.evaluation_text import evaluation_summary
from bundle.reports.html_report import HtmlReport, PictureRow
from bundle.reports.overlay import draw_overlay, overlay_panel, write_picture
from bundle.reports.tables import ABSENT, ScoreRow, Table, score_text

__all__ = [
    "ABSENT",
    "HtmlReport",
    "PictureRow",
    "Point",
    "ScoreRow",
    "Table",
    "band_curves",
    "case_picture",
    "contact_sheet",
    "draw_overlay",
    "evaluation_summary",
    "overlay_panel",
    "score_curves",
    "score_text",
    "seed_comparison_sentence",
    "training_curves",
    "write_picture",
]
