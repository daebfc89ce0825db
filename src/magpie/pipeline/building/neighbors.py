"""Builds `neighbors`: how near the nearest other instruction is, and which rows repeat an earlier one."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

import pyarrow as pa

from magpie.columns import MAKERS
from magpie.errors import MissingExtra
from magpie.pipeline.building.built import Built, Context
from magpie.recipes import Neighbors
from magpie.seams import Corpus, CorpusStage

STAGE = "neighbors"


def build_neighbors(asked: Neighbors, context: Context) -> Built:  # noqa: ARG001 (every builder takes one)
    """Raises `MissingExtra` where FAISS or NumPy is not installed: before anything is made, not after it."""
    if lacking := [name for name, module in (("FAISS", "faiss"), ("NumPy", "numpy")) if find_spec(module) is None]:
        raise MissingExtra(
            f"neighbors needs {' and '.join(lacking)}, not installed here: pip install 'magpie[curation]', or leave "
            "neighbors out of the recipe"
        )

    def make(corpus: Corpus) -> Iterator[pa.Table]:
        from magpie.stages.neighbors import NeighborSettings, neighbors

        return neighbors(corpus, NeighborSettings(**asked.model_dump()))

    return Built(CorpusStage(STAGE, ("embedding",), MAKERS[STAGE], make), asked.model_dump())
