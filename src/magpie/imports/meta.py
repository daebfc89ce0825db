"""What a dataset has beside the columns of a run: each key becomes a typed field of the column `meta`.

A field's type is what its values have in common: whole numbers and others are `double`, lists stay lists, objects are
JSON text. Where values have nothing in common the field is text: strings as they are, the others as JSON. Knows values;
knows no file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import orjson
import pyarrow as pa

from magpie.columns import MOST_LISTS
from magpie.imports.documents import is_number
from magpie.runs import arrow_type

MOST_FIELDS = 256
_LONGEST_NAME = 200
_EXACT = 2**53
"""Whole numbers up to here are numbers of 64 bits with a point, too."""

NULL, BIG, TEXT = "null", "big", "text"
"""Kinds beside the types: no value so far; whole numbers beyond `_EXACT`; values of several kinds, or objects."""


class Fields:
    """The fields of `meta` as they are found, in the order in which they come."""

    def __init__(self) -> None:
        self.kinds: dict[str, str] = {}
        """Name to kind: a type, or `NULL`, `BIG`, `TEXT`."""
        self._names: dict[str, str] = {}
        """Key of a document to name."""
        self._taken: set[str] = set()

    def add(self, key: str, value: Any) -> tuple[str, Any] | None:
        """The field's name and the value to keep in it; None for a value that cannot be kept, or where there are too
        many fields."""
        name = self._names.get(key)
        if name is None:
            if len(self._names) >= MOST_FIELDS:
                return None
            name = self._names[key] = self._free(key)
            self.kinds[name] = NULL
        value = _plain(value)
        kind = _kind(value)
        if kind == NULL:
            return None
        if kind == TEXT and not isinstance(value, str) and (value := _json(value)) is None:
            return None
        known = self.kinds[name]
        if kind != known:
            self.kinds[name] = _common(known, kind)
        return name, value

    def _free(self, key: str) -> str:
        """A name that no other field has: DuckDB takes small and capital letters for the same."""
        plain = "".join(character if character.isprintable() else "_" for character in key[:_LONGEST_NAME]).strip()
        name = plain = plain or "unnamed"
        number = 1
        while name.lower() in self._taken:
            number += 1
            name = f"{plain}_{number}"
        self._taken.add(name.lower())
        return name

    def types(self) -> dict[str, str]:
        """Name to type of the fields that have a value."""
        found = {name: _type(kind) for name, kind in self.kinds.items()}
        return {name: kind for name, kind in found.items() if kind is not None}


def column_of(rows: Sequence[Mapping[str, Any] | None], types: Mapping[str, str]) -> pa.Array:
    """The column `meta` of some rows.

    column_of([{"source": "a"}, None], {"source": "string"})
    """
    kinds = {name: arrow_type(kind) for name, kind in types.items()}
    arrays = [
        pa.array([_fit(row.get(name), types[name]) if row else None for row in rows], kind)
        for name, kind in kinds.items()
    ]
    return pa.StructArray.from_arrays(arrays, fields=[pa.field(name, kind) for name, kind in kinds.items()])


def _plain(value: Any) -> Any:
    """A value as JSON has it; what JSON has no word for is a text or a number."""
    match value:
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Decimal():
            return float(value)
        case float() if not is_number(value):
            return None
        case list() | tuple():
            return [_plain(item) for item in value] if _depth_is_fine(value) else value
    return value


def _depth_is_fine(value: Any) -> bool:
    """Whether a list holds lists in one another only as deep as the type of a field may be."""
    level = [value]
    for _ in range(MOST_LISTS):
        level = [item for one in level for item in one if isinstance(item, list | tuple)]
    return not level


def _kind(value: Any) -> str:
    match value:
        case None:
            return NULL
        case bool():
            return "bool"
        case int():
            return "int64" if abs(value) <= _EXACT else BIG if -(2**63) <= value < 2**63 else TEXT
        case float():
            return "double"
        case str():
            return "string"
        case list() if _depth_is_fine(value):
            items = NULL
            for kind in {_kind(item) for item in value}:
                items = _common(items, kind)
            return f"list<{items}>"
    return TEXT


def _common(one: str, other: str) -> str:
    """The kind of values of both kinds."""
    if one == other or other == NULL:
        return one
    if one == NULL:
        return other
    if one.startswith("list<") and other.startswith("list<"):
        return f"list<{_common(one[5:-1], other[5:-1])}>"
    kinds = {one, other}
    if kinds == {"int64", "double"}:
        return "double"
    return BIG if kinds == {"int64", BIG} else TEXT


def _type(kind: str) -> str | None:
    if kind.startswith("list<"):
        return f"list<{_type(kind[5:-1]) or 'string'}>"
    return {NULL: None, BIG: "int64", TEXT: "string"}.get(kind, kind)


def _fit(value: Any, kind: str) -> Any:
    """A value in a field of a type that it has, or that all values of the field have in common."""
    if value is None:
        return None
    if kind == "string":
        return value if isinstance(value, str) else _json(value)
    if kind == "double":
        return float(value)
    if kind.startswith("list<"):
        return [_fit(item, kind[5:-1]) for item in value]
    return value


def _json(value: Any) -> str | None:
    try:
        return orjson.dumps(value, default=_known).decode()
    except (TypeError, orjson.JSONEncodeError):
        return str(value) if isinstance(value, int) else None


def _known(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    raise TypeError


def refitted(column: pa.ChunkedArray, types: Mapping[str, str]) -> pa.Array:
    """The column `meta` of a shard that was written when fewer rows were known."""
    return column_of(column.to_pylist(), types)
