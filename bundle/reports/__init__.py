"""Scores, tables, overlays and the page that a person reads."""

from bundle.reports.case_tiles import contact_sheet
from bundle.reports.evaluation import evaluate_predictions
from bundle.reports.finished_run import FinishedRun
from bundle.reports.html_report import HtmlReport
from bundle.reports.map_evaluation import MapEvaluation
from bundle.reports.overlay import draw_overlay
from bundle.reports.overlay_panel import overlay_panel
from bundle.reports.picture_row import PictureRow
from bundle.reports.pooled import PooledRuns, corrected
from bundle.reports.read_predictions import read_predictions
from bundle.reports.score_curves import score_curves
from bundle.reports.score_row import ScoreRow
from bundle.reports.score_text import ABSENT, score_text
from bundle.reports.slice_evaluation import SliceEvaluation
from bundle.reports.tables import Table
from bundle.reports.verdict import verdict

__all__ = [
    "ABSENT",
    "FinishedRun",
    "HtmlReport",
    "MapEvaluation",
    "PictureRow",
    "PooledRuns",
    "ScoreRow",
    "SliceEvaluation",
    "Table",
    "contact_sheet",
    "corrected",
    "draw_overlay",
    "evaluate_predictions",
    "overlay_panel",
    "read_predictions",
    "score_curves",
    "score_text",
    "verdict",
]
