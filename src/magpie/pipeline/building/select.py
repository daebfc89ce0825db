"""Builds `select`: which of all rows are the dataset."""

from __future__ import annotations

from functools import partial

from magpie.columns import MAKERS
from magpie.pipeline.building.built import Built, Context
from magpie.pipeline.building.selecting import EVERYTHING, selection_of
from magpie.recipes import Select
from magpie.seams import CorpusStage
from magpie.stages.select import select


def build_select(asked: Select, context: Context) -> Built:
    """Raises `RecipeError` for what is no selection over the columns that there are."""
    selection, reads = selection_of("select", asked, EVERYTHING, context)
    stage = CorpusStage("select", reads, MAKERS["select"], partial(select, selection=selection))
    return Built(stage, selection.settings())
