"""Keys that no column holds are typed fields of `meta`, whatever they are called and hold."""

from __future__ import annotations

import datetime
import math
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from magpie.columns import MOST_LISTS, is_field_type
from magpie.imports import import_dataset
from magpie.imports.meta import MOST_FIELDS, Fields, column_of


def fields_of(*values: Any) -> tuple[str, list[Any]]:
    """The type of a field with these values, and what is kept of them."""
    fields = Fields()
    rows = [dict([found]) if (found := fields.add("a", value)) is not None else {} for value in values]
    types = fields.types()
    return types["a"], [row["a"] for row in column_of(rows, types).to_pylist()]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((1, None, 2), ("int64", [1, None, 2])),
        ((1, 2.5), ("double", [1.0, 2.5])),
        ((1, "a"), ("string", ["1", "a"])),
        ((True, 1), ("string", ["true", "1"])),
        ((2**60, 1.5), ("string", [str(2**60), "1.5"])),
        ((2**70, 1), ("string", [str(2**70), "1"])),
        ((math.nan, 1.0, math.inf), ("double", [None, 1.0, None])),
        (([], [1, None]), ("list<int64>", [[], [1, None]])),
        (([[1], ["a"]],), ("list<list<string>>", [[["1"], ["a"]]])),
        (({"b": [1]}, {"c": None}), ("string", ['{"b":[1]}', '{"c":null}'])),
        (([{"b": 1}], "x"), ("string", ['[{"b":1}]', "x"])),
        ((datetime.date(2024, 1, 2), None), ("string", ["2024-01-02", None])),
    ],
)
def test_a_field_has_the_type_that_its_values_have_in_common(values: Any, expected: Any) -> None:
    assert fields_of(*values) == expected


def test_what_has_no_place_in_a_field_is_left_out() -> None:
    deep: Any = "x"
    for _ in range(600):
        deep = [deep]
    fields = Fields()
    assert [fields.add("a", value) for value in (b"x", {"b": b"x"}, deep)] == [None] * 3
    assert not any(fields.types())
    for number in range(MOST_FIELDS + 5):
        fields.add(f"k{number}", 1)
    assert len(fields.types()) == MOST_FIELDS - 1


@pytest.mark.parametrize("depth", range(MOST_LISTS - 1, MOST_LISTS + 3))
def test_lists_in_lists_are_a_field_as_deep_as_its_type_may_be_and_json_beyond(depth: int, tmp_path: Path) -> None:
    deep: Any = [1]
    for _ in range(depth - 1):
        deep = [deep]
    (tmp_path / "a.jsonl").write_bytes(orjson.dumps({"instruction": "x", "deep": deep, "mixed": [deep, deep, "x"]}))
    run, seen = import_dataset(tmp_path / "a.jsonl", tmp_path / "run")
    (row,) = run.rows()
    kept = row["meta"]["deep"]
    assert (kept if depth <= MOST_LISTS else orjson.loads(kept)) == deep
    assert is_field_type(seen.meta["deep"])
    assert is_field_type(seen.meta["mixed"])


KEYS = (
    "Source",
    "source",
    "",
    " ",
    'a "quoted" key',
    "a.b",
    "\x1b[31m",
    "\u00e4\U0001f600",
    "x" * 500,
    "meta",
    "row",
    "error",
)


def test_a_key_may_be_called_anything(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(orjson.dumps({"instruction": "x", **{key: n for n, key in enumerate(KEYS)}}))
    run, _ = import_dataset(tmp_path / "a.jsonl", tmp_path / "run")
    (row,) = run.rows()
    assert sorted(row["meta"].values()) == list(range(len(KEYS)))
    assert {"Source", "source_2", "unnamed", "unnamed_2", "a.b"} <= row["meta"].keys()
    assert run.sql('SELECT meta."a.b" AS n FROM rows').column("n")[0].as_py() == 5


def test_shards_that_were_written_before_a_field_was_known_are_like_the_others(tmp_path: Path) -> None:
    rows: list[Any] = [{"a": 1}, {"a": 2, "b": "x"}, {"a": "z"}, {"c": [1.5], "language": "en"}, {"a": True}]
    (tmp_path / "a.jsonl").write_bytes(b"\n".join(orjson.dumps({"instruction": "x", **row}) for row in rows))
    run, seen = import_dataset(tmp_path / "a.jsonl", tmp_path / "run", shard_rows=2)
    assert seen.meta == {"a": "string", "b": "string", "c": "list<double>"}
    assert [row["meta"]["a"] for row in run.rows()] == ["1", "2", "z", None, "true"]
    assert [row["language"] for row in run.rows()] == [None, None, None, "en", None]
    again, _ = import_dataset(tmp_path / "a.jsonl", tmp_path / "run")
    assert again.table() == run.table()


def test_a_row_is_no_repeat_of_one_that_comes_later(tmp_path: Path) -> None:
    """Upstream names the first of all rows that are alike, or, for that one, another of them."""
    alike = [("a", "c"), ("b", None), ("c", "a"), ("d", "d"), ("e", "gone"), ("f", "a")]
    rows = [{"instruction": "x", "uuid": one, "min_similar_uuid": other, "repeat_count": 1} for one, other in alike]
    (tmp_path / "a.jsonl").write_bytes(b"\n".join(map(orjson.dumps, rows)))
    run, _ = import_dataset(tmp_path / "a.jsonl", tmp_path / "run", shard_rows=2)
    assert [row["is_repeat"] for row in run.rows()] == [False, None, True, False, True, True]


def test_pictures_and_vectors_are_not_kept_and_are_told(tmp_path: Path) -> None:
    table = pa.table({"instruction": ["x"], "image": [{"bytes": b"x", "path": "p"}], "embedding": [[0.5, None]]})
    pq.write_table(table, tmp_path / "a.parquet")
    _, seen = import_dataset(tmp_path / "a.parquet", tmp_path / "run")
    assert seen.left_out.keys() == {"image", "embedding"}
