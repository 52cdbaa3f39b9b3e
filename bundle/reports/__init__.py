"""Tables, figures, overlays and the HTML report."""

from bundle.reports.contact_sheet import contact_sheet

__all__ = ["contact_sheet"]
