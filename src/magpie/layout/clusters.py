"""Topics by k-means, in NumPy alone: one fixed seed, the largest cluster first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]


def clusters(vectors: Floats, count: int, rounds: int = 40) -> Integers:
    """The cluster of each row by k-means, the largest being 0: k-means++ with one fixed seed, then Lloyd's rounds."""
    rng = np.random.default_rng(0)
    centers = vectors[[int(rng.integers(len(vectors)))]].astype(np.float32)
    nearest = _to_center(vectors, centers[0])
    while len(centers) < count:
        total = float(nearest.sum())
        if total <= 1e-9:
            break  # fewer different vectors than clusters
        place = int(np.searchsorted(np.cumsum(nearest), rng.random() * total))
        centers = np.vstack([centers, vectors[min(place, len(vectors) - 1)]])
        nearest = np.minimum(nearest, _to_center(vectors, centers[-1]))
    labels = _closest(vectors, centers)
    for _ in range(rounds):
        sums = np.zeros_like(centers, np.float64)
        np.add.at(sums, labels, vectors)
        sizes = np.bincount(labels, minlength=len(centers))
        centers[sizes > 0] = (sums[sizes > 0] / sizes[sizes > 0, None]).astype(np.float32)
        moved = _closest(vectors, centers)
        if (moved == labels).all():
            break
        labels = moved
    order = np.argsort(-np.bincount(labels, minlength=len(centers)), kind="stable")
    renamed = np.empty(len(order), np.int64)
    renamed[order] = np.arange(len(order))
    ranked: Integers = renamed[labels]
    return ranked


def _to_center(vectors: Floats, center: Floats) -> NDArray[np.float64]:
    difference = vectors.astype(np.float64) - center
    distances: NDArray[np.float64] = np.einsum("ij,ij->i", difference, difference)
    return distances


def _closest(vectors: Floats, centers: Floats) -> Integers:
    squares = np.einsum("ij,ij->i", centers, centers)
    labels: Integers = np.argmin(squares - 2.0 * (vectors @ centers.T), axis=1).astype(np.int64)
    return labels
