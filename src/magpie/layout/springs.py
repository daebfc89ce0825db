"""Lays out vectors in two dimensions: neighbors draw each other, all others push, as in UMAP (arXiv 1802.03426) and
t-SNE, with the Cauchy kernel 1 / (1 + d^2). NumPy alone, whole epochs at once, no threads: the same on every run."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

EPOCHS = 150
NEGATIVES = 5
"""Random others that each pair of neighbors is pushed from, in each epoch."""
_MOST = 4.0
"""The longest step of one force."""


def laid_out(values: NDArray[np.float32], near: NDArray[np.int64]) -> NDArray[np.float32]:
    """[n, 2]. near: [n, k] the places of the neighbors of each."""
    count, k = near.shape
    rng = np.random.default_rng(0)
    ones = np.repeat(np.arange(count), k)
    others = near.ravel()
    ones, others = ones[ones != others], others[ones != others]
    xy = _start(values)
    for epoch in range(EPOCHS):
        force = np.zeros((count, 2))
        away = xy[ones] - xy[others]
        pull = np.clip(-2.0 * away / (1.0 + _squares(away)), -_MOST, _MOST)
        _add(force, ones, pull)
        _add(force, others, -pull)
        for _ in range(NEGATIVES):
            away = xy[ones] - xy[rng.integers(0, count, len(ones))]
            square = _squares(away)
            _add(force, ones, np.clip(2.0 * away / ((0.001 + square) * (1.0 + square)), -_MOST, _MOST))
        xy = xy + (1.0 - epoch / EPOCHS) * np.clip(force / max(1, k), -_MOST, _MOST)
    middle: NDArray[np.float32] = (xy - xy.mean(axis=0)).astype(np.float32)
    return middle


def _start(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """The two main directions of a sample, ten wide. By sums that no thread shares out: a last digit that differs would
    become another map."""
    sample = values[:: max(1, len(values) // 2000)].astype(np.float64)
    sample = sample - sample.mean(axis=0)
    rng = np.random.default_rng(0)
    directions: list[Any] = []
    for _ in range(2):
        direction: Any = rng.standard_normal(values.shape[1])
        for _ in range(50):
            for earlier in directions:
                direction = direction - np.einsum("i,i->", direction, earlier) * earlier
            direction = np.einsum("ij,i->j", sample, np.einsum("ij,j->i", sample, direction))
            direction = direction / max(float(np.sqrt(np.einsum("i,i->", direction, direction))), 1e-30)
        directions.append(direction)
    xy = np.einsum("ij,kj->ik", values, np.array(directions))
    xy = xy - xy.mean(axis=0)
    return np.asarray(xy * (10.0 / max(float(np.abs(xy).max()), 1e-30)))


def _squares(away: NDArray[np.float64]) -> NDArray[np.float64]:
    squares: NDArray[np.float64] = np.einsum("ij,ij->i", away, away)[:, None]
    return squares


def _add(force: NDArray[np.float64], at: NDArray[np.int64], pull: NDArray[np.float64]) -> None:
    for axis in range(2):
        force[:, axis] += np.bincount(at, pull[:, axis], len(force))
