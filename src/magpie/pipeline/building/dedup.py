"""Builds `dedup`: the earliest of instructions that say the same."""

from __future__ import annotations

from functools import partial

from magpie.columns import MAKERS
from magpie.pipeline.building.built import Built, Context
from magpie.pipeline.building.curation import check_curation
from magpie.recipes import Dedup
from magpie.seams import CorpusStage
from magpie.stages.dedup import dedup
from magpie.stages.dedup_sketches import Shape


def build_dedup(asked: Dedup, context: Context) -> Built:  # noqa: ARG001 (every builder takes one)
    """Reads nothing but the instructions. Raises `MissingExtra`."""
    check_curation("dedup", numpy="NumPy", **({"rensa": "rensa"} if asked.near else {}))
    shape = Shape(asked.ngram, asked.threshold, asked.numbers) if asked.near else None
    stage = CorpusStage("dedup", ("instruction",), MAKERS["dedup"], partial(dedup, shape=shape))
    return Built(stage, asked.model_dump(mode="json") if asked.near else {"near": False})
