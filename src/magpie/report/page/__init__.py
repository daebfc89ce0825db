"""The page of a report: one HTML file without scripts, which opens from anywhere and loads nothing."""

from magpie.report.page.pictures import pictures
from magpie.report.page.rendering import MOST_BYTES, page

__all__ = ["MOST_BYTES", "page", "pictures"]
