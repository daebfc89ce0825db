"""Compares vectors with vectors: the nearest other one, and how many are near enough to be repeats.

FAISS, on a GPU where there is one, finds candidates by |x|^2 + |y|^2 - 2xy, which loses digits: of two vectors of
length 1 it is off by up to some millionths, so that equal ones are not at 0 and the order of near ones is chance.
Whatever may be the nearest, or may lie within the limit, is therefore measured again, by squared differences. Knows
places of vectors and no more of the corpus than `Vectors` tells.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from magpie.errors import MissingExtra
from magpie.install import install_hint
from magpie.stages.neighbors.vectors import NONE, FloatArray, IntArray, Vectors

CANDIDATES = 17
"""Found for each vector in each part, itself among them. Where all of them are near, all vectors of the part are looked
at, however many."""
SLACK = 1e-4
"""How far off FAISS may be, for vectors of length 1: a hundred times what was seen, which costs nothing."""
SAME = 1e-9
"""Distances below are 0: models give one text vectors that differ in the last digit, by what else is in a batch."""
QUERIES = 4096
BASE = 1 << 16
"""Vectors that are compared at once. FAISS splits these further; the copies of a part of `BASE` take 100 MB."""
_PAIRS = 1 << 14
_LATEST = np.iinfo(np.int64).max

Knn = Callable[[FloatArray, FloatArray, int], tuple[FloatArray, IntArray]]
"""Queries, base and k: the squared distances of the k nearest of the base, nearest first, and where they are."""


def open_faiss() -> tuple[Any, bool]:
    """The module, and whether it may use a GPU. Raises `MissingExtra` where it is not installed, or does not load."""
    try:
        faiss = import_module("faiss")
    except ImportError as error:
        raise MissingExtra(
            f"neighbors needs FAISS ({error}); leave neighbors out of the recipe, or install it: "
            f"{install_hint('curation')}"
        ) from error
    return faiss, faiss.get_num_gpus() > 0


def choose_knn(faiss: Any, on_gpu: bool) -> Knn:
    """FAISS's brute force. Its threshold for using BLAS is for queries one by one: below 334 queries of 384 numbers, it
    computes each pair by itself, a sixteenth as fast (8 in place of 120 GFLOPS a core)."""
    if on_gpu:
        return partial(faiss.knn_gpu, faiss.StandardGpuResources())
    faiss.cvar.distance_compute_blas_threshold = 20
    knn: Knn = faiss.knn
    return knn


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of each place so far. Other vectors only: rows with the same vector are not in here."""

    distance: NDArray[np.float64]
    """Squared, to the nearest other vector; infinite where none was seen."""
    nearest: IntArray
    """The place of that vector; of several as near, the one with the earliest row; -1 where none was seen."""
    within: IntArray
    """How many rows have other vectors that lie within the limit."""
    earliest: IntArray
    """The earliest of those rows; the largest number where there is none."""


def nothing_found(count: int) -> Found:
    return Found(
        np.full(count, np.inf),
        np.full(count, NONE, np.int64),
        np.zeros(count, np.int64),
        np.full(count, _LATEST, np.int64),
    )


class Part(NamedTuple):
    """Some of the vectors."""

    places: IntArray
    values: FloatArray


