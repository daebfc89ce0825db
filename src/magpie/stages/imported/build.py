"""Builds `import`: rows that `magpie import` put into the run stand where the model's own would."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

import pyarrow as pa

from magpie.columns import IMPORT, struct_type
from magpie.errors import RunError
from magpie.seams import TableStage
from magpie.stages.imported.columns import META
from magpie.stages.imported.settings import Source
from magpie.stages.spec import BoundStage, Context

STAGE = IMPORT


def build_import(asked: Source, context: Context) -> BoundStage:
    """The stage makes nothing: its rows are there, or the import has to be done again."""
    known = {**context.map.columns, META.name: replace(META, type=struct_type(asked.meta))}
    columns = tuple(known[name] for name in asked.columns)

    def lost() -> AbstractContextManager[Callable[[pa.Table], pa.Table]]:
        raise RunError(f"rows that were imported from {asked.path} are missing: import them again with the same --to")

    return BoundStage(TableStage(STAGE, (), columns, lost), {"digest": asked.digest}, identity=None)
