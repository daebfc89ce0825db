"""Places rows on a map by the landmarks nearest to them: each row by itself, whatever other rows there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

PLACED_BY = 8
"""Landmarks that a row is placed by."""
_BLOCK = 16_384
_SPARE = 4
"""Candidates more than are asked for: which of them are nearest is decided by distances that do not depend on how many
threads multiplied."""


@dataclass(frozen=True, slots=True)
class Landmarks:
    """m rows of the map."""

    values: NDArray[np.float32]
    """[m, dimension]"""
    xy: NDArray[np.float32]
    """[m, 2]"""
    cluster: NDArray[np.int32]
    """[m]"""
    names: list[str]


def nearest(
    queries: NDArray[np.float32], base: NDArray[np.float32], k: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The places in `base` of the `k` nearest of each query, nearest first, and their squared distances: [queries, k].
    Of several as near, the first."""
    import faiss

    faiss.cvar.distance_compute_blas_threshold = 20
    count = min(len(base), k + _SPARE)
    _, at = faiss.knn(np.ascontiguousarray(queries), base, count)
    distances = np.empty(at.shape, np.float64)
    for column in range(count):
        difference = queries - base[at[:, column]]
        distances[:, column] = np.einsum("ij,ij->i", difference, difference, dtype=np.float64)
    order = np.lexsort((at, distances), axis=1)[:, :k]
    return np.take_along_axis(at, order, axis=1), np.take_along_axis(distances, order, axis=1)


def placed(
    values: NDArray[np.float32], landmarks: Landmarks, watch: Any
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Where each row lies, [rows, 2], and the landmark nearest to it, [rows]."""
    xy = np.empty((len(values), 2), np.float32)
    homes = np.empty(len(values), np.int64)
    for start in range(0, len(values), _BLOCK):
        part = slice(start, start + _BLOCK)
        at, distances = nearest(values[part], landmarks.values, min(PLACED_BY, len(landmarks.values)))
        xy[part] = _among(landmarks.xy[at], distances)
        homes[part] = at[:, 0]
        watch(f"placing rows: {min(start + _BLOCK, len(values)):,} of {len(values):,}")
    return xy, homes


def _among(xy: NDArray[np.float32], distances: NDArray[np.float64]) -> NDArray[np.float32]:
    """The mean of the places of the nearest landmarks, the nearer ones weighing more; a landmark's own place for one
    with the same vector."""
    own = distances[:, :1] < 1e-9
    scale = np.maximum(distances.mean(axis=1, keepdims=True) - distances[:, :1], 1e-9)
    weights = np.exp(-3.0 * (distances - distances[:, :1]) / scale)
    weights = np.where(own, np.arange(weights.shape[1]) == 0, weights)
    middle: NDArray[np.float64] = (xy * weights[:, :, None]).sum(axis=1) / weights.sum(axis=1, keepdims=True)
    return middle.astype(np.float32)
