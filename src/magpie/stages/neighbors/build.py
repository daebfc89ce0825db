"""Builds `neighbors`: how near the nearest other instruction is, and which rows repeat an earlier one."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

import pyarrow as pa

from magpie.errors import MissingExtra
from magpie.install import install_hint
from magpie.seams import Corpus, CorpusStage
from magpie.settings.base import frozen
from magpie.stages.neighbors.columns import COLUMNS
from magpie.stages.neighbors.settings import Neighbors
from magpie.stages.spec import BoundStage, Context

STAGE = "neighbors"


def build_neighbors(asked: Neighbors, context: Context) -> BoundStage:  # noqa: ARG001 (every builder takes one)
    """Raises `MissingExtra` where FAISS or NumPy is not installed: before anything is made, not after it."""
    if lacking := [name for name, module in (("FAISS", "faiss"), ("NumPy", "numpy")) if find_spec(module) is None]:
        raise MissingExtra(
            f"neighbors needs {' and '.join(lacking)}, which is not installed; leave neighbors out of the recipe, or "
            f"install it: {install_hint('curation')}"
        )

    def make(corpus: Corpus) -> Iterator[pa.Table]:
        from magpie.stages.neighbors.work import neighbors

        return neighbors(corpus, asked)

    return BoundStage(CorpusStage(STAGE, ("embedding",), COLUMNS, make), frozen(asked))
