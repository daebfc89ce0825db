"""One narrow table over a run: a row's fate, labels, numbers and lengths, and none of its texts.

Every figure of a report is a query over this table. It is filled a few shards at a time and lies in a file, so that
memory stays flat however long the run is; texts and vectors are read last, of the few rows that are shown or sampled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb

from magpie.columns import outdated, tokens_column
from magpie.errors import RunError
from magpie.runs import Run, database
from magpie.runs.temporary import temporary_folder

BLOCK_ROWS = 131_072
"""About how many rows are joined at once."""
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
    makers: Mapping[str, str]
    """The stage whose values of a column count: of several that make it, the last."""

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
        """These columns of these rows, null where the run has no such column. Each is read from the files of the stage
        that made it, so that texts of other rows are not kept."""
        fates = ("drop_reason", "dropped_by", "error")
        found: dict[int, dict[str, Any]] = {
            row: dict.fromkeys(columns) | {"row": row, "id": f"{self.run.name}-{row:08d}"} for row in rows
        }
        wanted = {name for name in columns if name not in fates}
        if "messages" in wanted:
            wanted |= {"instruction", "response", "turns"}
        sources: list[tuple[str, list[str]]] = [("narrow", [name for name in fates if name in columns])]
        for stage in self.run.stages:
            made = [column.name for column in stage.columns if self.makers.get(column.name) == stage.stage]
            sources.append((stage.stage, sorted(wanted.intersection(made))))
        for source, names in sources:
            for values in self._values(source, names, rows) if names else ():
                found[values["row"]].update(values)
        if "messages" in wanted:
            for values in found.values():
                values["messages"] = _messages(values)
        return found

    def _values(self, source: str, names: Sequence[str], rows: Sequence[int]) -> Iterator[dict[str, Any]]:
        for table in self._tables(source, names, rows):
            yield from table.to_pylist()

    def _tables(self, source: str, names: Sequence[str], rows: Sequence[int]) -> Iterator[Any]:
        """`row` and these columns of a stage's own rows, a block of shards at a time."""
        import pyarrow as pa

        selected = "".join(f", {_name(name)}" for name in names)
        query = f"SELECT row{selected} FROM {_name(source)} WHERE row IN (SELECT row FROM wanted) ORDER BY row"
        for shards, part in self._blocks(rows):
            wanted = pa.table({"row": pa.array(part, pa.int64())})
            if source == NARROW:
                self.connection.register("wanted", wanted)
                yield self.connection.sql(query).to_arrow_table()
                self.connection.unregister("wanted")
            else:
                with self.run.connected(shards, (source,)) as connection:
                    connection.register("wanted", wanted)
                    yield connection.sql(query).to_arrow_table()

    def vectors(self, rows: Sequence[int]) -> tuple[list[int], Any]:
        """The rows that have a vector, and their vectors as float32 [rows, dimension]. Raises `RunError` for vectors of
        different lengths."""
        import numpy as np

        numbers: list[int] = []
        parts: list[Any] = []
        for table in self._tables(self.makers["embedding"], ("embedding",), rows):
            table = table.filter(table.column("embedding").is_valid()).combine_chunks()
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

    def _blocks(self, rows: Sequence[int]) -> Iterator[tuple[set[int], list[int]]]:
        """The rows, some shards at a time, with these shards."""
        shard_rows = self.run.shard_rows
        by_shard: dict[int, list[int]] = {}
        for row in sorted(rows):
            by_shard.setdefault(row // shard_rows, []).append(row)
        shards, most = list(by_shard), max(1, BLOCK_ROWS // shard_rows)
        for start in range(0, len(shards), most):
            block = shards[start : start + most]
            yield set(block), [row for shard in block for row in by_shard[shard]]


NARROW = "narrow"


@contextmanager
def narrowed(run: Run) -> Iterator[Narrow]:
    """The narrow table of a run, finished or not, for as long as it is asked."""
    columns = frozenset(run.schema.names)
    fields = _fields(columns)
    with temporary_folder("report") as folder:
        attach = f"ATTACH '{_escaped(str(folder / 'narrow.duckdb'))}' AS made"
        for place, (shards, first, end) in enumerate(_spans(run)):
            head = "CREATE TABLE made.narrow AS" if place == 0 else "INSERT INTO made.narrow"
            with run.connected(shards) as connection:
                connection.execute(attach)
                connection.execute(f"{head} {_query(run, fields, first, end)}")
                connection.execute("DETACH made")
        with database() as connection:
            connection.execute("SET preserve_insertion_order = false")
            connection.execute(attach)
            connection.execute(_MIX)
            connection.execute(f"CREATE VIEW {NARROW} AS FROM made.narrow")
            (rows,) = connection.execute("SELECT count(*) FROM narrow").fetchall()
            yield Narrow(run, connection, columns, frozenset({*fields, *_FATE}), int(rows[0]), _counting(run))


_FATE = ("row", "state", "dropped_by", "drop_reason", "error")


def _makers(run: Run) -> dict[str, str]:
    return {column.name: stage.stage for stage in run.stages for column in stage.columns}


def _counting(run: Run) -> dict[str, str]:
    """The makers of the columns that count: not those that describe an answer which was made again."""
    makers = _makers(run)
    return {name: stage for name, stage in makers.items() if name not in outdated(makers)}


def _query(run: Run, fields: Mapping[str, tuple[str, str]], first: int, end: int) -> str:
    """The narrow rows of a span, joined over the stages as `rows` is. Each stage is reduced to its narrow columns
    before the join: its texts are streamed and never held."""
    makers = _makers(run)
    parts: list[str] = []
    names: list[str] = []
    for place, stage in enumerate(run.stages):
        own = {column.name for column in stage.columns}
        selected = [f"row, drop_reason AS d{place}, error AS e{place}"]
        if stage.kind == "row" and tokens_column(stage.stage) in fields:
            names.append(tokens_column(stage.stage))
            selected.append(f"completion_tokens AS {_name(names[-1])}")
        for name, (column, sql) in fields.items():
            source = column.removeprefix("original_") if column not in makers else column
            counts = makers.get(source) == stage.stage
            if source in own and (counts if source == column else _is_original(run, stage.stage, source)):
                selected.append(f"{sql.format(_name(source))} AS {_name(name)}")
                names.append(name)
        span = f"row >= {first} AND row < {end}"
        parts.append(f"(SELECT {', '.join(selected)} FROM {_name(stage.stage)} WHERE {span}) AS s{place}")
    places = range(len(parts))
    drops = ", ".join(f"d{place}" for place in places)
    errors = ", ".join(f"e{place}" for place in places)
    by = " ".join(f"WHEN d{place} IS NOT NULL THEN '{stage.stage}'" for place, stage in enumerate(run.stages))
    state = (
        f"CASE WHEN coalesce({drops}) IS NOT NULL THEN 'dropped' WHEN coalesce({errors}) IS NOT NULL THEN 'failed' "
        f"WHEN s{places[-1]}.row IS NOT NULL THEN 'kept' ELSE 'pending' END"
    )
    joins = " ".join(f"LEFT JOIN {parts[place]} ON s{place}.row = s0.row" for place in places[1:])
    fate = (
        f"s0.row AS row, {state} AS state, CASE {by} END AS dropped_by, coalesce({drops}) AS drop_reason, "
        f"coalesce({errors}) AS error"
    )
    return f"SELECT {', '.join([fate, *map(_name, names)])} FROM {parts[0]} {joins} WHERE s0.row < {run.size}"


def _is_original(run: Run, stage: str, column: str) -> bool:
    """Whether `original_<column>` is what this stage made: it is the first of several makers, or its column no longer
    counts."""
    makers = [each.stage for each in run.stages if column in {one.name for one in each.columns}]
    return makers[:1] == [stage] and (len(makers) > 1 or column in outdated(_makers(run)))


def _messages(values: Mapping[str, Any]) -> list[dict[str, str]] | None:
    """A conversation, as `rows` has it: null until there is a response."""
    if values.get("response") is None:
        return None
    first = [("user", values.get("instruction")), ("assistant", values["response"])]
    return [{"role": role, "content": text or ""} for role, text in first] + list(values.get("turns") or ())


_MIX = (
    "CREATE MACRO mix_once(x) AS xor(x, x >> 16) * 73244475 % 4294967296; "
    "CREATE MACRO mix(x) AS xor(mix_once(mix_once(x % 4294967296)), mix_once(mix_once(x % 4294967296)) >> 16);"
)
"""A row's number as another one of 32 bits, the same in every version of DuckDB: what samples are ordered by."""


def _fields(columns: frozenset[str]) -> dict[str, tuple[str, str]]:
    """The columns of `narrow` beside a row's fate: each with its source column, and SQL over `{}`. Those of tokens have
    no source column."""
    fields: dict[str, tuple[str, str]] = {}
    for name in ("instruction", "response"):
        fields[f"{name}_chars"] = (name, "length({})::INTEGER")
    fields["text_key"] = ("instruction", "hash(lower(trim({})))")
    fields["turn_chars"] = ("turns", "list_transform({}, lambda t: length(t.content))::INTEGER[]")
    fields |= {name: (name, "{}") for name in (*LABELS, *JUDGED, "nearest_row", "is_repeat", "duplicate_of")}
    fields |= {name: (name, "{}::DOUBLE") for name in NUMBERS}
    fields["pii_kinds"] = ("pii", "len({})::INTEGER")
    for name in ("input_quality_probs", "difficulty_probs", "task_category_probs"):
        fields[f"{name}_top"] = (name, "list_max({})::DOUBLE")
    there = {name: field for name, field in fields.items() if field[0] in columns}
    for name in sorted(columns):
        base = name.partition("__")[0] if "__" in name else name.removeprefix("original_")
        if base != name and base in (*JUDGED, "instruct_reward"):
            there[name] = (name, "{}")
        if name.endswith("_tokens"):
            there[name] = ("", "")
    return there


def _spans(run: Run) -> Iterator[tuple[range, int, int]]:
    """Some shards at a time, with their first row and the one after their last."""
    step = max(1, BLOCK_ROWS // run.shard_rows)
    for first in range(0, max(1, -(-run.size // run.shard_rows)), step):
        yield range(first, first + step), first * run.shard_rows, min((first + step) * run.shard_rows, run.size)


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _escaped(text: str) -> str:
    return text.replace("'", "''")


def plain_number(value: float | None, digits: int = 6) -> float | None:
    """A number for JSON, rounded so that the order of a sum makes no difference; None for NaN and infinities."""
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
