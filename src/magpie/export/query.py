"""From a format to the SQL that gives its records, in row order, and to the rows that have to come first in JSON lines.

`datasets` and other readers take the types of a JSON file from its first ten megabytes. A key that has nothing in it
there, a null or an empty list, gets the type of nothing, and the first value after that is refused. So a row that has
something under such a key is written first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa

from magpie.errors import UserError
from magpie.export.options import Options
from magpie.export.shapes import SHAPES, Fields, Given, Shape, finite, shape_of, sharegpt, struct
from magpie.export.trainers import TRAINERS, Trainer
from magpie.runs import Run, sql_text

COLUMNS = "parquet"
"""The format that holds every column as it is."""
_HIDDEN = ("drop_reason", "dropped_by", "error")
"""Columns that say why a row was dropped: of a kept row they say nothing."""
_GROUP_BYTES = 32 << 20
_LATE = ("history", "chosen_reward", "rejected_reward")
"""Keys of formats that may have nothing in them in some rows."""


@dataclass(frozen=True)
class Records:
    """The records of a run's kept rows in a format."""

    run: Run
    form: str
    options: Options

    @cached_property
    def schema(self) -> pa.Schema:
        """Of the kept rows."""
        return self.run.schema

    @cached_property
    def given(self) -> Given:
        return Given(frozenset(self.schema.names), self.options, _turn_reasoning(self.schema.field("messages").type))

    @property
    def shape(self) -> Shape | Trainer:
        return TRAINERS[self.form] if self.form in TRAINERS else shape_of(self.form)

    @cached_property
    def fields(self) -> list[Fields]:
        """The keys of the records of a row, with the columns that are asked for beside them; of the format that holds
        every column, none. Raises `UserError`."""
        if self.form == COLUMNS:
            return [{}]
        records = self.shape.records(self.given)
        return [{**record, **self._beside(record)} for record in records]

    def _beside(self, record: Fields) -> Fields:
        for name in self.options.columns:
            if name not in self.schema.names:
                there = ", ".join(sorted(set(self.schema.names) - set(_HIDDEN)))
                raise UserError(f"--columns {name}: the run has no such column; there are {there}")
            if name in record:
                raise UserError(f"--columns {name}: {self.form} has a key of that name already: leave it out")
        return {name: _as_json(name, self.schema.field(name).type) for name in self.options.columns}

    def documents(self, where: str = "true") -> str:
        """SQL for `id` and `document`, a struct, of each record, in row order; `where` is a further clause."""
        structs = [struct(record) for record in self.fields]
        document = structs[0] if len(structs) == 1 else f"unnest([{', '.join(structs)}])"
        rows = f"(SELECT * FROM kept WHERE {there(self.form)} AND {where} ORDER BY row)"
        return f"SELECT id, {document} AS document FROM {rows}"

    def lines(self) -> Iterator[pa.RecordBatch]:
        """`id`, and `line`, the record as JSON, of each record."""
        rows = self._first_rows()
        first = ", ".join(map(str, rows))
        if first:
            shards = {row // self.run.shard_rows for row in rows}
            yield from self.run.sql(_as_lines(self.documents(f"row IN ({first})")), shards=shards).to_batches()
        yield from self.run.scan(_as_lines(self.documents(f"row NOT IN ({first})" if first else "true")))

    def documents_of_rows(self, where: str = "true") -> Iterator[dict[str, Any]]:
        """The records one by one, as dictionaries; `where` is a further clause."""
        for batch in self.run.scan(self.documents(where)):
            yield from batch.column("document").to_pylist()

    def tables(self) -> Iterator[pa.Table]:
        """The records as columns, with `row_id`, the id of each record's row, in front."""
        names = ", ".join(f"document[{sql_text(name)}] AS {_name(name)}" for name in self.fields[0])
        return _grouped(self.run.scan(f"SELECT id AS row_id, {names} FROM ({self.documents()})"))

    def columns(self) -> Iterator[pa.Table]:
        """Every column of a kept row but those that say why a row was dropped, `conversations` beside `messages`, and,
        unless asked for, no vectors; with `row_id` in front."""
        hidden = {*_HIDDEN, *(() if self.options.embeddings else ("embedding",))}
        names = [_name(name) for name in self.schema.names if name not in hidden]
        at = names.index(_name("messages")) + 1
        names[at:at] = [f"{sharegpt('messages')} AS conversations"]
        return _grouped(self.run.scan(f"SELECT id AS row_id, {', '.join(names)} FROM kept ORDER BY row"))

    def _first_rows(self) -> list[int]:
        """The rows that are written first, so that every key has something in it in the first records."""
        late = [name for name in self.fields[0] if name in (*_LATE, *self.options.columns)]
        if not late:
            return []
        values = ", ".join(f"{self.fields[0][name]} AS {_name(name)}" for name in late)
        rows = f"(SELECT row, {values} FROM kept WHERE {there(self.form)})"
        types = self.run.sql(f"SELECT * FROM {rows} LIMIT 0", shards=()).schema
        has = [has for name in late for has in _has(_name(name), types.field(name).type)]
        firsts = ", ".join(f"min(row) FILTER ({condition}) AS f{n}" for n, condition in enumerate(has))
        parts = [
            part for b in self.run.scan(f"SELECT min(row) AS first, {firsts} FROM {rows}") for part in b.to_pylist()
        ]
        found = {name: min((p[name] for p in parts if p[name] is not None), default=None) for name in parts[0]}
        first = found.pop("first")
        return sorted({row for row in found.values() if row is not None} - {first})


def needed(form: str) -> tuple[str, ...]:
    """The columns of a run without which there is nothing to write."""
    shape = TRAINERS[form].shape if form in TRAINERS else form
    if shape == COLUMNS:
        return ()
    if shape not in SHAPES:
        return shape_of(shape).needs
    return ("chosen", "rejected") if "chosen" in SHAPES[shape].needs else ("response",)


def there(form: str) -> str:
    """What holds of rows that have what a format shows, as SQL."""
    return " AND ".join(f"{column} IS NOT NULL" for column in needed(form)) or "true"


def _as_lines(documents: str) -> str:
    return f"SELECT id, to_json(document)::VARCHAR AS line FROM ({documents})"


def _grouped(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The batches as tables of about `_GROUP_BYTES`, each of which becomes a row group; one table where there are no
    rows."""
    held: list[pa.RecordBatch] = []
    size, given = 0, False
    for batch in batches:
        held.append(batch)
        size += batch.nbytes
        if size >= _GROUP_BYTES:
            yield pa.Table.from_batches(held)
            held, size, given = [], 0, True
    if held or not given:
        yield pa.Table.from_batches(held)


def _turn_reasoning(messages: pa.DataType) -> str | None:
    fields: Mapping[str, pa.DataType] = {field.name: field.type for field in messages.value_type}
    return next((name for name in ("reasoning_content", "reasoning") if name in fields), None)


def _as_json(column: str, kind: pa.DataType) -> str:
    """A column as JSON can hold it, as SQL."""
    name = _name(column)
    if pa.types.is_floating(kind):
        return finite(name)
    if pa.types.is_list(kind) and pa.types.is_floating(kind.value_type):
        return f"list_transform({name}, lambda number: {finite('number')})"
    return name


def _has(value: str, kind: pa.DataType, depth: int = 0) -> Sequence[str]:
    """SQL conditions under each of which one part of a value is there: a number, a text, an element of a list."""
    if pa.types.is_list(kind):
        element = f"e{depth}"
        parts = _has(element, kind.value_type, depth + 1)
        return [f"len(list_filter({value}, lambda {element}: {part})) > 0" for part in parts]
    if pa.types.is_struct(kind):
        return [part for field in kind for part in _has(f"{value}.{_name(field.name)}", field.type, depth)]
    return [f"{value} IS NOT NULL"]


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'
