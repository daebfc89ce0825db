"""What is in a run, to be seen: numbers over its rows, and one HTML page that shows them.

Reads finished runs, and those being written; may import a file and embed it, to compare with. Knows no engine.
"""

from magpie.report.making import Asked, make_report, picture_numbers
from magpie.report.others import open_other

__all__ = ["Asked", "make_report", "open_other", "picture_numbers"]
