"""Builds `shortlist`: which instructions are worth a response."""

from __future__ import annotations

from functools import partial

from magpie.seams import CorpusStage
from magpie.stages.select.building import selection_of, selections
from magpie.stages.select.work import shortlist
from magpie.stages.shortlist.settings import Shortlist
from magpie.stages.spec import BoundStage, Context


def build_shortlist(asked: Shortlist, context: Context) -> BoundStage:
    """Raises `RecipeError` for what is no selection over the columns that there are."""
    selection, reads = selection_of("shortlist", asked, selections()["shortlist"], context)
    stage = CorpusStage("shortlist", reads, (), partial(shortlist, selection=selection))
    return BoundStage(stage, selection.settings())
