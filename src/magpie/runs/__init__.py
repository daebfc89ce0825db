"""Rows on disk: a run's folder, its stages' shards and journals, and the reader that joins them.

The one package that touches storage. Knows no recipe, no engine and no template.
"""

from magpie.runs.files import make_folder, storage, whole_file
from magpie.runs.folder import RunFolder, StageFolder
from magpie.runs.reader import Run, StageCounts, open_run
from magpie.runs.shards import OpenShard, ShardFiles

__all__ = [
    "OpenShard",
    "Run",
    "RunFolder",
    "ShardFiles",
    "StageCounts",
    "StageFolder",
    "make_folder",
    "open_run",
    "storage",
    "whole_file",
]
