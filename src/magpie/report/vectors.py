"""Arithmetic over a few thousand vectors: distances, the Vendi score, clusters. NumPy alone, brute force, one seed.

Vectors are float32 [rows, dimension] of length 1, as the stage `embed` writes them. Distances are squared L2, as in
`min_neighbor_distance`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]
NEIGHBORS = 5
_PART = 1024


def nearest_distances(queries: Floats, base: Floats, k: int, *, same: bool = False) -> NDArray[np.float64]:
    """The squared distances of each query to its k nearest of `base`, nearest first: [queries, k]; infinite where the
    base has fewer. same: the two are the same rows in the same order, and a row is no neighbor of itself."""
    k = min(k, max(0, len(base) - same))
    found = np.full((len(queries), k), np.inf)
    squares = np.einsum("ij,ij->i", base, base, dtype=np.float64)
    for start in range(0, len(queries), _PART):
        part = queries[start : start + _PART]
        own = np.einsum("ij,ij->i", part, part, dtype=np.float64)
        distances = np.maximum(own[:, None] + squares - 2.0 * (part @ base.T).astype(np.float64), 0.0)
        if same:
            distances[np.arange(len(part)), start + np.arange(len(part))] = np.inf
        if k:
            found[start : start + _PART] = np.sort(np.partition(distances, k - 1, axis=1)[:, :k], axis=1)
    return found


def vendi(vectors: Floats) -> float:
    """How many rows that have nothing in common would be as varied: the exponential of the entropy of the eigenvalues
    of K / n, where K holds the cosine similarities of n rows (Friedman and Dieng 2023, arXiv 2210.02410)."""
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
    unit = vectors[lengths > 0].astype(np.float64) / lengths[lengths > 0, None]
    if not len(unit):
        return 0.0
    gram = unit.T @ unit if unit.shape[1] < len(unit) else unit @ unit.T
    values = np.linalg.eigvalsh(gram / len(unit))
    values = values[values > 1e-12]
    return float(np.exp(-np.sum(values * np.log(values))))


def coverage(ones: Floats, others: Floats) -> dict[str, float]:
    """How far `others` covers `ones`, two sets of one size.

    `near`: the share of `ones` whose nearest of `others` is nearer than the median distance of `ones` to their own
    nearest. `balls`: the share whose ball, as far as their own 5th neighbor, holds one of `others` (coverage of Naeem
    et al. 2020, arXiv 2002.09797, k = 5).
    """
    own = nearest_distances(ones, ones, NEIGHBORS, same=True)
    if not own.shape[1] or not len(others):
        return {"near": 0.0, "balls": 0.0, "median": 0.0}
    across = nearest_distances(ones, others, 1)[:, 0]
    median = float(np.median(own[:, 0]))
    return {
        "near": float(np.mean(across <= median)),
        "balls": float(np.mean(across <= own[:, -1])),
        "median": median,
    }


def nearest_pairs(vectors: Floats, count: int) -> list[tuple[int, int, float]]:
    """The places of the pairs that lie nearest to each other, each row in one pair at most, with their distances."""
    best: list[tuple[float, int, int]] = []
    for start in range(0, len(vectors), _PART):
        part = vectors[start : start + _PART]
        similar = part @ vectors.T
        for row in range(len(part)):
            similar[row, : start + row + 1] = -np.inf  # each pair once
        if start + 1 >= len(vectors):
            break
        at = similar.argmax(axis=1)
        top = similar[np.arange(len(part)), at]
        best += [
            (float(value), start + row, int(other))
            for row, (value, other) in enumerate(zip(top, at, strict=True))
            if np.isfinite(value)
        ]
    found: list[tuple[int, int, float]] = []
    used = set[int]()
    for _, one, other in sorted(best, key=lambda pair: (-pair[0], pair[1])):
        if len(found) == count:
            break
        if not used & {one, other}:
            used |= {one, other}
            difference = vectors[one].astype(np.float64) - vectors[other]
            found.append((one, other, float(difference @ difference)))
    return found


def as_plain(value: Any, digits: int = 4) -> float:
    """A figure as JSON has it: the last digits depend on the machine."""
    return float(f"{float(value):.{digits}g}")
