"""Farthest-first traversal: exact in one cell, near to it in several, with what is better first."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from magpie.errors import UserError
from magpie.stages.select import diversity
from magpie.stages.select.diversity import cut, spread
from magpie.stages.select.vectors import Vectors

np = pytest.importorskip("numpy")


def drawn(count: int, seed: int = 0, dimension: int = 16) -> diversity.Vectors:
    """Unit vectors around a few topics of different sizes."""
    draw = np.random.default_rng(seed)
    centers = draw.standard_normal((12, dimension))
    vectors = centers[draw.zipf(1.5, count) % 12] + 0.5 * draw.standard_normal((count, dimension))
    unit: diversity.Vectors = np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)
    return unit


def one_band(count: int) -> diversity.Places:
    bands: diversity.Places = np.zeros(count, np.int64)
    return bands


def taken(found: diversity.Numbers) -> list[int]:
    return [int(place) for place in np.flatnonzero(~np.isnan(found))]


def gonzalez(vectors: diversity.Vectors, wanted: int) -> list[int]:
    """As the textbook has it."""
    chosen = [0]
    while len(chosen) < wanted:
        away = [min(float(((one - vectors[c]) ** 2).sum()) for c in chosen) for one in vectors]
        chosen.append(int(np.argmax(away)))
    return chosen


def radius(vectors: diversity.Vectors, chosen: list[int]) -> float:
    """The farthest that a vector lies from a chosen one."""
    away = ((vectors[:, None, :] - vectors[chosen][None]) ** 2).sum(axis=2)
    return float(away.min(axis=1).max())


def test_one_cell_is_the_textbooks_traversal() -> None:
    vectors = drawn(200)
    assert taken(spread(vectors, one_band(200), 20)) == sorted(gonzalez(vectors, 20))


def test_the_first_row_comes_first_and_each_next_one_is_nearer() -> None:
    vectors = drawn(300)
    found = spread(vectors, one_band(300), 30)
    assert np.isinf(found[0])
    smaller, larger = spread(vectors, one_band(300), 10), found
    assert set(taken(smaller)) <= set(taken(larger))


def test_copies_are_never_taken_twice() -> None:
    vectors = np.repeat(drawn(10), 20, axis=0)
    assert len(taken(spread(vectors, one_band(200), 50))) == 10


def test_cells_hold_every_vector_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diversity, "CELL", 64)
    vectors = drawn(2000)
    cells = list(cut(vectors))
    assert sorted(int(place) for cell in cells for place in cell) == list(range(2000))
    assert max(len(cell) for cell in cells) <= 4 * 64
    assert all((np.diff(cell) > 0).all() for cell in cells)


def test_many_copies_of_one_vector_are_cut_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diversity, "CELL", 64)
    vectors = np.ones((1000, 4), np.float32)
    assert sorted(int(place) for cell in cut(vectors) for place in cell) == list(range(1000))
    assert len(taken(spread(vectors, one_band(1000), 100))) < 10


def test_in_cells_the_rest_lies_nearly_as_near_as_in_the_exact_traversal(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = drawn(1500)
    exact = radius(vectors, taken(spread(vectors, one_band(1500), 150)))
    monkeypatch.setattr(diversity, "CELL", 128)
    found = spread(vectors, one_band(1500), 150)
    assert len(taken(found)) == 150
    in_cells = radius(vectors, taken(found))
    by_chance = radius(vectors, sorted(np.random.default_rng(0).choice(1500, 150, replace=False).tolist()))
    assert in_cells < 1.35 * exact
    assert in_cells < 0.8 * by_chance


def test_an_earlier_band_is_taken_whole_before_any_of_a_later_one() -> None:
    vectors, bands = drawn(300), np.repeat([0, 1, 2], [40, 60, 200])
    found = taken(spread(vectors, bands, 120))
    assert len(found) == 120
    assert set(range(100)) <= set(found)


def test_a_later_band_keeps_away_from_what_an_earlier_one_has() -> None:
    first = np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)
    second = np.array([[0.99, 0.01], [0.01, 0.99], [-1.0, 0.0]], np.float32)
    assert taken(spread(np.concatenate([first, second]), np.array([0, 0, 1, 1, 1]), 3)) == [0, 1, 4]


def test_the_same_vectors_give_the_same_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diversity, "CELL", 100)
    one, other = (spread(drawn(900), one_band(900), 90) for _ in range(2))
    assert np.array_equal(one, other, equal_nan=True)


def batches(vectors: diversity.Vectors, lacking: tuple[int, ...] = ()) -> list[pa.RecordBatch]:
    rows = [{"row": 2 * at, "embedding": None if at in lacking else v.tolist()} for at, v in enumerate(vectors)]
    schema = pa.schema({"row": pa.int64(), "embedding": pa.list_(pa.float32())})
    table = pa.Table.from_pylist(rows, schema)
    return list(table.to_batches(max_chunksize=7))


def test_embeddings_wait_in_a_file_and_rows_without_one_have_no_spread(tmp_path: Path) -> None:
    kept = Vectors(tmp_path / "vectors")
    passed = list(kept.kept(batches(drawn(40), lacking=(0, 5))))
    assert all(batch.schema.names == ["row"] for batch in passed)
    order = list(range(0, 80, 2))
    found = kept.spread(pa.table({"row": order, "band": pa.nulls(40, pa.string())}), 10, False)
    assert found.column("row").to_pylist() == [row for row in order if row not in (0, 10)]
    assert len(found.column("spread").drop_null()) == 10
    assert found.column("spread")[0].as_py() == float("inf")


def test_where_no_row_has_an_embedding_none_has_a_spread(tmp_path: Path) -> None:
    kept = Vectors(tmp_path / "vectors")
    list(kept.kept(batches(drawn(3), lacking=(0, 1, 2))))
    rows = pa.table({"row": [0, 2, 4], "band": pa.nulls(3, pa.string())})
    assert kept.spread(rows, 2, False).num_rows == 0


def test_embeddings_of_two_sizes_are_refused(tmp_path: Path) -> None:
    mixed = [*batches(drawn(7)), *batches(drawn(7, dimension=8))]
    with pytest.raises(UserError, match="embeddings have 16 numbers"):
        list(Vectors(tmp_path / "vectors").kept(mixed))


def test_bands_without_end_are_refused(tmp_path: Path) -> None:
    kept = Vectors(tmp_path / "vectors")
    list(kept.kept(batches(drawn(200))))
    rows = pa.table({"row": list(range(0, 400, 2)), "band": [str(at) for at in range(200)]})
    with pytest.raises(UserError, match=r"200 bands; expected 100 or fewer"):
        kept.spread(rows, 10, False)
