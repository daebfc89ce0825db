"""Reads a run: every row with all its columns, joined over the stages, dropped rows with their reason.

Safe beside a process that is writing the run. Knows which columns exist, not how they are made.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from magpie.columns import Column, outdated
from magpie.errors import RunError
from magpie.runs.folder import RunFolder, StageFolder
from magpie.runs.in_force import InForce, StageCounts, count_kept, count_stage, in_force
from magpie.runs.shards import arrow_schema
from magpie.runs.surviving import corpus_shards
from magpie.safe.documents import check_values, read_yaml
from magpie.safe.paths import expanded
from magpie.safe.shell import quoted

_BATCH_ROWS = 1024
_GLOB = re.compile(r"([*?\[])")
"""What DuckDB would take as a pattern in a path."""


@dataclass(frozen=True, repr=False)
class Run:
    """A run on disk, finished or not."""

    path: Path

    def __post_init__(self) -> None:
        _ = self.info

    @cached_property
    def info(self) -> dict[str, Any]:
        """`run.json`: versions, seeds, the index of the stages, what each session took."""
        return RunFolder(self.path).index()

    @property
    def name(self) -> str:
        return str(self.info["name"])

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r}, size={self.size}, kept={self.kept()})"

    @property
    def size(self) -> int:
        """How many rows the run is to have."""
        return int(self.info["size"])

    @property
    def shard_rows(self) -> int:
        """Rows in a file."""
        return int(self.info["shard_rows"])

    def stale(self) -> dict[str, str]:
        """Stages that were made from what is no longer so, each with what has changed; their rows count all the same."""
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

    def table(self, *, kept: bool = False) -> pa.Table:
        """The rows, ordered by `row`: `id`, `row`, every stage's columns, `messages`, `drop_reason`, `dropped_by`,
        `error`, and the completion tokens of each stage as `<stage>_tokens`.

        All rows made so far, dropped ones and failed ones too; with `kept=True` those that came through every stage.
        """
        return self.sql(f"SELECT * FROM {'kept' if kept else 'rows'} ORDER BY row")

    def batches(self, *, kept: bool = True, columns: Sequence[str] = ()) -> Iterator[pa.RecordBatch]:
        """The rows of `table` as record batches, so that a run larger than memory can be read through; only these
        `columns`, where some are named."""
        with self._asked() as connection:
            names = ", ".join('"' + name.replace('"', '""') + '"' for name in columns)
            query = f"SELECT {names or '*'} FROM {'kept' if kept else 'rows'} ORDER BY row"
            yield from connection.sql(query).to_arrow_reader(_BATCH_ROWS)

    def rows(self, *, kept: bool = True) -> Iterator[dict[str, Any]]:
        """The rows of `table` one by one, as dictionaries; by default the kept ones."""
        for batch in self.batches(kept=kept):
            yield from batch.to_pylist()

    def kept(self) -> int:
        """How many rows came through every stage."""
        with self._readable():
            return count_kept([self._in_force(stage) for stage in self.stages], self.size, self.shard_rows)

    def sql(self, query: str) -> pa.Table:
        """Ask DuckDB. `rows` is every row, `kept` those that came through; each stage's own files are a view of its
        name, with its bookkeeping. Raises `RunError` with DuckDB's message when the query is not valid.
        """
        with self._asked() as connection:
            return connection.sql(query).to_arrow_table()

    def counts(self) -> list[StageCounts]:
        """What each stage did so far, counted over the files."""
        with self._readable():
            return [count_stage(self._in_force(stage), self.size) for stage in self.stages]

    def _in_force(self, stage: StageFolder) -> InForce:
        return in_force(stage, self.stages[: self.stages.index(stage)], self.size, self.shard_rows)

    @contextmanager
    def connected(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection to DuckDB with the views of `sql`, for several questions to the same files.

        with run.connected() as connection:
            connection.execute("SELECT count(*) FROM kept").fetchall()
        """
        with self._asked() as connection:
            yield connection

    @contextmanager
    def _readable(self) -> Iterator[None]:
        self._check_stages()
        try:
            yield
        except (pa.ArrowException, KeyError, TypeError, ValueError) as error:
            said = " ".join(str(error).split())
            raise RunError(f"{self.path}: a file of the run cannot be read: {said}") from error

    def _check_stages(self) -> None:
        makers = {column.name for stage in self.stages for column in stage.columns}
        if not self.stages or ("response" in makers and "instruction" not in makers):
            raise RunError(
                f"{self.path}: run.json names no stage whose rows can be read; `magpie run` with --out "
                f"{quoted(str(self.path))} makes what is missing"
            )

    @contextmanager
    def _asked(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The run as views, its files held against their digests first; spilling where the system keeps temporary files."""
        config: dict[str, str | bool | int | float | list[str]] = {
            "python_enable_replacements": False,
            "temp_directory": tempfile.gettempdir(),
        }
        try:
            with duckdb.connect(":memory:", config=config) as connection:
                self._make_views(connection)
                yield connection
        except (duckdb.Error, pa.ArrowException) as error:
            said = " ".join(str(error).split())
            raise RunError(f"{self.path}: the query failed, or a file of the run cannot be read: {said}") from error

    def _make_views(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._check_stages()
        for stage in self.stages:
            relation = _relation(connection, self._in_force(stage))
            connection.execute(f"CREATE VIEW {_name(stage)} AS {relation}")
        connection.execute(f"CREATE VIEW rows AS {_rows_query(self)}")
        last, alive = _name(self.stages[-1]), "drop_reason IS NULL AND error IS NULL"
        connection.execute(f"CREATE VIEW kept AS SELECT * FROM rows SEMI JOIN {last} USING (row) WHERE {alive}")


def open_run(path: str | Path) -> Run:
    """The run in a folder. Raises `RunError` when the folder is no run, or one that a newer magpie made."""
    return Run(expanded(path))


def _name(stage: StageFolder) -> str:
    return f'"{stage.stage}"'


def _relation(connection: duckdb.DuckDBPyConnection, rows: InForce) -> str:
    """A query for a stage's rows: settled shards are scanned where they lie."""
    stage, others = rows.stage, list(rows.others.values())
    journal = pa.concat_tables(others) if others else arrow_schema(stage.columns).empty_table()
    open_rows = f"{stage.stage}_open"
    connection.register(open_rows, journal.replace_schema_metadata(None))
    settled = [stage.shard(number) for number in sorted(rows.settled)]
    for files in settled:
        files.check()
    if not settled:
        return f'SELECT * FROM "{open_rows}"'
    paths = ", ".join(_quoted(_GLOB.sub(r"[\1]", str(files.parquet))) for files in settled)
    scan = f"read_parquet([{paths}], hive_partitioning=false)"
    return f'SELECT * FROM {scan} UNION ALL BY NAME SELECT * FROM "{open_rows}"'


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _rows_query(run: Run) -> str:
    first, *later = [_name(stage) for stage in run.stages]
    names = [first, *later]
    makers = {c.name: s for s in run.stages for c in s.columns}  # where two make a column, the later one counts
    no_more = set(outdated({column: maker.stage for column, maker in makers.items()}))
    columns = [f"{_name(maker)}.{column}" for column, maker in makers.items() if column not in no_more]
    columns += [f"{_name(makers[column])}.{column} AS original_{column}" for column in makers if column in no_more]
    for column, maker in makers.items():
        earlier = [s for s in run.stages if s is not maker and column in {c.name for c in s.columns}]
        columns += [f"{_name(earlier[0])}.{column} AS original_{column}"] if earlier else []
    tokens = [f'{_name(s)}.completion_tokens AS "{s.stage}_tokens"' for s in run.stages if s.kind == "row"]
    drops = ", ".join(f"{name}.drop_reason" for name in names)
    errors = ", ".join(f"{name}.error" for name in names)
    dropped_by = " ".join(f"WHEN {_name(s)}.drop_reason IS NOT NULL THEN '{s.stage}'" for s in run.stages)
    joins = " ".join(f"LEFT JOIN {name} ON {name}.row = {first}.row" for name in later)
    fields = [
        f"printf({_quoted(run.name.replace('%', '%%') + '-%08d')}, {first}.row) AS id",
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
    if "turn_reasoning" in made:  # then each message says what was thought before it
        asked += ", 'reasoning': NULL::VARCHAR"
        answered += f", 'reasoning': {made.get('reasoning', 'NULL::VARCHAR')}"
        later = f"'role': t.role, 'content': t.content, 'reasoning': {made['turn_reasoning']}[i]"
        turns = f"list_transform({turns}, lambda t, i: {{{later}}})"
    pair = f"[{{{asked}}}, {{{answered}}}]"
    said = f"list_concat({pair}, coalesce({turns}, []))" if turns else pair
    return f"CASE WHEN {response} IS NOT NULL THEN {said} END AS messages"
