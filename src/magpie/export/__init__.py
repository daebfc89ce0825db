"""Kept rows as files that trainers read, whole folders with a dataset card, and uploads of these.

Reads a run; knows no engine and no stage.
"""

from magpie.export.exporting import FORMATS, Exported, export, fitting_format
from magpie.export.hub import Upload, check_can_push, push, shown
from magpie.export.options import Options, Thoughts
from magpie.export.shapes import packaged_formats

__all__ = [
    "FORMATS",
    "Exported",
    "Options",
    "Thoughts",
    "Upload",
    "check_can_push",
    "export",
    "fitting_format",
    "packaged_formats",
    "push",
    "shown",
]
