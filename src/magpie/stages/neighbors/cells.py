"""Neighbors among more vectors than can all be compared: only those in nearby cells are.

As an inverted file does it (FAISS's IVF), for all vectors at once: k-means divides the vectors into cells, their file
is put into the order of cells, and each cell as a whole is compared with those whose centers are nearest to its own.
That way the work is multiplying large matrices, at fifteen times the speed of searching for one vector after the other.
How many cells to look at is read from a sample of vectors whose nearest neighbors are found exactly; a second sample
says how many were then found.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from magpie.stages.neighbors.search import (
    BASE,
    QUERIES,
    Found,
    Knn,
    Search,
    make_search,
    nothing_found,
    search_all,
    view,
)
from magpie.stages.neighbors.vectors import FloatArray, IntArray, Vectors, mapped

CELL = 512
"""Vectors in a cell, on average."""
TRAINING = 32
"""Vectors that k-means sees, for each cell."""
ROUNDS = 6
"""Of k-means."""
NEARBY = 1024
"""The most cells that each is compared with: half a million vectors."""
SAMPLE = 2000
"""Vectors in each of the two samples."""
_SEED = 20240612


@dataclass(frozen=True, slots=True)
class Cells:
    """Vectors in the order of their cells."""

    vectors: Vectors
    starts: IntArray
    """Where each cell begins, and where the last one ends."""
    nearby: IntArray
    """The cells nearest to each one, itself among them, nearest first."""

    @property
    def of_places(self) -> IntArray:
        """The cell of each place."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))


def search_cells(
    vectors: Vectors, limit: float, recall: float, faiss: Any, knn: Knn, scratch: Path
) -> tuple[Vectors, Found, Mapping[str, Any]]:
    """The vectors in a new order, what was found for each, and figures for the report: how many cells, how many of
    them each was compared with, and the share of nearest neighbors that were found."""
    cells = make_cells(vectors, faiss, knn, scratch)
    search = make_search(cells.vectors, limit, knn)
    first, second = _samples(len(vectors.values))
    looked_at = probes(cells, first, search_all(search, first), recall)
    found = _search(cells, search, looked_at)
    figures = {"cells": len(cells.starts) - 1, "cells_compared": looked_at}
    return cells.vectors, found, figures | measured_recall(found, second, search_all(search, second))


# -- cells ------------------------------------------------------------------------------------------------------------


def make_cells(vectors: Vectors, faiss: Any, knn: Knn, scratch: Path) -> Cells:
    """Divide the vectors, and write them into another file, in the order of cells."""
    count, dimension = vectors.values.shape
    centers = _centers(vectors.values, max(2, count // CELL), faiss)
    cells = np.concatenate([knn(part, centers, 1)[1][:, 0] for part in _copies(vectors.values)])
    order = np.argsort(cells, kind="stable")
    path = scratch / "cells"
    _write_in_order(vectors.values, order, path)
    starts = np.searchsorted(cells[order], np.arange(len(centers) + 1))
    nearby = knn(centers, centers, min(len(centers), NEARBY))[1]
    return Cells(vectors.in_order(order, mapped(path, count, dimension)), starts, nearby)


def _centers(values: FloatArray, number: int, faiss: Any) -> FloatArray:
    count, dimension = values.shape
    chosen = np.sort(_random(count, min(count, number * TRAINING)))
    kmeans = faiss.Kmeans(
        dimension, number, niter=ROUNDS, seed=1, gpu=faiss.get_num_gpus() > 0, min_points_per_centroid=1
    )
    kmeans.train(np.ascontiguousarray(values[chosen]))
    centers: FloatArray = np.ascontiguousarray(kmeans.centroids)
    return centers


def _copies(values: FloatArray) -> Any:
    return (np.ascontiguousarray(values[start : start + BASE]) for start in range(0, len(values), BASE))


def _write_in_order(values: FloatArray, order: IntArray, path: Path) -> None:
    """The old file is read from its beginning to its end, and each vector put at its new place: many short writes,
    which the system gathers, cost less than many short reads, which it cannot foresee."""
    with path.open("wb") as file:
        file.truncate(values.nbytes)
    written = mapped(path, len(values), values.shape[1], "r+")
    moved = np.empty(len(order), np.int64)
    moved[order] = np.arange(len(order))
    for start in range(0, len(values), BASE):
        part = slice(start, start + BASE)
        written[moved[part]] = values[part]


# -- how many cells ---------------------------------------------------------------------------------------------------


def probes(cells: Cells, sample: IntArray, exact: Found, recall: float) -> int:
    """So many of the cells nearest to its own as hold the nearest neighbors of the sample, but for a quarter of the
    share that may be missed: other vectors differ from the sample."""
    of_places = cells.of_places
    homes, wanted = of_places[sample], of_places[exact.nearest]
    is_there = cells.nearby[homes] == wanted[:, None]
    ranks = np.sort(np.where(is_there.any(axis=1), is_there.argmax(axis=1), is_there.shape[1] - 1))
    needed = int(np.ceil((3.0 + recall) / 4 * len(ranks))) - 1
    return int(ranks[needed]) + 1


def measured_recall(found: Found, sample: IntArray, exact: Found) -> dict[str, Any]:
    """The share of the sample whose nearest neighbor, or another one as near, was found; and of those with others
    within the limit, the share for which all of these were."""
    hit, near = found.distance[sample] <= exact.distance, exact.within > 0
    whole = found.within[sample][near] == exact.within[near]
    return {
        "recall": round(float(hit.mean()), 4),
        "recall_sample": len(sample),
        "repeat_recall": round(float(whole.mean()), 4) if len(whole) else None,
        "repeat_recall_sample": len(whole),
    }


def _samples(count: int) -> tuple[IntArray, IntArray]:
    """Two samples without a vector in common."""
    size = min(SAMPLE, count // 2)
    chosen = _random(count, 2 * size)
    return np.sort(chosen[:size]), np.sort(chosen[size:])


def _random(count: int, size: int) -> IntArray:
    """Always the same places, so that the same vectors give the same rows."""
    return np.random.default_rng(_SEED).choice(count, size, replace=False)


# -- the search -------------------------------------------------------------------------------------------------------


def _search(cells: Cells, search: Search, looked_at: int) -> Found:
    found = nothing_found(len(cells.vectors.values))
    for cell in np.flatnonzero(np.diff(cells.starts)).tolist():
        own = np.arange(cells.starts[cell], cells.starts[cell + 1])
        for base in _bases(cells, np.sort(cells.nearby[cell, :looked_at])):
            others = search.part(base)
            for start in range(0, len(own), QUERIES):
                queries = search.part(own[start : start + QUERIES])
                some = slice(int(queries.places[0]), int(queries.places[-1]) + 1)
                search.compare(queries, others, view(found, some))
    return found


def _bases(cells: Cells, others: IntArray) -> list[IntArray]:
    """The places in these cells, in parts that fit into memory."""
    places = np.concatenate([np.arange(cells.starts[cell], cells.starts[cell + 1]) for cell in others])
    return np.array_split(places, max(1, -(-len(places) // BASE)))
