"""Neighbors of rows: against a plain computation over all pairs, for equal rows, ties, crowds and lost digits."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from magpie.errors import UserError
from magpie.stages.neighbors import cells as neighbors_cells
from magpie.stages.neighbors.search import choose_knn, open_faiss
from magpie.stages.neighbors.settings import Neighbors
from magpie.stages.neighbors.work import neighbors

pytest.importorskip("faiss")


class Rows:
    """A corpus that is held in memory, in batches of a few rows."""

    def __init__(self, scratch: Path, rows: Sequence[int], embeddings: Any) -> None:
        self.scratch = scratch
        self.count = len(rows)
        self.reported: dict[str, Any] = {}
        vectors = pa.array([None if one is None else list(one) for one in embeddings], pa.list_(pa.float32()))
        self._table = pa.table({"row": pa.array(rows, pa.int64()), "embedding": vectors})

    def batches(self) -> Iterator[pa.RecordBatch]:
        yield from self._table.to_batches(1000)

    def report(self, figures: Mapping[str, Any]) -> None:
        self.reported.update(figures)


def found(
    scratch: Path, embeddings: Any, rows: Sequence[int] | None = None, **settings: Any
) -> tuple[dict[str, list[Any]], dict[str, Any]]:
    """The columns and the report."""
    corpus = Rows(scratch, range(len(embeddings)) if rows is None else rows, embeddings)
    tables = list(neighbors(corpus, Neighbors(**settings)))
    made = pa.concat_tables(tables).to_pydict() if tables else {}
    return made, corpus.reported


def plainly(vectors: NDArray[np.float32], limit: float = 0.05) -> dict[str, list[Any]]:
    """The definitions, word by word, in float64, whose digits suffice but for equal vectors."""
    wide = vectors.astype(np.float64)
    squares = (wide**2).sum(axis=1)
    distances = squares[:, None] + squares - 2 * (wide @ wide.T)
    near = np.argwhere(distances < 1e-3)
    distances[near[:, 0], near[:, 1]] = ((wide[near[:, 0]] - wide[near[:, 1]]) ** 2).sum(axis=1)
    distances[distances < 1e-9] = 0.0
    np.fill_diagonal(distances, np.inf)
    repeats = distances < limit
    return {
        "row": list(range(len(vectors))),
        "min_neighbor_distance": distances.min(axis=1).tolist(),
        "nearest_row": distances.argmin(axis=1).tolist(),
        "repeat_count": repeats.sum(axis=1).tolist(),
        "is_repeat": [bool(repeats[row, :row].any()) for row in range(len(vectors))],
    }


def unit(vectors: NDArray[Any]) -> NDArray[np.float32]:
    made: NDArray[np.float32] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return made


def clustered(count: int, seed: int = 0, dimension: int = 48, noise: float = 0.15) -> NDArray[np.float32]:
    """Clusters of vectors that vary in a few directions, a tenth of them near copies and some equal ones."""
    rng = np.random.default_rng(seed)
    centers = rng.standard_normal((max(2, count // 100), dimension))
    bends = rng.standard_normal((8, dimension)) * noise
    made: NDArray[Any] = centers[rng.integers(0, len(centers), count)] + rng.standard_normal((count, 8)) @ bends
    copies = rng.integers(0, count, count // 10)
    made[rng.integers(0, count, count // 10)] = made[copies] + 1e-3 * rng.standard_normal((count // 10, dimension))
    made = unit(made)
    made[rng.integers(0, count, count // 20)] = made[rng.integers(0, count, count // 20)]
    return np.ascontiguousarray(made)


def assert_same(made: dict[str, list[Any]], expected: dict[str, list[Any]]) -> None:
    assert made["min_neighbor_distance"] == pytest.approx(expected["min_neighbor_distance"], rel=1e-9, abs=1e-15)
    assert {**made, "min_neighbor_distance": 0} == {**expected, "min_neighbor_distance": 0}


@pytest.mark.parametrize("seed", range(3))
def test_every_row_has_what_all_pairs_say(tmp_path: Path, seed: int) -> None:
    vectors = clustered(1500, seed)
    made, report = found(tmp_path, vectors)
    assert_same(made, plainly(vectors))
    assert report["method"] == "exact"
    assert report["repeats"] == sum(made["is_repeat"])


def test_equal_rows_are_each_others_neighbors_at_distance_zero_and_the_earliest_is_no_repeat(tmp_path: Path) -> None:
    one, other = unit(np.eye(4))[:2]
    made, report = found(tmp_path, [one, other, one, one])
    assert made["min_neighbor_distance"] == [0.0, 2.0, 0.0, 0.0]
    assert made["nearest_row"] == [2, 0, 0, 0]
    assert made["repeat_count"] == [2, 0, 2, 2]
    assert made["is_repeat"] == [False, False, True, True]
    assert report["distinct"] == 2


def test_rows_keep_their_numbers_where_some_were_dropped_above(tmp_path: Path) -> None:
    one, other = unit(np.eye(4))[:2]
    made, _ = found(tmp_path, [one, other, one], rows=[7, 100, 5000])
    assert made["row"] == [7, 100, 5000]
    assert made["nearest_row"] == [5000, 7, 7]


def test_of_two_as_near_the_earlier_row_is_the_nearest(tmp_path: Path) -> None:
    made, _ = found(tmp_path, [[1.0, 0.0], [0.0, 0.5], [0.0, -0.5], [0.0, 0.0]])
    assert made["nearest_row"][3] == 1


def test_a_row_is_a_repeat_of_an_earlier_repeat_too(tmp_path: Path) -> None:
    """A chain: each lies within the limit of the one before it, and only of that."""
    chain = np.array([[0.0], [0.2], [0.4], [1.0]], np.float32)
    made, _ = found(tmp_path, chain)
    assert made["is_repeat"] == [False, True, True, False]
    assert made["repeat_count"] == [1, 2, 1, 0]


def test_the_limit_itself_is_not_near(tmp_path: Path) -> None:
    made, _ = found(tmp_path, [[0.0], [0.5]], repeat_distance=0.25)
    assert made["is_repeat"] == [False, False]
    assert found(tmp_path, [[0.0], [0.5]], repeat_distance=0.2500001)[0]["is_repeat"] == [False, True]


def test_a_crowd_of_near_rows_is_counted_whole_and_its_nearest_are_right(tmp_path: Path) -> None:
    """More than FAISS is asked for lie so near that its digits cannot tell them apart."""
    rng = np.random.default_rng(3)
    crowd = unit(np.ones((300, 64)) + 1e-4 * rng.standard_normal((300, 64)))
    vectors = np.concatenate([crowd, clustered(200, dimension=64)])[rng.permutation(500)]
    made, _ = found(tmp_path, vectors)
    assert_same(made, plainly(vectors))
    assert max(made["repeat_count"]) >= 299


def test_equal_rows_count_in_a_crowd_as_many_as_they_are(tmp_path: Path) -> None:
    vectors = np.repeat(unit(np.ones((40, 32)) + 1e-3 * np.random.default_rng(0).standard_normal((40, 32))), 5, axis=0)
    assert_same(found(tmp_path, vectors)[0], plainly(vectors))


def test_long_vectors_lose_no_near_neighbors_to_lost_digits(tmp_path: Path) -> None:
    vectors = clustered(400) * np.float32(30.0)
    assert_same(found(tmp_path, vectors)[0], plainly(vectors))


def test_vectors_that_differ_in_the_last_digit_only_are_at_zero(tmp_path: Path) -> None:
    """As a model gives them for one text in two batches."""
    one = unit(np.random.default_rng(1).standard_normal((1, 384)))[0]
    made, report = found(tmp_path, [one, np.nextafter(one, np.float32(1)), -one])
    assert made["min_neighbor_distance"][:2] == [0.0, 0.0]
    assert made["is_repeat"] == [False, True, False]
    assert report["distinct"] == 3


def test_negative_zero_is_zero(tmp_path: Path) -> None:
    made, report = found(tmp_path, [[1.0, 0.0], [1.0, -0.0]])
    assert made["min_neighbor_distance"] == [0.0, 0.0]
    assert report["distinct"] == 1


def test_a_row_without_an_embedding_has_no_neighbors_and_repeats_none(tmp_path: Path) -> None:
    made, _ = found(tmp_path, [[1.0, 0.0], None, [1.0, 0.0]])
    assert made["min_neighbor_distance"] == [0.0, None, 0.0]
    assert made["nearest_row"] == [2, None, 0]
    assert made["repeat_count"] == [1, None, 1]
    assert made["is_repeat"] == [False, False, True]


def test_a_single_row_has_no_neighbor(tmp_path: Path) -> None:
    made, _ = found(tmp_path, [[1.0, 0.0]])
    assert (made["min_neighbor_distance"], made["nearest_row"]) == ([None], [None])
    assert (made["repeat_count"], made["is_repeat"]) == ([0], [False])


def test_no_rows_give_no_table(tmp_path: Path) -> None:
    assert found(tmp_path, []) == ({}, {"method": "exact", "recall": 1.0, "distinct": 0, "repeats": 0, "gpu": False})


def test_no_row_with_an_embedding_is_no_error(tmp_path: Path) -> None:
    assert found(tmp_path, [None, None])[0]["is_repeat"] == [False, False]


def test_embeddings_of_two_lengths_are_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"row 1 has an embedding of 3 numbers, and the rows before have 2: .*remove"):
        found(tmp_path, [[1.0, 0.0], [1.0, 0.0, 0.0]])


def test_embeddings_that_are_not_finite_are_refused_with_their_row(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="row 1 has an embedding with numbers that are not finite"):
        found(tmp_path, [[1.0, 0.0], [float("nan"), 0.0]])


def test_above_the_limit_cells_are_searched_and_the_recall_is_reported(tmp_path: Path) -> None:
    vectors = clustered(6000)
    made, report = found(tmp_path, vectors, exact_rows=1000)
    expected = plainly(vectors)
    assert report["method"] == "cells"
    assert 1 <= report["cells_compared"] < report["cells"]
    right = np.isclose(made["min_neighbor_distance"], expected["min_neighbor_distance"], rtol=1e-9, atol=1e-15)
    assert right.mean() >= 0.985
    assert abs(right.mean() - report["recall"]) < 0.02
    assert made["is_repeat"] == expected["is_repeat"]
    assert report["repeat_recall"] == 1.0
    assert 0 < report["repeat_recall_sample"] < report["recall_sample"] == 2000


def test_cells_give_the_same_rows_every_time(tmp_path: Path) -> None:
    vectors = clustered(5000)
    (tmp_path / "other").mkdir()
    assert found(tmp_path, vectors, exact_rows=1) == found(tmp_path / "other", vectors, exact_rows=1)


def test_no_more_cells_than_the_most_are_looked_at_and_the_report_tells_what_that_costs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbors_cells, "NEARBY", 1)
    rng = np.random.default_rng(5)
    made, report = found(tmp_path, unit(rng.standard_normal((4200, 24))), exact_rows=1, repeat_distance=1e-6)
    assert report["cells_compared"] < 1.5
    assert 0.2 < report["recall"] < 0.9
    assert None not in made["min_neighbor_distance"]


def test_cells_that_all_are_looked_at_miss_nothing(tmp_path: Path) -> None:
    vectors = clustered(4500)
    made, report = found(tmp_path, vectors, exact_rows=1, recall=0.9999)
    if report["cells_compared"] == report["cells"]:
        assert_same(made, plainly(vectors))
    assert report["recall"] >= 0.998


def heavy_tailed(count: int, dimension: int = 48) -> NDArray[np.float32]:
    """One cluster has a third of all vectors, and most have a few; a tenth are near copies, a few lie alone."""
    rng = np.random.default_rng(11)
    shares = 1.0 / np.arange(1, count // 20) ** 1.1
    centers = rng.standard_normal((len(shares), dimension))
    bends = rng.standard_normal((8, dimension)) * 0.3
    made = centers[rng.choice(len(shares), count, p=shares / shares.sum())] + rng.standard_normal((count, 8)) @ bends
    copies = rng.integers(0, count, count // 10)
    made[rng.integers(0, count, count // 10)] = made[copies] + 0.02 * rng.standard_normal((count // 10, dimension))
    made[rng.integers(0, count, 5)] = 10.0 * rng.standard_normal((5, dimension))
    return unit(made)


def test_no_repeat_is_missed_among_cells_of_any_size(tmp_path: Path) -> None:
    """Cells that may hold a repeat are known for certain; only the nearest of those beyond the limit is a guess."""
    vectors = heavy_tailed(6000)
    made, report = found(tmp_path, vectors, exact_rows=1)
    expected = plainly(vectors)
    assert report["method"] == "cells"
    assert report["cells_compared"] < report["cells"]
    for column in ("is_repeat", "repeat_count"):
        assert made[column] == expected[column]
    near = [row for row, distance in enumerate(expected["min_neighbor_distance"]) if distance < 0.05]
    assert len(near) > 500
    assert [made["nearest_row"][row] for row in near] == [expected["nearest_row"][row] for row in near]
    right = np.isclose(made["min_neighbor_distance"], expected["min_neighbor_distance"], rtol=1e-9, atol=1e-15)
    assert right.mean() >= 0.985
    assert report["repeat_recall"] == 1.0


def test_cells_that_k_means_leaves_large_are_divided() -> None:
    faiss, on_gpu = open_faiss()
    knn = choose_knn(faiss, on_gpu)
    rng = np.random.default_rng(2)
    crowd = unit(np.ones((9000, 32)) + 0.05 * rng.standard_normal((9000, 32)))
    others = unit(rng.standard_normal((1000, 32)))
    centers = neighbors_cells._centers(np.concatenate([crowd, others]), 19, faiss, knn)
    sizes = np.bincount(knn(np.concatenate([crowd, others]), centers, 1)[1][:, 0], minlength=len(centers))
    assert sizes.max() <= 2 * neighbors_cells.LARGE * neighbors_cells.CELL


_DIGEST = """
import sys
from hashlib import blake2b
from pathlib import Path
from tests.stages.neighbors.test_work import found, heavy_tailed
made, report = found(Path(sys.argv[1]), heavy_tailed(5000), exact_rows=1)
print(blake2b(repr((made, report)).encode()).hexdigest())
"""


def test_rows_do_not_depend_on_the_number_of_threads(tmp_path: Path) -> None:
    digests = set[str]()
    for threads in ("1", "2", "5"):
        (scratch := tmp_path / threads).mkdir()
        environment = {**os.environ, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
        environment["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parents[3]), *sys.path])
        command = [sys.executable, "-c", _DIGEST, str(scratch)]
        digests.add(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)
    assert len(digests) == 1
