"""Builds `pair`: of several responses, a better one against a worse one."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial

from magpie.seams import TableStage
from magpie.stages.choose.build import check_rewarded, check_several
from magpie.stages.imported.columns import PAIR_PROMPT
from magpie.stages.pair import SPEC
from magpie.stages.pair.columns import COLUMNS
from magpie.stages.pair.settings import Pair
from magpie.stages.pair.work import Pairing, pair
from magpie.stages.spec import BoundStage, Context


def build_pair(asked: Pair, context: Context) -> BoundStage:
    """Raises `RecipeError` where there are no two responses, or no rewards to tell them apart by."""
    check_several("pair", context)
    check_rewarded("pair", "", context)
    how = Pairing(asked.rejected, asked.min_margin, context.seed)
    reads = tuple(SPEC.needs(asked, context.available))
    writes = COLUMNS if "responses_prompt" in reads else tuple(one for one in COLUMNS if one != PAIR_PROMPT)
    stage = TableStage("pair", reads, writes, lambda: nullcontext(partial(pair, how=how)))
    return BoundStage(stage, {"rejected": asked.rejected, "min_margin": asked.min_margin})
