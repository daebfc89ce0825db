"""Builds `import`: rows that `magpie import` put into the run stand where the model's own would."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pyarrow as pa

from magpie.columns import ALL
from magpie.errors import RunError
from magpie.pipeline.building.built import Built, Context
from magpie.recipes import Source
from magpie.seams import TableStage

STAGE = "import"


def build_import(asked: Source, context: Context) -> Built:  # noqa: ARG001 (every builder takes one)
    """The stage makes nothing: its rows are there, or the import has to be done again."""
    columns = tuple(ALL[name] for name in asked.columns)

    def lost() -> AbstractContextManager[Callable[[pa.Table], pa.Table]]:
        raise RunError(f"rows that were imported from {asked.path} are missing: import them again with the same --to")

    return Built(TableStage(STAGE, (), columns, lost), {"digest": asked.digest}, identity=None)