@dataclass(frozen=True, slots=True)
class Search:
    """How two sets of vectors are compared."""

    vectors: Vectors
    limit: float
    """Squared distance below which vectors repeat each other."""
    knn: Knn
    slack: float
    """`SLACK` for the longest vector that there is."""

    def part(self, places: IntArray | slice) -> Part:
        """These places, copied out of the file."""
        values = np.array(self.vectors.values[places], np.float32, order="C")
        return Part(np.arange(places.start, places.stop) if isinstance(places, slice) else places, values)

    def compare(self, queries: Part, base: Part, found: Found) -> None:
        """Look among `base` for neighbors of `queries`, and note what is better or new in `found`, which has an entry
        for each query. A query and one of the base may meet once only: the near ones are counted."""
        distances, at = self.knn(queries.values, base.values, min(CANDIDATES, len(base.places)))
        bounds = self._bounds(distances, base.places[at] != queries.places[:, None])
        crowded = (distances[:, -1] <= bounds) & (distances.shape[1] < len(base.places))
        chosen, columns = np.nonzero((distances <= bounds[:, None]) & ~crowded[:, None])
        self._settle(queries, base, found, chosen, at[chosen, columns])
        for query, near in self._look_at_all(queries, base, bounds, np.flatnonzero(crowded)):
            self._settle(queries, base, found, query, near)

    def improve(self, queries: Part, base: Part, found: Found) -> None:
        """As `compare`, where a near one is known of most queries: only what may be nearer, or within the limit, is
        looked at, so that nothing has to be ranked. `found` has an entry for each place of the corpus."""
        likeness = queries.values @ base.values.T
        likeness -= _squares(base.values) / 2
        bounds = np.maximum(found.distance[queries.places], self.limit) + self.slack
        least = (_squares(queries.values) - bounds) / 2
        if (lone := np.flatnonzero(np.isinf(bounds))).size:
            within = (_squares(queries.values[lone]) - self.limit - self.slack) / 2
            least[lone] = np.minimum(within, likeness[lone].max(axis=1) - self.slack)
        pairs = np.flatnonzero(likeness >= least.astype(np.float32)[:, None])
        chosen, near = np.divmod(pairs, len(base.places))
        self._settle(queries, base, found, chosen, near, queries.places)

    def _bounds(self, distances: FloatArray, other: NDArray[np.bool_]) -> FloatArray:
        """Up to where a distance may be the nearest or within the limit, whatever digits it has lost."""
        nearest = np.where(other, distances, np.inf).min(axis=1)
        bounds: FloatArray = np.maximum(nearest + 2 * self.slack, self.limit + self.slack).astype(np.float32)
        return np.where(np.isfinite(bounds), bounds, np.float32(self.limit + self.slack))

    def _look_at_all(
        self, queries: Part, base: Part, bounds: FloatArray, crowded: IntArray
    ) -> Iterator[tuple[IntArray, IntArray]]:
        """Pairs of a crowded query and a near one of the base, a few queries at a time."""
        squares = _squares(base.values)
        for start in range(0, len(crowded), 64):
            some = crowded[start : start + 64]
            values = queries.values[some]
            distances = _squares(values)[:, None] + squares - 2 * (values @ base.values.T)
            query, near = np.nonzero(distances <= bounds[some, None])
            yield some[query], near

    def _settle(
        self,
        queries: Part,
        base: Part,
        found: Found,
        chosen: IntArray,
        near: IntArray,
        entries: IntArray | None = None,
    ) -> None:
        """Measure pairs of a query and one of the base, without those that are one vector, and note them. entries: the
        place in `found` of each query, where that is not the query's own number."""
        other = queries.places[chosen] != base.places[near]
        chosen, near = chosen[other], near[other]
        distances = np.empty(len(chosen), np.float64)
        for start in range(0, len(chosen), _PAIRS):
            some = slice(start, start + _PAIRS)
            distances[some] = measured(queries.values[chosen[some]], base.values[near[some]])
        self._note(found, chosen if entries is None else entries[chosen], base.places[near], distances)

    def _note(self, found: Found, chosen: IntArray, places: IntArray, distances: NDArray[np.float64]) -> None:
        first = self.vectors.first
        is_near = distances < self.limit
        np.add.at(found.within, chosen[is_near], self.vectors.weights[places[is_near]])
        np.minimum.at(found.earliest, chosen[is_near], first[places[is_near]])
        order = np.lexsort((first[places], distances, chosen))
        best = order[np.unique(chosen[order], return_index=True)[1]]
        at, place, distance = chosen[best], places[best], distances[best]
        nearer = distance < found.distance[at]
        tied = (distance == found.distance[at]) & (first[place] < first[found.nearest[at]])
        better = nearer | tied
        found.distance[at[better]], found.nearest[at[better]] = distance[better], place[better]


def measured(ones: FloatArray, others: FloatArray) -> NDArray[np.float64]:
    """The squared distance of each pair, by differences; 0 where it is below `SAME`."""
    differences = ones.astype(np.float64) - others
    distances: NDArray[np.float64] = np.einsum("ij,ij->i", differences, differences)
    distances[distances < SAME] = 0.0
    return distances


def make_search(vectors: Vectors, limit: float, knn: Knn) -> Search:
    longest = max((_longest(part) for part in parts(vectors.values, BASE)), default=1.0)
    return Search(vectors, limit, knn, SLACK * max(longest, 1e-12))


def _longest(values: FloatArray) -> float:
    return float(_squares(values).max())


def _squares(values: FloatArray) -> FloatArray:
    squares: FloatArray = np.einsum("ij,ij->i", values, values)
    return squares


def parts(values: FloatArray, size: int) -> Iterator[FloatArray]:
    return (values[start : start + size] for start in range(0, len(values), size))


def search_all(search: Search, queries: IntArray) -> Found:
    """What there is among all vectors for some of them: exact."""
    found = nothing_found(len(queries))
    count = len(search.vectors.values)
    for start in range(0, count, BASE):
        base = search.part(slice(start, min(start + BASE, count)))
        for at in range(0, len(queries), QUERIES):
            some = slice(at, at + QUERIES)
            search.compare(search.part(queries[some]), base, view(found, some))
    return found


def view(found: Found, some: slice) -> Found:
    """Of some places: what is noted in it is noted in the whole."""
    return Found(found.distance[some], found.nearest[some], found.within[some], found.earliest[some])
