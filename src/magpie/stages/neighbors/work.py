"""How far each row is from the nearest other one, and whether it repeats an earlier one: a corpus stage.

The definitions are upstream's (Xu et al. 2024, section 3; FAISS's squared L2 distance, repeats below 0.05), made exact.
A row is a repeat when an *earlier* row lies within the limit, itself a repeat or not. So the earliest row of any group
is kept, ties and equal rows are decided by the row's number, and the answer does not depend on the order of the search.
A row is never its own neighbor, and equal rows are each other's, at distance 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from magpie.seams import Corpus
from magpie.stages.neighbors.cells import search_cells
from magpie.stages.neighbors.search import Found, choose_knn, make_search, open_faiss, search_all
from magpie.stages.neighbors.settings import Neighbors
from magpie.stages.neighbors.vectors import NONE, Vectors, read_vectors

ROWS = 1 << 16
"""Rows in a table that is given back."""
LEAST_FOR_CELLS = 4096
"""Fewer vectors than this are always all compared: there would be a handful of cells."""
EXACT_ON_GPU = 20
"""How many times as many vectors a GPU compares with each other before cells are made."""


def neighbors(corpus: Corpus, settings: Neighbors) -> Iterator[pa.Table]:
    """`min_neighbor_distance`, `nearest_row`, `repeat_count` and `is_repeat` of every row; a row without an embedding
    has no distance, and repeats none. Reports how it searched, and the recall where that is not certain.

    Raises `MissingExtra` without FAISS, `UserError` for embeddings that cannot be compared.
    """
    faiss, on_gpu = open_faiss()
    knn = choose_knn(faiss, on_gpu)
    vectors = read_vectors(corpus)
    exact_rows = max(LEAST_FOR_CELLS, settings.exact_rows * (EXACT_ON_GPU if on_gpu else 1))
    figures: dict[str, Any] = {"method": "exact", "recall": 1.0}
    if len(vectors.values) <= exact_rows:
        search = make_search(vectors, settings.repeat_distance, knn)
        found = search_all(search, np.arange(len(vectors.values)))
    else:
        vectors, found, told = search_cells(
            vectors, settings.repeat_distance, settings.recall, faiss, knn, corpus.scratch
        )
        figures = {"method": "cells", **told}
    rows = _Rows(vectors, found)
    corpus.report({**figures, "distinct": len(vectors.values), "repeats": int(rows.is_repeat.sum()), "gpu": on_gpu})
    yield from rows.tables()


class _Rows:
    """What was found for vectors, told of rows."""

    def __init__(self, vectors: Vectors, found: Found) -> None:
        self.rows = vectors.rows
        self.has = vectors.places != NONE
        places = vectors.places[self.has]
        rows = vectors.rows[self.has]
        first, second, weights = vectors.first[places], vectors.second[places], vectors.weights[places]
        is_equal = weights > 1
        lone = found.nearest[places] == NONE
        nearest = np.where(lone, NONE, vectors.first[found.nearest[places]] if len(vectors.first) else NONE)
        # an equal row and another vector's row at distance 0 (below the noise of a model) are as near
        zero = ~lone & (found.distance[places] == 0.0)
        equal = np.where(rows == first, second, first)
        nearest = np.where(is_equal, np.where(zero, np.minimum(equal, nearest), equal), nearest)
        self.nearest = self._spread(nearest, NONE)
        self.distance = self._spread(np.where(is_equal, 0.0, found.distance[places]), np.inf)
        self.count = self._spread(found.within[places] + weights - 1, 0)
        self.is_repeat = self._spread(np.minimum(first, found.earliest[places]) < rows, False)

    def _spread(self, values: Any, other: Any) -> Any:
        """One for each row; `other` for rows without a vector."""
        spread = np.full(len(self.rows), other, values.dtype)
        spread[self.has] = values
        return spread

    def tables(self) -> Iterator[pa.Table]:
        for start in range(0, len(self.rows), ROWS):
            part = slice(start, start + ROWS)
            lone = self.nearest[part] == NONE
            yield pa.table(
                {
                    "row": self.rows[part],
                    "min_neighbor_distance": pa.array(self.distance[part], pa.float64(), mask=lone),
                    "nearest_row": pa.array(self.nearest[part], pa.int64(), mask=lone),
                    "repeat_count": pa.array(self.count[part], pa.int32(), mask=~self.has[part]),
                    "is_repeat": pa.array(self.is_repeat[part], pa.bool_()),
                }
            )
