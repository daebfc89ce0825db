"""Reads a run: every row with all its columns, joined over the stages, dropped rows with their reason.

Safe beside a process that is writing the run. Knows which columns exist, not how they are made.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from magpie.columns import labels_of
from magpie.errors import RunError, UserError
from magpie.runs.folder import RunFolder, StageFolder
from magpie.runs.labels import check_labels, make_types, typed
from magpie.runs.relations import open_rows_of, relation_of, settled_shards, sql_text
from magpie.runs.surviving import corpus_shards
from magpie.safe.documents import check_values, read_yaml
from magpie.safe.paths import expanded
from magpie.safe.shell import quoted

_BATCH_ROWS = 2048
_SCAN_ROWS = 32768
"""Rows of the shards that `scan` looks at together."""


@dataclass(frozen=True, slots=True)
class StageCounts:
    """What one stage did: rows made, dropped by reason, failed; and the tokens that they took."""

    stage: str
    made: int
    dropped: dict[str, int]
    failed: int
    prompt_tokens: int
    completion_tokens: int
    wasted_tokens: int
    commonest_error: str | None
    """The message that most failed rows carry."""


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

    def batches(self, *, kept: bool = True) -> Iterator[pa.RecordBatch]:
        """The rows of `table` as record batches, so that a run larger than memory can be read through."""
        yield from self.scan(f"SELECT * FROM {'kept' if kept else 'rows'} ORDER BY row")

    def scan(self, query: str) -> Iterator[pa.RecordBatch]:
        """Ask DuckDB about some shards at a time, in order: `query` is run over each part of the run by itself, so that
        memory does not grow with the run. What it says of a row must hang on that row alone.

        Example: `for batch in run.scan("SELECT row, length(response) AS n FROM kept ORDER BY row"): ...`
        """
        counting, query = self._counting(), self._with_labels(query)
        step = max(1, _SCAN_ROWS // self.shard_rows)
        for first in range(0, max(1, -(-self.size // self.shard_rows)), step):
            with self._asked(counting=counting, part=range(first, first + step)) as connection:
                for batch in connection.sql(query).to_arrow_reader(_BATCH_ROWS):
                    yield _with_texts(batch)

    def rows(self, *, kept: bool = True) -> Iterator[dict[str, Any]]:
        """The rows of `table` one by one, as dictionaries; by default the kept ones."""
        for batch in self.batches(kept=kept):
            yield from batch.to_pylist()

    def kept(self) -> int:
        """How many rows came through every stage."""
        with self._asked(checked=False) as connection:
            counted = connection.sql("SELECT count(*) FROM kept").fetchall()
        return int(counted[0][0])

    def sql(self, query: str) -> pa.Table:
        """Ask DuckDB. `rows` is every row, `kept` those that came through; each stage's own files are a view of its
        name, with its bookkeeping. Labels compare and sort in their order: `input_quality >= 'good'`. Raises `RunError`
        with DuckDB's message when the query is not valid.
        """
        with self._asked() as connection:
            found = connection.sql(self._with_labels(query)).to_arrow_table()
        return _with_texts(found)

    def _with_labels(self, query: str) -> str:
        """The query, in which labels in quotes are values of their types."""
        made = {column.name for stage in self.stages for column in stage.columns if labels_of(column.name)}
        try:
            check_labels(query, made)
        except UserError as error:
            raise RunError(f"{self.path}: {error}") from error
        return typed(query)

    def counts(self) -> list[StageCounts]:
        """What each stage did so far, counted over the files."""
        with self._asked(checked=False) as connection:
            return [self._count(connection, stage) for stage in self.stages]

    def _count(self, connection: duckdb.DuckDBPyConnection, stage: StageFolder) -> StageCounts:
        query = (
            f"SELECT error IS NOT NULL AS failed, drop_reason, count(*), sum(prompt_tokens), sum(completion_tokens), "
            f"sum(wasted_tokens), mode(error) FROM {_name(stage)} WHERE row < {self.size} GROUP BY ALL ORDER BY ALL"
        )
        groups = connection.sql(query).fetchall()
        return StageCounts(
            stage=stage.stage,
            made=sum(n for failed, _, n, *_ in groups if not failed),
            dropped={reason: n for failed, reason, n, *_ in groups if reason is not None and not failed},
            failed=sum(n for failed, _, n, *_ in groups if failed),
            prompt_tokens=sum(group[3] for group in groups),
            completion_tokens=sum(group[4] for group in groups),
            wasted_tokens=sum(group[5] for group in groups),
            commonest_error=next((group[6] for group in groups if group[0]), None),
        )

    def _counting(self) -> list[list[int]]:
        """Of each stage, the sealed shards that count as they are."""
        try:
            return [
                settled_shards(stage, self.stages[:place], self.size, self.shard_rows)
                for place, stage in enumerate(self.stages)
            ]
        except pa.ArrowException as error:
            raise self._unreadable(error) from error

    @contextmanager
    def _asked(
        self, *, checked: bool = True, counting: Sequence[Sequence[int]] | None = None, part: range | None = None
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """The run as views, spilling where the system keeps temporary files. checked: whether files are held against
        their digests first. counting: what `_counting` says, where it is known. part: of all shards, those to look at.
        """
        counting = self._counting() if counting is None else counting
        config: dict[str, str | bool | int | float | list[str]] = {
            "python_enable_replacements": False,
            "temp_directory": tempfile.gettempdir(),
        }
        try:
            with duckdb.connect(":memory:", config=config) as connection:
                make_types(connection)
                self._make_views(connection, counting, part, checked=checked)
                yield connection
        except (duckdb.Error, pa.ArrowException) as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: Exception) -> RunError:
        said = " ".join(str(error).split())
        return RunError(f"{self.path}: the query failed, or a file of the run cannot be read: {said}")

    def _make_views(
        self,
        connection: duckdb.DuckDBPyConnection,
        counting: Sequence[Sequence[int]],
        part: range | None,
        *,
        checked: bool,
    ) -> None:
        makers = {column.name for stage in self.stages for column in stage.columns}
        if not self.stages or ("response" in makers and "instruction" not in makers):
            raise RunError(
                f"{self.path}: run.json names no stage whose rows can be read; `magpie run` with --out "
                f"{quoted(str(self.path))} makes what is missing"
            )
        for place, stage in enumerate(self.stages):
            settled = counting[place] if part is None else [number for number in counting[place] if number in part]
            open_rows = open_rows_of(stage, self.stages[:place], set(counting[place]), self.shard_rows, part)
            relation = relation_of(connection, stage, settled, open_rows, checked)
            connection.execute(f"CREATE VIEW {_name(stage)} AS {relation}")
        connection.execute(f"CREATE VIEW rows AS {_rows_query(self)}")
        last, alive = _name(self.stages[-1]), "drop_reason IS NULL AND error IS NULL"
        connection.execute(f"CREATE VIEW kept AS SELECT * FROM rows SEMI JOIN {last} USING (row) WHERE {alive}")


def open_run(path: str | Path) -> Run:
    """The run in a folder. Raises `RunError` when the folder is no run, or one that a newer magpie made."""
    return Run(expanded(path))


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
    columns = [f"{_name(maker)}.{column}" for column, maker in makers.items()]
    for column, maker in makers.items():
        earlier = [s for s in run.stages if s is not maker and column in {c.name for c in s.columns}]
        columns += [f"{_name(earlier[0])}.{column} AS original_{column}"] if earlier else []
    tokens = [f'{_name(s)}.completion_tokens AS "{s.stage}_tokens"' for s in run.stages if s.kind == "row"]
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
    made = {column.name: f"{_name(stage)}.{column.name}" for stage in run.stages for column in stage.columns}
    if "response" not in made:
        return "NULL::STRUCT(role VARCHAR, content VARCHAR)[] AS messages"
    instruction, response = made["instruction"], made["response"]
    pair = f"[{{'role': 'user', 'content': {instruction}}}, {{'role': 'assistant', 'content': {response}}}]"
    said = f"list_concat({pair}, coalesce({made['turns']}, []))" if "turns" in made else pair
    return f"CASE WHEN {response} IS NOT NULL THEN {said} END AS messages"
