"""Builds `pair`: of several responses, a better one against a worse one."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial

from magpie.columns import MAKERS
from magpie.pipeline.building.built import Built, Context
from magpie.pipeline.building.choose import check_rewarded, check_several
from magpie.recipes import Pair
from magpie.seams import TableStage
from magpie.stages.pair import Pairing, pair


def build_pair(asked: Pair, context: Context) -> Built:
    """Raises `RecipeError` where there are no two responses, or no rewards to tell them apart by."""
    check_several("pair", context)
    check_rewarded("pair", "", context)
    how = Pairing(asked.rejected, asked.min_margin, context.recipe.seed)
    stage = TableStage(
        "pair", ("responses", "response_rewards"), MAKERS["pair"], lambda: nullcontext(partial(pair, how=how))
    )
    return Built(stage, {"rejected": asked.rejected, "min_margin": asked.min_margin})
