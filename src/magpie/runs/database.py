"""The one place that opens DuckDB: with a limit on its memory, and a folder of its own for what goes beyond.

Knows no run and no query.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from magpie.runs.labels import make_types
from magpie.runs.temporary import temporary_folder

BOUNDED = "384MB"
"""The memory of magpie's own questions, which hold a part of a run, or narrow rows."""
GENEROUS = "50%"
"""The memory of a user's questions, of what the machine has."""
_MOST_THREADS = 8
"""With `BOUNDED`: each thread that reads a file takes a share of the memory."""

Setting = str | bool | int | float | list[str]


@contextmanager
def database(memory: str = BOUNDED) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory that spills into a folder of its own, which goes with it: two processes never share one.
    Labels have their types in it.

        with database() as connection: connection.sql("SELECT 1").fetchall()
    """
    threads: dict[str, Setting] = {}
    if memory == BOUNDED:
        threads = {"threads": min(_MOST_THREADS, os.cpu_count() or 1)}
    with (
        temporary_folder("spill") as spill,
        connect(spill, memory, **threads) as connection,
    ):
        yield connection


def connect(spill: Path | None, memory: str, **settings: Setting) -> duckdb.DuckDBPyConnection:
    """A database in memory, with the types of labels. spill: a folder for what does not fit into `memory`; without one
    nothing is written anywhere. settings: further ones of DuckDB's."""
    config: dict[str, Setting] = {
        "memory_limit": memory,
        "python_enable_replacements": False,
        "temp_directory": "" if spill is None else str(spill),
        **settings,
    }
    connection = duckdb.connect(":memory:", config=config)
    make_types(connection)
    return connection
