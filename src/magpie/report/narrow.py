"""One narrow table over a run: a row's fate, labels, numbers and lengths, and none of its texts.

Every figure of a report is a query over this table. It is filled a few shards at a time and lies in a file, so that
memory stays flat however long the run is; texts and vectors are read last, of the few rows that are shown or sampled.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from magpie.errors import RunError
from magpie.runs import Run

BLOCK_ROWS = 32_768
"""About how many rows are joined at once: their texts pass through memory."""
MEMORY = "384MB"
"""What DuckDB may hold; beyond, it spills into the temporary folder."""
NEAR_SHARDS = 48
"""From how many shards, spread over the run, the rows of a sample come at most where a run is long."""
LONG = 200_000
"""Rows from which on a sample is taken of some shards."""

LABELS = ("task_category", "language", "safety", "variant", "source")
JUDGED = ("input_quality", "difficulty", "task_category", "safety")
"""Columns that two judges may both have given."""
NUMBERS = (
    "min_neighbor_distance",
    "repeat_count",
    "quality_score",
    "difficulty_score",
    "instruct_reward",
    "base_reward",
    "reward_difference",
    "chosen_reward",
    "rejected_reward",
    "harm_probability",
)


@dataclass(frozen=True)
class Narrow:
    """The table `narrow`, and the connection that it lies in."""

    run: Run
    connection: duckdb.DuckDBPyConnection
    columns: frozenset[str]
    """Those that `rows` has."""
    fields: frozenset[str]
    """Those that `narrow` has."""
    rows: int

    def ask(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self.connection.execute(query, list(values)).fetchall()

    def one(self, query: str, values: Sequence[Any] = ()) -> tuple[Any, ...]:
        (row,) = self.ask(query, values)
        return row

    def sample(self, count: int, where: str = "true") -> list[int]:
        """Row numbers, in order, that follow from the numbers alone: the same in every report. Of a long run they come
        from some shards that are spread over it, for to read a text costs the reading of its shard."""
        shard = self.run.shard_rows
        if self.rows > LONG:
            shards = self.ask(
                f"SELECT s FROM (SELECT DISTINCT row // {shard} AS s FROM narrow WHERE {where}) "
                f"ORDER BY mix(s), s LIMIT {NEAR_SHARDS}"
            )
            named = ", ".join(str(number) for (number,) in shards) or "-1"
            where = f"({where}) AND row // {shard} IN ({named})"
        chosen = self.ask(f"SELECT row FROM narrow WHERE {where} ORDER BY mix(row), row LIMIT {count}")
        return sorted(row for (row,) in chosen)

    def read(self, rows: Sequence[int], columns: Sequence[str]) -> dict[int, dict[str, Any]]:
        """These columns of `rows`, null where the run has no such column, of these rows."""
        import pyarrow as pa

        there = [name for name in columns if name in self.columns]
        absent = {name: None for name in columns if name not in self.columns}
        found: dict[int, dict[str, Any]] = {}
        for first, end, part in self._blocks(rows):
            self.connection.register("wanted", pa.table({"row": pa.array(part, pa.int64())}))
            names = "".join(f", {_name(name)}" for name in there)
            query = (
                f"SELECT row{names} FROM rows WHERE row >= {first} AND row < {end} AND row IN (SELECT row FROM wanted)"
            )
            for row in self.connection.sql(query).to_arrow_table().to_pylist():
                found[row["row"]] = {**{name: row[name] for name in there}, **absent}
            self.connection.unregister("wanted")
        return {row: found[row] for row in rows if row in found}

    def vectors(self, rows: Sequence[int]) -> tuple[list[int], Any]:
        """The rows that have a vector, and their vectors as float32 [rows, dimension]. Raises `RunError` for vectors of
        different lengths."""
        import numpy as np
        import pyarrow as pa

        numbers: list[int] = []
        parts: list[Any] = []
        for first, end, part in self._blocks(rows):
            self.connection.register("wanted", pa.table({"row": pa.array(part, pa.int64())}))
            query = (
                f"SELECT row, embedding FROM rows WHERE row >= {first} AND row < {end} "
                f"AND row IN (SELECT row FROM wanted) AND embedding IS NOT NULL ORDER BY row"
            )
            table = self.connection.sql(query).to_arrow_table().combine_chunks()
            self.connection.unregister("wanted")
            if not table.num_rows:
                continue
            column = table.column("embedding").combine_chunks()
            lengths = {len(vector) for vector in column}
            if len(lengths | {part.shape[1] for part in parts}) != 1:
                raise RunError(
                    f"{self.run.path}: embeddings of different lengths; remove the folder of stage embed and run "
                    "`magpie embed` again"
                )
            numbers += table.column("row").to_pylist()
            parts.append(np.asarray(column.flatten(), np.float32).reshape(table.num_rows, -1))
        joined = np.concatenate(parts) if parts else np.zeros((0, 0), np.float32)
        finite: Any = np.isfinite(joined).all(axis=1)
        return [row for row, good in zip(numbers, finite.tolist(), strict=True) if good], joined[finite]

    def _blocks(self, rows: Sequence[int]) -> Iterator[tuple[int, int, list[int]]]:
        """The rows, by the blocks of whole shards that they lie in."""
        step = _step(self.run.shard_rows)
        by_block: dict[int, list[int]] = {}
        for row in rows:
            by_block.setdefault(row // step, []).append(row)
        for block, part in sorted(by_block.items()):
            yield block * step, (block + 1) * step, part


@contextmanager
def narrowed(run: Run) -> Iterator[Narrow]:
    """The narrow table of a run, finished or not, for as long as it is asked."""
    with tempfile.TemporaryDirectory(prefix="magpie-report-") as folder, run.connected() as connection:
        connection.execute(f"SET memory_limit = '{MEMORY}'")
        connection.execute("SET preserve_insertion_order = false")
        connection.execute(f"ATTACH '{_escaped(str(Path(folder) / 'narrow.duckdb'))}' AS made")
        connection.execute(_MIX)
        described = connection.execute("DESCRIBE rows").fetchall()
        columns = frozenset(name for name, *_ in described)
        fields = _fields(columns)
        last = _name(run.stages[-1].stage)
        for place, (first, end) in enumerate(_spans(run)):
            span = f"row >= {first} AND row < {end}"
            query = (
                f"SELECT {', '.join(f'{sql} AS {_name(name)}' for name, sql in fields.items())} "
                f"FROM (SELECT * FROM rows WHERE {span}) AS r "
                f"LEFT JOIN (SELECT row AS done FROM {last} WHERE {span}) AS l ON l.done = r.row"
            )
            head = "CREATE TABLE made.narrow AS" if place == 0 else "INSERT INTO made.narrow"
            connection.execute(f"{head} {query}")
        connection.execute("CREATE VIEW narrow AS FROM made.narrow")
        (rows,) = connection.execute("SELECT count(*) FROM narrow").fetchall()
        yield Narrow(run, connection, columns, frozenset(fields), int(rows[0]))


_MIX = (
    "CREATE MACRO mix_once(x) AS xor(x, x >> 16) * 73244475 % 4294967296; "
    "CREATE MACRO mix(x) AS xor(mix_once(mix_once(x % 4294967296)), mix_once(mix_once(x % 4294967296)) >> 16);"
)
"""A row's number as another one of 32 bits, the same in every version of DuckDB: what samples are ordered by."""

