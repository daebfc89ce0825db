"""Arithmetic over vectors, held against what can be known without it."""

from __future__ import annotations

from typing import Any

import pytest

np = pytest.importorskip("numpy")

from magpie.report.vectors import coverage, nearest_distances, nearest_pairs, vendi  # noqa: E402


def unit(rows: int, seed: int = 0, dimension: int = 16) -> Any:
    values = np.random.default_rng(seed).standard_normal((rows, dimension)).astype(np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def test_the_vendi_score_counts_what_has_nothing_in_common() -> None:
    assert vendi(np.eye(7, dtype=np.float32)) == pytest.approx(7)
    assert vendi(np.ones((9, 4), np.float32)) == pytest.approx(1)
    assert vendi(np.vstack([np.eye(3, dtype=np.float32)] * 5)) == pytest.approx(3)
    assert vendi(np.zeros((2, 3), np.float32)) == 0.0


def test_nearest_distances_are_those_to_the_others() -> None:
    rows = unit(1500)
    found = nearest_distances(rows, rows, 2, same=True)
    row = rows[1300].astype(np.float64)
    exact = np.sort(((rows - row) ** 2).sum(axis=1))[1:3]
    assert found[1300] == pytest.approx(exact, abs=1e-6)
    assert nearest_distances(rows[:1], rows[:1], 5, same=True).shape == (1, 0)


def test_a_set_covers_itself_and_not_what_lies_elsewhere() -> None:
    rows = unit(300)
    assert coverage(rows, rows)["near"] == 1.0
    assert coverage(rows, np.repeat(rows[:1], 300, axis=0))["balls"] < 0.2
    away = coverage(rows + np.float32(10), rows)
    assert (away["near"], away["balls"]) == (0.0, 0.0)


def test_the_nearest_pairs_share_no_row() -> None:
    rows = unit(40)
    rows[7], rows[31] = rows[3], rows[20]
    pairs = nearest_pairs(rows, 3)
    assert {(one, other) for one, other, _ in pairs[:2]} == {(3, 7), (20, 31)}
    assert len({row for pair in pairs for row in pair[:2]}) == 6
