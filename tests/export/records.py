"""The records of one row, as a format's SQL gives them."""

from __future__ import annotations

from collections.abc import Mapping
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
    schema = pa.schema({name: TYPES.get(name, pa.string()) for name in row})
    made = shape.records(Given(frozenset(row), options or Options(), **given))
    with duckdb.connect() as connection:
        connection.register("kept", pa.Table.from_pylist([dict(row)], schema))
        return [connection.sql(f"SELECT {struct(record)} FROM kept").fetchall()[0][0] for record in made]
