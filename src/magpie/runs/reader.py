"""Reads a run: every row with all its columns, joined over the stages, dropped rows with their reason.

Safe beside a process that is writing the run. Knows which columns exist, not how they are made.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from magpie.columns import ORIGINAL, labels_of, outdated, tokens_column
from magpie.errors import RunError, UserError
from magpie.runs.database import BOUNDED, GENEROUS, database
from magpie.runs.folder import RunFolder, StageFolder
from magpie.runs.frames import to_pandas, to_polars
from magpie.runs.in_force import (
    InForce,
    Scope,
    StageCounts,
    count_kept,
    count_stage,
    in_force,
    row_sets,
    settled_shards,
)
from magpie.runs.labels import check_labels, typed
from magpie.runs.objects.work import located
from magpie.runs.relations import open_rows_of, relation_of, sql_text
from magpie.runs.shown import run_html
from magpie.runs.surviving import corpus_shards
from magpie.runs.tally import row_numbers
from magpie.safe.documents import check_values, read_yaml
from magpie.safe.names import named
from magpie.safe.shell import quoted

_UNREADABLE = (duckdb.Error, pa.ArrowException, KeyError, TypeError, ValueError)
"""What reading files raises that are not as magpie wrote them."""
_OF_QUERIES = (duckdb.Error, pa.ArrowException)
_OR_QUERY = "the query failed, or "
_BATCH_ROWS = 2048
_SCAN_ROWS = 32768
"""How many rows of shards `scan` reads together."""


@dataclass(frozen=True, repr=False)
class Run:
    """A run on disk, finished or not. It can be read while it is written: each call reads the rows that are there.

    What `run.json` says is read once. Open the run again to see another size or other stages.

    Examples:
        >>> magpie.open_run("runs/first").kept()
        12
    """

    path: Path
    only: pa.Array | None = field(default=None, compare=False)
    """Rows, ascending: of the kept ones only these count; None for all."""

    def __post_init__(self) -> None:
        _ = self.info

    def among(self, rows: Collection[int]) -> Run:
        """The same run, of whose kept rows only these count: in `kept`, in what is exported, in reports.

        >>> open_run("runs/first").among([0, 1]).row_numbers("all").to_pylist()[:3]
        [0, 1, 2]
        >>> open_run("runs/first").among([0, 1]).kept() <= 2
        True
        """
        return Run(self.path, pa.array(sorted(set(rows)), pa.int64()))

    @cached_property
    def info(self) -> dict[str, Any]:
        """`run.json`: versions, seeds, the index of the stages, what each session took."""
        return RunFolder(self.path).index()

    @property
    def name(self) -> str:
        return str(self.info["name"])

    def __repr__(self) -> str:
        return f"Run({named(str(self.path))!r}, size={self.size}, kept={self.kept()})"

    def _repr_html_(self) -> str:
        """What a notebook shows: the kept rows, and each stage's counts."""
        return run_html(self.path, self.size, self.kept(), self.counts())

    @property
    def size(self) -> int:
        """How many rows the run is to have."""
        return int(self.info["size"])

    @property
    def shard_rows(self) -> int:
        """Rows in a file."""
        return int(self.info["shard_rows"])

    def stale(self) -> dict[str, str]:
        """Stages that were made from what is no longer so, each with what has changed; their rows still count."""
        found = {stage["stage"]: stage["stale"] for stage in self.info["stages"] if stage.get("stale")}
        for place, stage in enumerate(self.stages):
            if stage.kind == "corpus" and corpus_shards(stage, self.stages[:place], self.size, self.shard_rows)[1]:
                found.setdefault(stage.stage, "the rows or the columns that it is made from have changed since")
        return found

    @cached_property
    def recipe(self) -> dict[str, Any]:
        """`recipe.yaml`, as resolved."""
        where = str(self.path / "recipe.yaml")
        found = read_yaml(RunFolder(self.path).recipe_text(), where)
        check_values(found, where)
        if not isinstance(found, dict):
            raise RunError(f"{where}: expected settings, found {type(found).__name__}: restore the file")
        return found

    @cached_property
    def stages(self) -> tuple[StageFolder, ...]:
        """The stages of the recipe as it was last run, in order."""
        return tuple(StageFolder.of_entry(self.path, entry) for entry in self.info["stages"])

    def table(self, *, kept: bool = False, columns: Sequence[str] = ()) -> pa.Table:
        """The rows, ordered by `row`: `id`, `row`, every stage's columns, `messages`, `drop_reason`, `dropped_by`,
        `error`, and the completion tokens of each stage as `<stage>_tokens`.

        All rows made so far, dropped ones and failed ones too; with `kept=True` those that came through every stage.
        columns: only these, where some are named.

        Examples:
            >>> magpie.open_run("runs/first").table(kept=True).num_rows
            12
        """
        names = ", ".join('"' + name.replace('"', '""') + '"' for name in columns)
        return self.sql(f"SELECT {names or '*'} FROM {'kept' if kept else 'rows'} ORDER BY row")

    def to_pandas(self, *, kept: bool = True, columns: Sequence[str] = ()) -> Any:
        """The kept rows as a `pandas.DataFrame`; with `kept=False` all rows, as in `table`. columns: only these.

        Raises `MissingExtra` where pandas is not installed.

        Examples:
            >>> magpie.open_run("runs/first").to_pandas(columns=["instruction", "response"]).shape
            (12, 2)
        """
        return to_pandas(self.table(kept=kept, columns=columns))

    def to_polars(self, *, kept: bool = True, columns: Sequence[str] = ()) -> Any:
        """The kept rows as a `polars.DataFrame`; with `kept=False` all rows, as in `table`. columns: only these.

        Raises `MissingExtra` where polars is not installed.

        Examples:
            >>> magpie.open_run("runs/first").to_polars(columns=["instruction", "response"]).shape
            (12, 2)
        """
        return to_polars(self.table(kept=kept, columns=columns))

    def batches(self, *, kept: bool = True, columns: Sequence[str] = ()) -> Iterator[pa.RecordBatch]:
        """The rows of `table` as record batches, so that a run larger than memory can be read through; only these
        `columns`, where some are named.

        Examples:
            >>> sum(batch.num_rows for batch in magpie.open_run("runs/first").batches(columns=["id"]))
            12
        """
        names = ", ".join('"' + name.replace('"', '""') + '"' for name in columns)
        yield from self.scan(f"SELECT {names or '*'} FROM {'kept' if kept else 'rows'} ORDER BY row")

    def scan(self, query: str) -> Iterator[pa.RecordBatch]:
        """Ask DuckDB about some shards at a time, in order: `query` is run over each part of the run by itself, so that
        memory does not grow with the run. Its result for a row must depend on that row alone.

        Examples:
            >>> run = magpie.open_run("runs/first")
            >>> sum(batch.num_rows for batch in run.scan("SELECT row, length(response) AS n FROM kept ORDER BY row"))
            12
        """
        counting, query = self._counting(), self._with_labels(query)
        step = max(1, _SCAN_ROWS // self.shard_rows)
        for first in range(0, max(1, -(-self.size // self.shard_rows)), step):
            with self._asked(query, BOUNDED, range(first, first + step), counting) as connection:
                for batch in connection.sql(query).to_arrow_reader(_BATCH_ROWS):
                    yield _with_texts(batch)

    def rows(self, *, kept: bool = True) -> Iterator[dict[str, Any]]:
        """The rows of `table` one by one, as dictionaries; by default the kept ones.

        Examples:
            >>> row = next(magpie.open_run("runs/first").rows())
            >>> [message["role"] for message in row["messages"]]
            ['user', 'assistant']
        """
        for batch in self.batches(kept=kept):
            yield from batch.to_pylist()

    def kept(self) -> int:
        """How many rows came through every stage.

        Examples:
            >>> magpie.open_run("runs/first").kept()
            12
        """
        self._check_stages()
        if self.only is not None:
            return sum(rows.bit_count() for _, rows in self.row_sets())
        with self._readable():
            return count_kept([self._in_force(stage) for stage in self.stages], self.size, self.shard_rows)

    def row_numbers(self, scope: Scope = "kept") -> pa.Array:
        """The rows that came through every stage (`kept`), those that a stage dropped (`dropped`), or all that were
        made (`all`), in order: int64. Reads footers, and no rows where none failed.

        Examples:
            >>> magpie.open_run("runs/first").row_numbers("dropped").to_pylist()
            []
        """
        parts = [row_numbers(rows, first) for first, rows in self.row_sets(scope)]
        return pa.concat_arrays([pa.array([], pa.int64()), *parts])

    def row_sets(self, scope: Scope = "kept") -> list[tuple[int, int]]:
        """The same as sets: of each shard its first row, and a whole number with a bit for each row from there on.
        Those of millions of rows take some hundred kilobytes."""
        with self._readable():
            stages = [self._in_force(stage) for stage in self.stages]
            found = row_sets(scope, stages, self.size, self.shard_rows)
        if self.only is None or scope != "kept":
            return found
        return [(first, rows & self._only_from(first)) for first, rows in found]

    def _only_from(self, first: int) -> int:
        """The rows of `only` in a shard, with a bit for each row from `first` on."""
        bits = bytearray(self.shard_rows // 8 + 1)
        for row in _between(self.only, first, first + self.shard_rows).to_pylist():
            bits[(row - first) >> 3] |= 1 << ((row - first) & 7)
        return int.from_bytes(bits, "little")

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns of `table`, with their types. Opens no file of rows."""
        return self.sql("SELECT * FROM rows LIMIT 0", shards=()).schema

    def sql(self, query: str, *, shards: Collection[int] | None = None) -> pa.Table:
        """Ask DuckDB. `rows` is every row, `kept` those that came through; each stage's own files are a view of its
        name, with its bookkeeping. Labels compare and sort in their order: `input_quality >= 'good'`. Raises `RunError`
        with DuckDB's message when the query is not valid.

        shards: only these are read, where row r is in shard `r // shard_rows`; the files of others are not opened.

        Examples:
            >>> magpie.open_run("runs/first").sql("SELECT count(*) AS n FROM kept").to_pylist()
            [{'n': 12}]
        """
        query = self._with_labels(query)
        with self._asked(query, GENEROUS, shards) as connection:
            found = connection.sql(query).to_arrow_table()
        return _with_texts(found)

    def _with_labels(self, query: str) -> str:
        """The query, in which labels in quotes are values of their types."""
        made = {column.name for stage in self.stages for column in stage.columns if labels_of(column.name)}
        made |= {ORIGINAL + name for name in made}
        try:
            check_labels(query, made)
        except UserError as error:
            raise RunError(f"{self.path}: {error}") from error
        return typed(query)

    def counts(self) -> list[StageCounts]:
        """What each stage did so far, counted over the files.

        Examples:
            >>> [(stage.stage, stage.made) for stage in magpie.open_run("runs/first").counts()]
            [('instruct', 12), ('respond', 12)]
        """
        self._check_stages()
        with self._readable():
            return [count_stage(self._in_force(stage), self.size) for stage in self.stages]

    def _in_force(self, stage: StageFolder) -> InForce:
        return in_force(stage, self.stages[: self.stages.index(stage)], self.size, self.shard_rows)

    def _counting(self, shards: Collection[int] | None = None) -> list[list[int]]:
        """Of each stage, the sealed shards that count as they are; of these `shards`, where some are named."""
        with self._readable():
            return [
                settled_shards(stage, self.stages[:place], self.size, self.shard_rows, shards)
                for place, stage in enumerate(self.stages)
            ]

    @contextmanager
    def connected(
        self, shards: Collection[int] | None = None, views: Collection[str] | None = None
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection to DuckDB with the views of `sql`, for several questions to the same files. Labels with an order
        are compared in it where the query has gone through `magpie.runs.typed`. shards: only these are looked at.
        views: `rows`, `kept` or stages; without them all.

        Examples:
            >>> with magpie.open_run("runs/first").connected() as connection:
            ...     connection.execute("SELECT count(*) FROM kept").fetchall()
            [(12,)]
        """
        with self._asked(views, BOUNDED, shards) as connection:
            yield connection

    @contextmanager
    def _readable(self, what: str = "", kinds: tuple[type[Exception], ...] = _UNREADABLE) -> Iterator[None]:
        """Say what a file that is not as magpie wrote it makes go wrong as a `RunError`. what: which else may be to
        blame. kinds: what is taken for that."""
        try:
            yield
        except kinds as error:
            said = " ".join(str(error).split())
            raise RunError(f"{self.path}: {what}a file of the run cannot be read: {said}") from error

    def _check_stages(self) -> None:
        makers = {column.name for stage in self.stages for column in stage.columns}
        if not self.stages or ("response" in makers and "instruction" not in makers):
            raise RunError(
                f"{self.path}: run.json names no stage whose rows can be read; `magpie run` with --out "
                f"{quoted(str(self.path))} makes what is missing"
            )

    @contextmanager
    def _asked(
        self,
        asked: str | Collection[str] | None,
        memory: str,
        shards: Collection[int] | None,
        counting: Sequence[Sequence[int]] | None = None,
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """The run as views, their files held against their digests first.

        asked: the views, or a query that names them; None for all. counting: what `_counting` says, where it is known.
        """
        self._check_stages()
        counting = self._counting(shards) if counting is None else counting
        with self._readable(_OR_QUERY, _OF_QUERIES), database(memory) as connection:
            views = _named(connection, asked) if isinstance(asked, str) else asked
            with self._readable():
                self._make_views(connection, counting, shards, views)
            yield connection

    def _make_views(
        self,
        connection: duckdb.DuckDBPyConnection,
        counting: Sequence[Sequence[int]],
        shards: Collection[int] | None,
        views: Collection[str] | None,
    ) -> None:
        names = None if views is None else {view.lower() for view in views}
        whole = names is None or not {"rows", "kept"}.isdisjoint(names)
        for place, stage in enumerate(self.stages):
            if names is not None and not whole and stage.stage.lower() not in names:
                continue
            settled = counting[place] if shards is None else [number for number in counting[place] if number in shards]
            open_rows = open_rows_of(stage, self.stages[:place], set(counting[place]), self.shard_rows, shards)
            relation = relation_of(connection, stage, settled, open_rows)
            connection.execute(f"CREATE VIEW {_name(stage)} AS {relation}")
        if whole:
            connection.execute(f"CREATE VIEW rows AS {_rows_query(self)}")
            last, alive = _name(self.stages[-1]), "drop_reason IS NULL AND error IS NULL"
            among = "" if self.only is None else f" SEMI JOIN {_make_only(connection, self, shards)} USING (row)"
            kept = f"SELECT * FROM rows SEMI JOIN {last} USING (row){among} WHERE {alive}"
            connection.execute(f"CREATE VIEW kept AS {kept}")


def _make_only(connection: duckdb.DuckDBPyConnection, run: Run, shards: Collection[int] | None) -> str:
    """The rows of `run.only` in these shards, as a table; its name."""
    rows = run.only
    if shards:
        rows = _between(rows, min(shards) * run.shard_rows, (max(shards) + 1) * run.shard_rows)
    connection.register("given_rows", pa.table({"row": rows}))
    connection.execute('CREATE TABLE "only these rows" AS SELECT row FROM given_rows')
    connection.unregister("given_rows")
    return '"only these rows"'


def _between(rows: Any, first: int, end: int) -> Any:
    """Those of ascending numbers that lie in [first, end)."""
    places = [bisect_left(_Numbers(rows), each) for each in (first, end)]
    return rows.slice(places[0], places[1] - places[0])


@dataclass(frozen=True, slots=True)
class _Numbers:
    """An array of Arrow as a sequence of Python's numbers."""

    values: Any

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, place: int) -> int:
        return int(self.values[place].as_py())


def _named(connection: duckdb.DuckDBPyConnection, query: str) -> Collection[str] | None:
    """The tables that a query names; None where they cannot be determined."""
    try:
        return connection.get_table_names(query) or None
    except duckdb.Error:
        return None


def open_run(path: str | Path) -> Run:
    """The run in a folder, or at an address such as `s3://bucket/run`, finished or not. Raises `RunError` when there is
    none, or one that a newer magpie made."""
    return Run(located(path))


def _with_texts(found: Any) -> Any:
    """A table or a batch with labels as texts, as every reader of a run knows them."""
    schema = pa.schema([field.with_type(_without_codes(field.type)) for field in found.schema], found.schema.metadata)
    return found if schema.equals(found.schema) else found.cast(schema)


def _without_codes(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return kind.value_type
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_without_codes(kind.value_type)))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_without_codes(field.type)) for field in kind])
    return kind


def _name(stage: StageFolder) -> str:
    return f'"{stage.stage}"'


def _rows_query(run: Run) -> str:
    first, *later = [_name(stage) for stage in run.stages]
    names = [first, *later]
    makers = {c.name: s for s in run.stages for c in s.columns}  # where two make a column, the later one counts
    no_more = set(outdated({column: maker.stage for column, maker in makers.items()}))
    columns = [f"{_name(maker)}.{column}" for column, maker in makers.items() if column not in no_more]
    columns += [f"{_name(makers[column])}.{column} AS {ORIGINAL}{column}" for column in makers if column in no_more]
    for column, maker in makers.items():
        earlier = [s for s in run.stages if s is not maker and column in {c.name for c in s.columns}]
        columns += [f"{_name(earlier[0])}.{column} AS {ORIGINAL}{column}"] if earlier else []
    tokens = [f'{_name(s)}.completion_tokens AS "{tokens_column(s.stage)}"' for s in run.stages if s.kind == "row"]
    drops = ", ".join(f"{name}.drop_reason" for name in names)
    errors = ", ".join(f"{name}.error" for name in names)
    dropped_by = " ".join(f"WHEN {_name(s)}.drop_reason IS NOT NULL THEN '{s.stage}'" for s in run.stages)
    joins = " ".join(f"LEFT JOIN {name} ON {name}.row = {first}.row" for name in later)
    fields = [
        f"printf({sql_text(run.name.replace('%', '%%') + '-%08d')}, {first}.row) AS id",
        f"{first}.row AS row",
        *columns,
        _messages(run),
        f"coalesce({drops}) AS drop_reason",
        f"CASE {dropped_by} END AS dropped_by",
        f"coalesce({errors}) AS error",
        *tokens,
    ]
    return f"SELECT {', '.join(fields)} FROM {first} {joins} WHERE {first}.row < {run.size}"


def _messages(run: Run) -> str:
    """The conversation, computed: null until there is a response."""
    makers = {column.name: stage for stage in run.stages for column in stage.columns}
    no_more = set(outdated({column: maker.stage for column, maker in makers.items()}))
    made = {column: f"{_name(maker)}.{column}" for column, maker in makers.items() if column not in no_more}
    if "response" not in made:
        return "NULL::STRUCT(role VARCHAR, content VARCHAR)[] AS messages"
    instruction, response = made["instruction"], made["response"]
    asked, answered = f"'role': 'user', 'content': {instruction}", f"'role': 'assistant', 'content': {response}"
    turns = made.get("turns")
    if "turn_reasoning" in made:  # then each message has its reasoning
        asked += ", 'reasoning': NULL::VARCHAR"
        answered += f", 'reasoning': {made.get('reasoning', 'NULL::VARCHAR')}"
        later = f"'role': t.role, 'content': t.content, 'reasoning': {made['turn_reasoning']}[i]"
        turns = f"list_transform({turns}, lambda t, i: {{{later}}})"
    pair = f"[{{{asked}}}, {{{answered}}}]"
    said = f"list_concat({pair}, coalesce({turns}, []))" if turns else pair
    return f"CASE WHEN {response} IS NOT NULL THEN {said} END AS messages"
