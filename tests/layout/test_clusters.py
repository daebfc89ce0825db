"""Topics by k-means."""

from __future__ import annotations

from typing import Any

import pytest

np = pytest.importorskip("numpy")

from magpie.layout.clusters import clusters  # noqa: E402


def unit(rows: int, seed: int = 0, dimension: int = 16) -> Any:
    values = np.random.default_rng(seed).standard_normal((rows, dimension)).astype(np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def test_clusters_find_groups_the_largest_first() -> None:
    centers = np.eye(3, 16, dtype=np.float32) * 10
    sizes = (20, 50, 30)
    rows = np.vstack([center + 0.1 * unit(size, size) for center, size in zip(centers, sizes, strict=True)])
    labels = clusters(rows.astype(np.float32), 3)
    assert np.bincount(labels).tolist() == [50, 30, 20]
    assert set(labels[:20].tolist()) == {2}
    assert (labels == clusters(rows.astype(np.float32), 3)).all()
    assert set(clusters(np.ones((8, 3), np.float32), 4).tolist()) == {0}
