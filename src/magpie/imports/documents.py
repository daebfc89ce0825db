"""What readers of files hand on: documents, and rows that could not be read. Knows no file format and no shape."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

MOST_DEPTH = 64
"""Lists and objects in one another; a value that is deeper is not kept."""
_SURROGATE = re.compile("[\ud800-\udfff]")


class Document(NamedTuple):
    """One row of a dataset."""

    place: str
    """File and line, or file and row, for messages."""
    values: Mapping[str, Any]
    instruction: str | None = None
    """The result of the user's template for the row: the instruction, whatever other keys the row has."""


class Broken(NamedTuple):
    """A row that is no document: it stays in the run, dropped with the reason."""

    place: str
    reason: str
    ends: bool = False
    """Whether nothing after it in the file can be read."""


Read = Iterator[Document | Broken]


def replaced_surrogates(value: Any, depth: int = 0) -> Any:
    """A value in which every half of a surrogate pair is U+FFFD, since no file of a run can hold one: Python writes
    such halves, and bytes that are not UTF-8 are read as such.

    replaced_surrogates({"a": "\ud800"})  # {"a": "\ufffd"}
    """
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if depth > MOST_DEPTH:
        return None
    if isinstance(value, list):
        return [replaced_surrogates(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {replaced_surrogates(str(key)): replaced_surrogates(item, depth + 1) for key, item in value.items()}
    return value


def is_number(value: Any) -> bool:
    """Whether a value is a finite number: neither a truth value nor NaN.

    is_number(3)  # True
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(value, int) or math.isfinite(value)
