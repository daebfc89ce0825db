"""The records of one row, as a format's SQL gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import duckdb
import pyarrow as pa

from magpie.export.options import Options
from magpie.export.shapes import Given, Shape, struct
from magpie.export.trainers import Trainer

_MESSAGES = pa.list_(pa.struct({"role": pa.string(), "content": pa.string()}))
TYPES = {
    "row": pa.int64(),
    "messages": _MESSAGES,
    "turns": _MESSAGES,
    "pair_prompt": _MESSAGES,
    "chosen_reward": pa.float64(),
    "rejected_reward": pa.float64(),
}


def records(
    shape: Shape | Trainer,
    row: Mapping[str, Any],
    options: Options | None = None,
    **given: Any,
) -> list[dict[str, Any]]:
    """What a row comes to. given: further arguments of `Given`."""
    made = shape.records(Given(frozenset(row), options or Options(), **given))
    with duckdb.connect() as connection:
        connection.register("kept", table(row))
        return [connection.sql(f"SELECT {struct(record)} FROM kept").fetchall()[0][0] for record in made]


def all_records(shapes: Sequence[Shape | Trainer], row: Mapping[str, Any], options: Options) -> tuple[Any, ...]:
    """What a row comes to in each of several formats, by one query: a connection costs more than a row."""
    made = [struct(record) for shape in shapes for record in shape.records(Given(frozenset(row), options))]
    connection = _connection()
    connection.register("kept", table(row))
    found: tuple[Any, ...] = connection.sql(f"SELECT {', '.join(made)} FROM kept").fetchall()[0]
    return found


@cache
def _connection() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": 1})


def table(row: Mapping[str, Any]) -> pa.Table:
    """A table of one row."""
    return pa.Table.from_pylist([dict(row)], pa.schema({name: TYPES.get(name, pa.string()) for name in row}))
