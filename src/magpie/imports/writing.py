"""Writes imported rows into the shards of a stage as they come: each row is looked at once.

Which columns there are, and of which types the fields of `meta` are, is known at the end only. So a shard is written
with what was known when it was full, and those that know less than the last one are written again. Knows rows and
shards; no file of others.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa

from magpie.columns import BOOKKEEPING, ERROR, ROW, Column, struct_fields, struct_type
from magpie.imports.keys import Shaped
from magpie.imports.meta import Fields, column_of, refitted
from magpie.plan.registry import column_map
from magpie.runs import StageFolder, arrow_schema, arrow_type, write_sealed
from magpie.stages.imported.columns import META

Known = tuple[Column, ...]
"""The columns of a shard, `meta` with its fields."""


class Writer:
    """The shards of one import. Each row is added once, in order; `finish` makes all shards alike."""

    def __init__(
        self,
        place: StageFolder,
        shard_rows: int,
        watch: Callable[[int], None] = lambda _: None,
        wanted: Collection[int] | None = None,
    ) -> None:
        """wanted: the shards to write, by number; None for all. The rows of the others are looked at all the same."""
        self.rows = 0
        self.fields = Fields()
        self.unkept: set[str] = set()
        """Keys with values that `meta` cannot hold."""
        self._place = place
        self._shard_rows = shard_rows
        self._watch = watch
        self._wanted = wanted
        self._names = {"instruction"}
        self._batch: list[Shaped] = []
        self._shards = 0
        self._written: dict[int, Known] = {}
        """The shards that are written, each with what was known then."""
        self._waiting: dict[str, list[int]] = {}
        """An id to the rows that upstream says are like the row with it, which has not come yet."""
        self._first_of_all: set[int] = set()
        """Rows whose like came later: they are no repeats."""

    def add(self, row: Shaped) -> None:
        """Take a row; its columns' values fit their types."""
        self._note_likes(row)
        kept = {}
        for key, value in row.extra.items():
            if (found := self.fields.add(key, value)) is not None:
                kept[found[0]] = found[1]
            elif value is not None:
                self.unkept.add(key)
        row.extra = kept
        self._names.update(name for name, value in row.columns.items() if value is not None)
        self._batch.append(row)
        self.rows += 1
        if len(self._batch) == self._shard_rows:
            self._flush()

    def _note_likes(self, row: Shaped) -> None:
        """A row is a repeat where the row that it is like came before, or is not in the file at all."""
        for known in row.ids:
            self._first_of_all.update(self._waiting.pop(known, ()))
        if row.similar is not None:
            row.columns["is_repeat"] = row.similar not in row.ids
            if row.similar not in row.ids:
                self._waiting.setdefault(row.similar, []).append(self.rows)

    @property
    def written(self) -> list[int]:
        """The shards that are written, by number."""
        return sorted(self._written)

    def finish(self) -> Known:
        """Write what is left, and again every shard that lacks a column or a field; the columns of all."""
        self._flush()
        final = self._known()
        late = {row // self._shard_rows for row in self._first_of_all}
        for number, known in sorted(self._written.items()):
            if known != final or number in late:
                self._write_again(number, final)
        return final

    def _known(self) -> Known:
        types = self.fields.types()
        columns = [column for name, column in column_map().columns.items() if name in self._names]
        return (*columns, *((replace(META, type=struct_type(types)),) if types else ()))

    def _flush(self) -> None:
        if not self._batch:
            return
        number = self._shards
        self._shards += 1
        if self._wanted is None or number in self._wanted:
            self._place.make()
            known = self._written[number] = self._known()
            write_sealed(self._place.shard(number), _table(self._batch, self.rows - len(self._batch), known), "")
        self._batch = []
        self._watch(self.rows)

    def _write_again(self, number: int, final: Known) -> None:
        files = self._place.shard(number)
        before = files.sealed()
        assert before is not None, "a shard that was just written"
        schema = arrow_schema(final)
        arrays = []
        for field in schema:
            if field.name not in before.schema.names:
                arrays.append(pa.nulls(before.num_rows, field.type))
            elif field.name == META.name:
                arrays.append(refitted(before.column(field.name), self.fields.types()))
            else:
                arrays.append(before.column(field.name))
        if "is_repeat" in schema.names:
            place = schema.get_field_index("is_repeat")
            numbers = before.column("row").to_pylist()
            values = arrays[place].to_pylist()
            fixed = [False if row in self._first_of_all else value for row, value in zip(numbers, values, strict=True)]
            arrays[place] = pa.array(fixed, pa.bool_())
        write_sealed(files, pa.table(arrays, schema=schema), "")


_COUNTS = frozenset(column.name for column in BOOKKEEPING if column.type in ("int32", "int64"))


def _table(rows: list[Shaped], first: int, known: Known) -> pa.Table:
    schema = arrow_schema(known)
    count = len(rows)
    arrays: dict[str, Any] = {ROW.name: pa.array(range(first, first + count), pa.int64())}
    for column in known:
        if column.name == META.name:
            arrays[META.name] = column_of([row.extra for row in rows], _types(column))
        else:
            arrays[column.name] = pa.array([row.columns.get(column.name) for row in rows], arrow_type(column.type))
    arrays["drop_reason"] = pa.array([row.drop_reason for row in rows], pa.string())
    arrays[ERROR.name] = pa.nulls(count, pa.string())
    for field in schema:
        if field.name in _COUNTS and field.name not in arrays:
            arrays[field.name] = pa.array([0] * count, field.type)
    return pa.table([arrays[name] for name in schema.names], schema=schema)


def _types(column: Column) -> Mapping[str, str]:
    return struct_fields(column.type) or {}
