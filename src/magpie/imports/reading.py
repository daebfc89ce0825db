"""Documents from files: JSON lines, JSON arrays and Parquet, one by one, each with where it stands.

Knows file formats; knows nothing of what a document means.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from magpie.errors import UserError

SUFFIXES = (".jsonl", ".ndjson", ".json", ".parquet")
_BATCH_ROWS = 4096


class Document(NamedTuple):
    """One object of a file."""

    place: str
    """File and line, or file and row, for messages."""
    values: dict[str, Any]


def files_of(path: Path) -> list[Path]:
    """The file, or a folder's files in order. Raises `UserError` where there are none that can be read."""
    if not path.exists():
        raise UserError(f"{path}: no such file or folder; expected {', '.join(SUFFIXES)}, or a folder of such files")
    if path.is_file():
        if path.suffix not in SUFFIXES:
            raise UserError(f"{path}: expected a file that ends in {', '.join(SUFFIXES)}")
        return [path]
    found = sorted(entry for entry in path.rglob("*") if entry.suffix in SUFFIXES and entry.is_file())
    if not found:
        raise UserError(f"{path}: holds no file that ends in {', '.join(SUFFIXES)}")
    return found


def documents(path: Path) -> Iterator[Document]:
    """Every object of a file. Raises `UserError`, with the place, for what cannot be read."""
    if path.suffix == ".parquet":
        yield from _from_parquet(path)
    elif path.suffix == ".json" and _begins_with(path) == b"[":
        yield from _from_array(path)
    else:
        yield from _from_lines(path)


def _begins_with(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")[:1]


def _from_lines(path: Path) -> Iterator[Document]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            line = line.removeprefix(b"\xef\xbb\xbf").strip()
            if line:
                yield _document(f"{path}:{number}", line)


def _document(place: str, line: bytes) -> Document:
    try:
        values = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise UserError(
            f"{place}: not JSON ({error}); expected one object a line: mend the line, or take it out"
        ) from None
    return Document(place, _as_object(place, values))


def _from_array(path: Path) -> Iterator[Document]:
    try:
        items = orjson.loads(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise UserError(f"{path}: not a JSON array ({error})") from None
    for number, item in enumerate(items):
        place = f"{path}[{number}]"
        yield Document(place, _as_object(place, item))


def _as_object(place: str, values: Any) -> dict[str, Any]:
    """A document; a bare list is the conversation itself."""
    if isinstance(values, list):
        return {"messages": values}
    if not isinstance(values, dict):
        raise UserError(f"{place}: expected an object or a list of messages, found {type(values).__name__}")
    return values


def _from_parquet(path: Path) -> Iterator[Document]:
    try:
        with pq.ParquetFile(path) as file:
            number = 0
            for batch in file.iter_batches(_BATCH_ROWS):
                for values in batch.to_pylist():
                    yield Document(f"{path} row {number}", values)
                    number += 1
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not a Parquet file that can be read ({error})") from None
