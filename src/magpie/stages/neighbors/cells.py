"""Neighbors among more vectors than can all be compared: only those in cells that may hold one are.

k-means divides the vectors into cells, and their file is put into the order of cells. Every vector is first compared
with those of its own cell, which tells how near its nearest one is at most. A vector x of another cell B is nearer to
the center of B than to the center of the own cell A, whence for every q

    |q - B|^2 - |q - A|^2 <= 2 |q - x| |A - B|

So a cell for which the left side is larger than 2 r |A - B| holds no vector within r of q. With the limit of repeats as
r that is a proof, so no repeat is missed. With the distance to the nearest one that is known, times a factor, it is a
guess: the factor is read from a sample of vectors whose nearest neighbors are found exactly, and a second sample says
how many were then found. Vectors that look into the same cell are compared with it together, so that the work is
multiplying large matrices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
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
LARGE = 4
"""A cell with so many times as many of these vectors is divided again."""
ROUNDS = 6
"""Of k-means."""
NEARBY = 1024
"""How many cells each vector is compared with at most, on average, so that nearest neighbors are found: half a million
vectors. Cells that may hold repeats are compared however many they are."""
SAMPLE = 2000
"""Vectors in each of the two samples."""
THREADS = 2
"""That search at once."""
_MARKED = 1 << 26
"""How many pairs of a vector and a cell each of them marks at once: 64 MiB."""
_SEED = 20240612


@dataclass(frozen=True, slots=True)
class Cells:
    """Vectors in the order of their cells."""

    vectors: Vectors
    starts: IntArray
    """Where each cell begins, and where the last one ends."""
    centers: FloatArray

    def places(self, cell: int) -> slice:
        return slice(int(self.starts[cell]), int(self.starts[cell + 1]))

    def gains(self, values: FloatArray, cell: int) -> FloatArray:
        """How much farther each center is from each of these vectors of a cell than its own: |q - B|^2 - |q - A|^2,
        [vectors, cells]."""
        squares = np.einsum("ij,ij->i", self.centers, self.centers)
        gains: FloatArray = squares - 2.0 * (values @ self.centers.T)
        return gains - gains[:, cell, None]

    def apart(self, cell: int) -> FloatArray:
        """How far each center is from that of a cell."""
        differences = self.centers - self.centers[cell]
        distances: FloatArray = np.sqrt(np.einsum("ij,ij->i", differences, differences))
        return distances


def search_cells(
    vectors: Vectors, limit: float, recall: float, faiss: Any, knn: Knn, scratch: Path
) -> tuple[Vectors, Found, Mapping[str, Any]]:
    """The vectors in a new order, what was found for each, and figures for the report: how many cells, with how many of
    them each was compared on average, and the share of nearest neighbors that were found."""
    cells = make_cells(vectors, faiss, knn, scratch)
    search = make_search(cells.vectors, limit, knn)
    first, second = _samples(len(vectors.values))
    found = _search_own(cells, search)
    factor = factor_of(cells, search, found, first, recall)
    compared = _search_others(cells, search, found, factor)
    figures = {"cells": len(cells.centers), "cells_compared": compared}
    return cells.vectors, found, figures | measured_recall(found, second, search_all(search, second))


# -- cells ------------------------------------------------------------------------------------------------------------


def make_cells(vectors: Vectors, faiss: Any, knn: Knn, scratch: Path) -> Cells:
    """Divide the vectors, and write them into another file, in the order of cells."""
    count, dimension = vectors.values.shape
    centers = _centers(vectors.values, max(2, count // CELL), faiss, knn)
    cells = np.concatenate([knn(part, centers, 1)[1][:, 0] for part in _copies(vectors.values)])
    order = np.argsort(cells, kind="stable")
    path = scratch / "cells"
    _write_in_order(vectors.values, order, path)
    starts = np.searchsorted(cells[order], np.arange(len(centers) + 1))
    return Cells(vectors.in_order(order, mapped(path, count, dimension)), starts, centers)


def _centers(values: FloatArray, number: int, faiss: Any, knn: Knn) -> FloatArray:
    """Centers by k-means over a sample. Cells with many vectors are divided once more, since k-means leaves some large:
    every vector then goes to the center that is nearest of all."""
    chosen = np.sort(_random(len(values), min(len(values), number * TRAINING)))
    training = np.ascontiguousarray(values[chosen])
    centers = _means(training, number, faiss)
    cells = knn(training, centers, 1)[1][:, 0]
    sizes = np.bincount(cells, minlength=len(centers))
    large = np.flatnonzero(sizes > LARGE * TRAINING)
    parts = [_means(training[cells == cell], int(sizes[cell]) // TRAINING, faiss) for cell in large.tolist()]
    return np.ascontiguousarray(np.concatenate([centers[sizes <= LARGE * TRAINING], *parts]))


def _means(training: FloatArray, number: int, faiss: Any) -> FloatArray:
    kmeans = faiss.Kmeans(
        training.shape[1], number, niter=ROUNDS, seed=1, gpu=faiss.get_num_gpus() > 0, min_points_per_centroid=1
    )
    kmeans.train(np.ascontiguousarray(training))
    centers: FloatArray = np.array(kmeans.centroids)
    return centers


def _copies(values: FloatArray) -> Any:
    return (np.ascontiguousarray(values[start : start + BASE]) for start in range(0, len(values), BASE))


def _write_in_order(values: FloatArray, order: IntArray, path: Path) -> None:
    """Read the old file from start to end, and write each vector to its new place: many short writes, which the system
    buffers, cost less than many short reads, which it cannot predict."""
    with path.open("wb") as file:
        file.truncate(values.nbytes)
    written = mapped(path, len(values), values.shape[1], "r+")
    moved = np.empty(len(order), np.int64)
    moved[order] = np.arange(len(order))
    for start in range(0, len(values), BASE):
        part = slice(start, start + BASE)
        written[moved[part]] = values[part]


# -- how far to look --------------------------------------------------------------------------------------------------


def factor_of(cells: Cells, search: Search, found: Found, sample: IntArray, recall: float) -> float:
    """What to multiply the distance to the nearest known vector with, so that the cells within that reach hold the
    nearest neighbors of the sample, but for half of the share that may be missed: other vectors differ from the sample.
    It is less where more than `NEARBY` cells would be looked at."""
    exact = search_all(search, sample)
    homes, wanted = _cells_of(cells, sample), _cells_of(cells, exact.nearest)
    reaches = np.empty((len(sample), len(cells.centers)), np.float32)
    for at, (place, home) in enumerate(zip(sample.tolist(), homes.tolist(), strict=True)):
        gains = cells.gains(cells.vectors.values[place : place + 1], home)[0]
        apart = np.maximum(2.0 * np.sqrt(found.distance[place]) * cells.apart(home), 1e-12)
        reaches[at] = np.where(np.arange(len(gains)) == home, 0.0, (gains - _slack(search)) / apart)
    wanted_reaches = np.sort(reaches[np.arange(len(sample)), wanted])
    needed = float(wanted_reaches[int(np.ceil((1.0 + recall) / 2 * len(sample))) - 1])
    most = float(np.quantile(reaches, min(1.0, NEARBY / len(cells.centers))))
    return max(0.0, min(needed, most))


def _cells_of(cells: Cells, places: IntArray) -> IntArray:
    return np.searchsorted(cells.starts, places, side="right") - 1


def _slack(search: Search) -> float:
    """How far off a difference of distances may be: two by FAISS, which gave the cells, and two here."""
    return 4.0 * search.slack


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


def _search_own(cells: Cells, search: Search) -> Found:
    """Each vector among those of its cell."""
    found = nothing_found(len(cells.vectors.values))

    def look(cell: int) -> None:
        for queries in _parts(cells.places(cell), QUERIES):
            some = search.part(queries)
            for base in _parts(cells.places(cell), BASE):
                search.compare(some, search.part(base), view(found, queries))

    _in_threads(look, range(len(cells.centers)))
    return found


def _search_others(cells: Cells, search: Search, found: Found, factor: float) -> float:
    """Each vector among those of other cells within its reach. Returns how many cells each was compared with, its own
    among them, on average."""

    def look(block: range) -> int:
        start, end = int(cells.starts[block.start]), int(cells.starts[block.stop])
        marks = np.zeros((len(cells.centers), end - start), np.bool_)
        for cell in block:
            own = cells.places(cell)
            marks[:, own.start - start : own.stop - start] = _marks(cells, search, found, cell, factor).T
        for cell in np.flatnonzero(marks.any(axis=1)).tolist():
            _search_cell(search, found, start + np.flatnonzero(marks[cell]), cells.places(cell))
        return int(marks.sum())

    compared: int = sum(_in_threads(look, _blocks(cells)))
    return float(round(1 + compared / max(1, len(found.distance)), 1))


def _in_threads(look: Callable[[Any], Any], parts: Iterable[Any]) -> list[Any]:
    """NumPy multiplies with all cores, and does all else with one: another thread's work fills the rest. Each part
    notes what is found for its own vectors alone, so that which comes first changes nothing."""
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(look, parts))


def _marks(cells: Cells, search: Search, found: Found, cell: int, factor: float) -> Any:
    """Which other cells each vector of a cell has to be compared with: [vectors, cells]."""
    own = cells.places(cell)
    nearest = np.sqrt(np.minimum(found.distance[own], 1e30))
    reach = np.maximum(np.sqrt(search.limit), factor * nearest).astype(np.float32)
    gains = cells.gains(cells.vectors.values[own], cell)
    marks = gains <= 2.0 * reach[:, None] * cells.apart(cell) + np.float32(_slack(search))
    marks[:, cell] = False
    return marks


def _search_cell(search: Search, found: Found, places: IntArray, cell: slice) -> None:
    """These places among the vectors of one cell."""
    for base in _parts(cell, BASE):
        others = search.part(base)
        for start in range(0, len(places), QUERIES):
            search.improve(search.part(places[start : start + QUERIES]), others, found)


def _blocks(cells: Cells) -> Iterator[range]:
    """Cells that follow each other, with as many vectors as may be marked at once."""
    most, number, first = max(1, _MARKED // len(cells.centers)), len(cells.centers), 0
    while first < number:
        last = int(np.searchsorted(cells.starts, cells.starts[first] + most, side="right")) - 1
        block = range(first, min(number, max(first + 1, last)))
        yield block
        first = block.stop


def _parts(places: slice, size: int) -> Iterator[slice]:
    return (slice(at, min(at + size, places.stop)) for at in range(places.start, places.stop, size))
