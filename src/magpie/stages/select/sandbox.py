"""A DuckDB that can do nothing but compute: no files, no network, no settings; a bound on memory and on disk.

Selections come with recipes, and recipes come from anywhere. Labels that have an order are types here, so that `good`
is less than `excellent`. Knows no selection.

The connection stops what SQL could reach. What SQL could use up is bounded around it: `functions` lists what may be
called, `limits` how much may be written, and `child` runs all of it in a process with a deadline and a memory limit.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from magpie.runs import connect

if TYPE_CHECKING:
    import duckdb

_MEMORY = "1GB"
"""For tables and sorting. What an expression makes of a text is bounded by the process's own limit."""
_DISK = 64 << 30
"""The most bytes in the folder for what does not fit into memory; half of what is free there where that is less."""


def sandbox(spill: Path | None = None) -> duckdb.DuckDBPyConnection:
    """A connection that is shut off from everything.

    spill: a folder for what does not fit into memory; without one nothing is written anywhere.
    """
    connection = connect(
        spill,
        _MEMORY,
        allow_community_extensions=False,
        autoinstall_known_extensions=False,
        autoload_known_extensions=False,
        enable_external_access=False,
        max_temp_directory_size=f"{_room(spill) >> 20}MiB",
        preserve_insertion_order=False,
        threads=1,  # sums of floating point numbers hang on the order in which threads add them
    )
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET lock_configuration = true")
    return connection


def said(error: duckdb.Error) -> str:
    """What DuckDB says, in one line, without the query."""
    line = " ".join(str(error).split("\n\n")[0].split("\nLINE")[0].split())
    return line.split(" You might need to add")[0].removeprefix("Binder Error: ")[:1000]


def _room(spill: Path | None) -> int:
    """Bytes that may be written to a folder, which may not be there yet."""
    if spill is None:
        return 0
    there = next(folder for folder in (spill, *spill.parents) if folder.exists())
    return min(_DISK, shutil.disk_usage(there).free // 2)
