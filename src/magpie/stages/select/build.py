"""Builds `select`: which of all rows are the dataset."""

from __future__ import annotations

from functools import partial

from magpie.seams import CorpusStage
from magpie.stages.select.building import EVERYTHING, selection_of
from magpie.stages.select.columns import COLUMNS
from magpie.stages.select.settings import Select
from magpie.stages.select.work import select
from magpie.stages.spec import BoundStage, Context


def build_select(asked: Select, context: Context) -> BoundStage:
    """Raises `RecipeError` for what is no selection over the columns that there are."""
    selection, reads = selection_of("select", asked, EVERYTHING, context)
    makers = {name: maker for name in selection.clause_columns() if (maker := context.map.maker(name.lower()))}
    stage = CorpusStage("select", reads, COLUMNS, partial(select, selection=selection, makers=makers))
    return BoundStage(stage, selection.settings())
