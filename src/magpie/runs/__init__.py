"""Rows on disk: a run's folder, its stages' shards and journals, and the reader that joins them.

The one package that touches storage. Knows no recipe, no engine and no template.
"""

from magpie.runs.cost import Cost, StageCost, cost_of
from magpie.runs.database import connect, database
from magpie.runs.files import make_folder, storage, whole_file
from magpie.runs.folder import RunFolder, StageFolder
from magpie.runs.in_force import Scope, StageCounts
from magpie.runs.index import Kind
from magpie.runs.labels import as_label, check_label, label_type, make_types, typed
from magpie.runs.outputs import whole_output
from magpie.runs.reader import Run, open_run
from magpie.runs.relations import sql_text
from magpie.runs.shards import OpenShard, ShardFiles, arrow_schema, arrow_type, fields_of, put_sealed, write_sealed

__all__ = [
    "Cost",
    "Kind",
    "OpenShard",
    "Run",
    "RunFolder",
    "Scope",
    "ShardFiles",
    "StageCost",
    "StageCounts",
    "StageFolder",
    "arrow_schema",
    "arrow_type",
    "as_label",
    "check_label",
    "connect",
    "cost_of",
    "database",
    "fields_of",
    "label_type",
    "make_folder",
    "make_types",
    "open_run",
    "put_sealed",
    "sql_text",
    "storage",
    "typed",
    "whole_file",
    "whole_output",
    "write_sealed",
]
