"""Builds `shortlist`: which instructions are worth a response."""

from __future__ import annotations

from functools import partial

from magpie.columns import MAKERS
from magpie.pipeline.building.built import Built, Context
from magpie.pipeline.building.selecting import selection_of, selections
from magpie.recipes import Shortlist
from magpie.seams import CorpusStage
from magpie.stages.select import shortlist


def build_shortlist(asked: Shortlist, context: Context) -> Built:
    """Raises `RecipeError` for what is no selection over the columns that there are."""
    selection, reads = selection_of("shortlist", asked, selections()["shortlist"], context)
    stage = CorpusStage("shortlist", reads, MAKERS["shortlist"], partial(shortlist, selection=selection))
    return Built(stage, selection.settings())