_STATE = (
    "CASE WHEN r.drop_reason IS NOT NULL THEN 'dropped' WHEN r.error IS NOT NULL THEN 'failed' "
    "WHEN l.done IS NOT NULL THEN 'kept' ELSE 'pending' END"
)


def _fields(columns: frozenset[str]) -> dict[str, str]:
    """The columns of `narrow`, as SQL over those that the run has."""
    fields = {"row": "r.row", "state": _STATE, "dropped_by": "r.dropped_by", "drop_reason": "r.drop_reason"}
    for name in ("instruction", "response"):
        if name in columns:
            fields[f"{name}_chars"] = f"length(r.{name})::INTEGER"
    if "instruction" in columns:
        fields["text_key"] = "hash(lower(trim(r.instruction)))"
    if "turns" in columns:
        fields["turn_chars"] = "list_transform(r.turns, lambda t: length(t.content))::INTEGER[]"
    labels = [*LABELS, *JUDGED]
    fields |= {name: f"r.{name}" for name in dict.fromkeys(labels) if name in columns}
    fields |= {name: f"r.{name}::DOUBLE" for name in NUMBERS if name in columns}
    fields |= {name: f"r.{name}" for name in ("nearest_row", "is_repeat", "duplicate_of") if name in columns}
    if "pii" in columns:
        fields["pii_kinds"] = "len(r.pii)::INTEGER"
    for probabilities in ("input_quality_probs", "difficulty_probs", "task_category_probs"):
        if probabilities in columns:
            fields[f"{probabilities}_top"] = f"list_max(r.{probabilities})::DOUBLE"
    for name in sorted(columns):
        base = name.partition("__")[0] if "__" in name else name.removeprefix("original_")
        if base != name and base in (*JUDGED, "instruct_reward"):
            fields[name] = f"r.{_name(name)}"
        if name.endswith("_tokens"):
            fields[name] = f"r.{_name(name)}::INTEGER"
    return fields


def _spans(run: Run) -> Iterator[tuple[int, int]]:
    step = _step(run.shard_rows)
    return ((first, min(first + step, run.size)) for first in range(0, run.size, step))


def _step(shard_rows: int) -> int:
    """Whole shards, for a shard is read whole."""
    return shard_rows * max(1, BLOCK_ROWS // shard_rows)


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _escaped(text: str) -> str:
    return text.replace("'", "''")


def plain_number(value: float | None, digits: int = 6) -> float | None:
    """A number as JSON has it, rounded so that the order of adding up does not show; None for what is none."""
    if value is None or value != value or value in (float("inf"), float("-inf")):
        return None
    return float(f"{value:.{digits}g}")


def counted(narrow: Narrow, field: str, where: str = "true") -> list[Mapping[str, Any]]:
    """Each value of a field with how many rows have it, by their state; the commonest first, null as None."""
    query = (
        f"SELECT {_name(field)}, count(*), count(*) FILTER (state = 'kept'), count(*) FILTER (state = 'pending') "
        f"FROM narrow WHERE {where} GROUP BY 1 ORDER BY 2 DESC, 1 NULLS LAST"
    )
    return [
        {"label": None if label is None else str(label), "rows": rows, "kept": kept, "pending": pending}
        for label, rows, kept, pending in narrow.ask(query)
    ]
