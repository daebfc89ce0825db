"""How far each instruction lies from those before it: farthest-first traversal (k-center) that holds for millions.

Farthest-first (Gonzalez 1985) takes, again and again, the vector that is farthest from all taken so far; n vectors and
k taken cost n * k distances. Here the vectors are first cut into cells of neighbors, and each cell is traversed alone:
n and k are then those of a cell. What this gives away: two vectors on either side of a border may lie nearer to each
other than the traversal knows, and no cell gives more than `SHARE` times its part. One cell is the exact traversal.
Knows vectors; knows no run. Draws nothing at random: on one machine the same vectors give the same rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

from magpie.errors import MissingExtra
from magpie.install import install_hint

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float32]
    Vectors = NDArray[np.float32]
    Places = NDArray[np.int64]
    Flags = NDArray[np.bool_]


class Ordered(Protocol):
    """Vectors that are read where they are asked for."""

    def __len__(self) -> int: ...

    def __getitem__(self, places: Places, /) -> Vectors: ...


CELL = 2048
"""The most vectors of a cell: what n is in n * k."""
SHARE = 4
"""A cell gives at most this many times its part of what is wanted: an odd corner is not all of a dataset."""
_BRANCH = 32
"""Cells that a larger one is cut into."""
_ROUNDS = 4
_SAMPLE = 256
"""Vectors looked at, for each of those cells, to find where to cut."""
_BLOCK = 8192


def numpy() -> Any:
    """The module. Raises `MissingExtra` where it is not installed."""
    try:
        import numpy
    except ImportError as error:
        raise MissingExtra(f"diverse selections need NumPy ({error}): {install_hint('curation')}") from error
    return numpy


def spread(vectors: Ordered, bands: Places, wanted: int, *, of_each: bool = False) -> Numbers:
    """The squared distance of each vector to the nearest one taken before it; NaN for one that was not taken.

    vectors: [n, dimension], best first. bands: [n], equal where vectors compete, in ascending order: those of an
    earlier band are all taken before any of a later one. wanted: how many to take in all; with `of_each`, of each band.
    """
    np = numpy()
    found: Numbers = np.full(len(vectors), np.nan, np.float32)
    cells = list(cut(vectors))
    taken = np.zeros(len(vectors), bool)
    for band in np.unique(bands):
        inside = bands == band
        left = wanted if of_each else wanted - int(taken.sum())
        if left <= 0:
            break
        found[inside] = _of_band(vectors, cells, inside, taken, left)[inside]
        taken |= inside & ~np.isnan(found)
    return found


def _of_band(vectors: Ordered, cells: list[Places], inside: Flags, taken: Flags, wanted: int) -> Numbers:
    """`spread` of the vectors of one band, in which those taken from earlier bands are taken already."""
    np = numpy()
    found: Numbers = np.full(len(vectors), np.nan, np.float32)
    part = wanted / max(1, int(inside.sum()))
    for cell in cells:
        those = cell[inside[cell]]
        most = min(len(those), max(1, int(np.ceil(SHARE * part * len(those))))) if len(cells) > 1 else wanted
        if len(those):
            found[those] = traverse(vectors[those], vectors[cell[taken[cell]]], most)
    best = np.argsort(-np.nan_to_num(found, nan=-1.0), kind="stable")
    found[best[wanted:]] = np.nan
    return found


def traverse(vectors: Vectors, before: Vectors, most: int) -> Numbers:
    """Farthest-first over a few vectors, exactly: the first one, then whatever is farthest from all taken, `most` times
    or until nothing is left but copies. `before` were taken already."""
    np = numpy()
    found: Numbers = np.full(len(vectors), np.nan, np.float32)
    squares = np.einsum("ij,ij->i", vectors, vectors)
    nearest = np.full(len(vectors), np.inf, np.float32)
    for one in before:
        nearest = np.minimum(nearest, _distances(vectors, squares, one))
    for _ in range(most):
        farthest = int(np.argmax(nearest))
        if nearest[farthest] <= 0.0:
            break
        found[farthest] = nearest[farthest]
        nearest = np.minimum(nearest, _distances(vectors, squares, vectors[farthest]))
        nearest[farthest] = 0.0
    return found


def _distances(vectors: Vectors, squares: Numbers, one: Numbers) -> Numbers:
    """Squared distances. What is nearer than rounding can tell is no distance."""
    np = numpy()
    square = one @ one
    distances = squares - 2.0 * (vectors @ one) + square
    known: Numbers = np.where(distances < 1e-5 * square, 0.0, distances)
    return known


def cut(vectors: Ordered) -> Iterator[Places]:
    """The places of the vectors, cell by cell, each in order: k-means again and again, until a cell is small enough."""
    np = numpy()
    waiting = [np.arange(len(vectors))]
    while waiting:
        places = waiting.pop()
        parts = [places] if len(places) <= CELL else _parts(vectors, places)
        if len(parts) == 1:
            yield from (parts[0][at : at + 4 * CELL] for at in range(0, len(parts[0]), 4 * CELL))
        else:
            waiting += parts


def _parts(vectors: Ordered, places: Places) -> list[Places]:
    """A cell cut into several by k-means on evenly spaced vectors of it; one part where all are alike."""
    np = numpy()
    count = min(_BRANCH, -(-2 * len(places) // CELL))
    sample = vectors[places[:: max(1, len(places) // (count * _SAMPLE))]]
    centers = sample[:: max(1, len(sample) // count)][:count].copy()
    for _ in range(_ROUNDS):
        nearest = _nearest(sample, centers)
        for number in range(len(centers)):
            if (members := sample[nearest == number]).size:
                centers[number] = members.mean(axis=0)
    blocks = (vectors[places[at : at + _BLOCK]] for at in range(0, len(places), _BLOCK))
    nearest = np.concatenate([_nearest(block, centers) for block in blocks])
    return [part for number in range(len(centers)) if (part := places[nearest == number]).size]


def _nearest(vectors: Vectors, centers: Vectors) -> Places:
    np = numpy()
    nearest: Places = np.argmin(np.einsum("ij,ij->i", centers, centers) - 2.0 * (vectors @ centers.T), axis=1)
    return nearest
