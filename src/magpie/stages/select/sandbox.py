"""A DuckDB that can do nothing but compute: no files, no network, no settings; a bound on memory and on disk.

Selections come with recipes, and recipes come from anywhere. Labels that have an order are types here, so that `good`
is less than `excellent`. Knows no selection.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from magpie.stages.judging.labels import DIFFICULTIES, QUALITIES

LABELS = {"input_quality": QUALITIES.names, "difficulty": DIFFICULTIES.names}
"""Columns whose values are labels with an order: from less to more."""

_MEMORY = "1GB"
_DISK = "64GB"


def sandbox(spill: Path | None = None) -> duckdb.DuckDBPyConnection:
    """A connection that is shut off from everything.

    spill: a folder for what does not fit into memory; without one nothing is written anywhere.
    """
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "enable_external_access": False,
        "max_temp_directory_size": _DISK,
        "memory_limit": _MEMORY,
        "preserve_insertion_order": False,
        "python_enable_replacements": False,
        "temp_directory": "" if spill is None else str(spill),
    }
    connection = duckdb.connect(":memory:", config=config)
    for column, labels in LABELS.items():
        names = ", ".join(f"'{label}'" for label in labels)
        connection.execute(f"CREATE TYPE {label_type(column)} AS ENUM ({names})")
    connection.execute("SET lock_configuration = true")
    return connection


def label_type(column: str) -> str:
    """The name of the type of a column's labels."""
    return f"label_{column}"


def said(error: duckdb.Error) -> str:
    """What DuckDB says, in one line, without the query."""
    line = " ".join(str(error).split("\n\n")[0].split("\nLINE")[0].split())
    return line.split(" You might need to add")[0].removeprefix("Binder Error: ")
