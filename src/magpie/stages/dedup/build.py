"""Builds `dedup`: the earliest of instructions that say the same."""

from __future__ import annotations

from functools import partial

from magpie.seams import CorpusStage
from magpie.settings.base import frozen
from magpie.stages.dedup.columns import COLUMNS
from magpie.stages.dedup.settings import Dedup
from magpie.stages.dedup.sketches import Shape
from magpie.stages.dedup.work import dedup
from magpie.stages.extras import check_curation
from magpie.stages.spec import BoundStage, Context


def build_dedup(asked: Dedup, context: Context) -> BoundStage:  # noqa: ARG001 (every builder takes one)
    """Reads nothing but the instructions. Raises `MissingExtra`."""
    check_curation("dedup", numpy="NumPy", **({"rensa": "rensa"} if asked.near else {}))
    shape = Shape(asked.ngram, asked.threshold, asked.numbers) if asked.near else None
    stage = CorpusStage("dedup", ("instruction",), COLUMNS, partial(dedup, shape=shape))
    return BoundStage(stage, frozen(asked) if asked.near else {"near": False})
