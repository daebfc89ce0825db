"""Where the rows of one stage are: the Parquet files that count as they are, and the rows that are looked through one
by one. Knows files and digests; knows no other stage's columns but those that rows were made from.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

import duckdb
import pyarrow as pa

from magpie.columns import labels_of
from magpie.runs.files import bring
from magpie.runs.folder import StageFolder
from magpie.runs.in_force import open_shards, rows_in_force
from magpie.runs.labels import as_label
from magpie.runs.shards import arrow_schema

_GLOB = re.compile(r"([*?\[])")
"""What DuckDB would take as a pattern in a path."""


def open_rows_of(
    stage: StageFolder, above: Sequence[StageFolder], settled: set[int], shard_rows: int, part: Collection[int] | None
) -> pa.Table:
    """The rows of the other shards, which have a journal or may be made from what is no longer so: they are looked
    through row by row."""
    others = [number for number in open_shards(stage, settled) if part is None or number in part]
    if not others:
        return arrow_schema(stage.columns).empty_table()
    return pa.concat_tables(rows_in_force(stage, above, number, shard_rows) for number in others)


def relation_of(
    connection: duckdb.DuckDBPyConnection,
    stage: StageFolder,
    settled: Sequence[int],
    open_rows: pa.Table,
) -> str:
    """A query for a stage's rows: sealed shards are scanned where they lie, and labels have their order."""
    name = f"{stage.stage}_open"
    connection.register(name, open_rows.replace_schema_metadata(None))
    bring(*(stage.shard(number).parquet for number in settled))
    for number in settled:
        stage.shard(number).check()
    labels = [c.name for c in stage.columns if c.type == "string" and labels_of(c.name)]
    ordered = f" REPLACE ({', '.join(f'{as_label(column)} AS {column}' for column in labels)})" if labels else ""
    if not settled:
        return f'SELECT *{ordered} FROM "{name}"'
    files = ", ".join(sql_text(_GLOB.sub(r"[\1]", str(stage.shard(n).parquet))) for n in settled)
    scan = f"read_parquet([{files}], hive_partitioning=false)"
    return f'SELECT *{ordered} FROM (SELECT * FROM {scan} UNION ALL BY NAME SELECT * FROM "{name}")'


def sql_text(text: str) -> str:
    """A text as SQL writes it.

    Example: `sql_text("it's")` is `'it''s'`.
    """
    return "'" + text.replace("'", "''") + "'"
