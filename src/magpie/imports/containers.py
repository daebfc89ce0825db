"""Documents from one file, whatever it is: JSON, CSV, Parquet or Arrow, also compressed.

What a file is, its first bytes say; of texts without such bytes its name. Knows file formats; knows nothing of what a
document means.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from magpie.errors import UserError
from magpie.imports.documents import Broken, Document, Read, replaced_surrogates
from magpie.imports.json_values import json_documents

JSON, CSV, TSV, PARQUET, ARROW = "json", "csv", "tsv", "parquet", "arrow"
KINDS = {
    ".jsonl": JSON,
    ".ndjson": JSON,
    ".json": JSON,
    ".csv": CSV,
    ".tsv": TSV,
    ".parquet": PARQUET,
    ".arrow": ARROW,
    ".feather": ARROW,
}
"""A file's ending, in small letters, to what it holds."""
COMPRESSED = {".gz": b"\x1f\x8b", ".zst": b"\x28\xb5\x2f\xfd", ".bz2": b"BZh", ".xz": b"\xfd7zXZ\x00"}
"""Endings of compressed files, and the bytes that they begin with."""
EXPECTED = f"{', '.join(KINDS)}, also with {', '.join(COMPRESSED)} behind it"
_MAGIC = ((b"PAR1", PARQUET), (b"ARROW1", ARROW), (b"\xff\xff\xff\xff", ARROW))
_BATCH_ROWS = 1024
_LONGEST_CELL = 1 << 28
_LONGEST_HEADER = 1000
"""Lines."""
_BOM = b"\xef\xbb\xbf"


def kind_of(path: Path) -> str | None:
    """What a file holds by its name, `.jsonl.gz` for one; None for another name.

    kind_of(Path("a/train.JSONL.gz"))  # "json"
    """
    suffixes = [suffix.lower() for suffix in path.suffixes[-2:]]
    if len(suffixes) == 2 and suffixes[1] in COMPRESSED:
        return KINDS.get(suffixes[0])
    return KINDS.get(suffixes[-1]) if suffixes else None


def documents(path: Path) -> Read:
    """Every row of a file. Raises `UserError`, with the file, for what cannot be read at all."""
    try:
        with path.open("rb") as file:
            start = file.read(64)
        found = next((kind for magic, kind in _MAGIC if start.startswith(magic)), None)
        if found == PARQUET:
            yield from _from_parquet(path)
        elif found == ARROW:
            yield from _from_arrow(path)
        else:
            yield from _from_text(path, start)
    except (pa.ArrowException, OSError, EOFError, lzma.LZMAError, zlib.error, UnicodeDecodeError) as error:
        kind = "a Parquet file" if kind_of(path) == PARQUET else "a file"
        raise UserError(f"{path}: not {kind} that can be read ({error})") from None


def _from_text(path: Path, start: bytes) -> Read:
    kind = kind_of(path)
    if kind in (PARQUET, ARROW):
        raise UserError(f"{path}: not a {'Parquet' if kind == PARQUET else 'n Arrow'} file; expected its first bytes")
    with _opened(path, start) as stream:
        if kind in (CSV, TSV):
            yield from _from_csv(stream, path, kind)
            return
        if kind is None and stream.peek(1).removeprefix(_BOM).lstrip()[:1] not in (b"{", b"["):
            raise UserError(f"{path}: expected a file that ends in {EXPECTED}")
        yield from json_documents(stream, path.name)


@contextmanager
def _opened(path: Path, start: bytes) -> Iterator[io.BufferedReader]:
    """A file's bytes, decompressed."""
    ending = next((ending for ending, magic in COMPRESSED.items() if start.startswith(magic)), None)
    opener: Any = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open, ".zst": _zstd, None: Path.open}[ending]
    with opener(path, "rb") as stream:
        yield stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(stream)


@contextmanager
def _zstd(path: Path, mode: str) -> Iterator[pa.NativeFile]:  # noqa: ARG001 (as the others are called)
    with pa.OSFile(str(path)) as file, pa.CompressedInputStream(file, "zstd") as stream:
        yield stream


# -- tables of texts ---------------------------------------------------------------------------------------------------


def _from_csv(stream: io.BufferedReader, path: Path, kind: str) -> Read:
    """A row a document; an empty cell is no value. A row with more cells than the header has is broken."""
    csv.field_size_limit(_LONGEST_CELL)
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
    try:
        yield from _table_of_texts(text, path, kind)
    finally:
        text.detach()


def _table_of_texts(text: io.TextIOWrapper, path: Path, kind: str) -> Read:
    first = _first_lines(text)
    delimiter = "\t" if kind == TSV else _delimiter("".join(first))
    # strict: a quote that is not closed where a cell ends would swallow the rows behind it, up to the next quote.
    rows = csv.reader(chain(first, text), delimiter=delimiter, strict=True)
    try:
        header = next(rows, [])
    except csv.Error as error:
        raise UserError(f"{path}: expected a first line that names each column ({error})") from None
    names = [replaced_surrogates(name.strip()) for name in header]
    if len(set(names)) < len(names) or not all(names):
        raise UserError(f"{path}: expected a first line that names each column, once; found {first[0].strip()[:200]!r}")
    while True:
        place = f"{path.name}:{rows.line_num + 1}"
        try:
            cells = next(rows, None)
        except csv.Error as error:
            yield Broken(place, f"not CSV ({error})")
            continue
        if cells is None:
            return
        if len(cells) > len(names):
            yield Broken(place, f"{len(cells)} cells, where the first line names {len(names)} columns")
        elif cells:
            values = {name: replaced_surrogates(cell) for name, cell in zip(names, cells, strict=False) if cell}
            yield Document(place, values)


def _first_lines(text: io.TextIOWrapper) -> list[str]:
    """The first line, with the lines after it that belong to a name in quotes."""
    lines = [text.readline()]
    quotes = lines[0].count('"')
    while quotes % 2 and len(lines) < _LONGEST_HEADER and (line := text.readline()):
        lines.append(line)
        quotes += line.count('"')
    return lines


def _delimiter(header: str) -> str:
    """A comma, unless the first line has none outside of quotes and another sign that tables are cut by."""
    plain = "".join(header.split('"')[::2])
    return next((sign for sign in (",", ";", "\t", "|") if sign in plain), ",")


# -- tables with types -------------------------------------------------------------------------------------------------


def _from_parquet(path: Path) -> Read:
    with pq.ParquetFile(path) as file:
        columns = [field.name for field in file.schema_arrow if not _is_binary(field.type)]
        number = 0
        for batch in file.iter_batches(_BATCH_ROWS, columns=columns):
            for values in rows_of(batch):
                yield Document(f"{path.name} row {number}", values)
                number += 1


def _from_arrow(path: Path) -> Read:
    """A stream, as `datasets` saves it, or a file."""
    with pa.memory_map(str(path)) as source:
        try:
            batches: Any = pa.ipc.open_stream(source)
        except pa.ArrowInvalid:
            source.seek(0)
            file = pa.ipc.open_file(source)
            batches = (file.get_batch(number) for number in range(file.num_record_batches))
        number = 0
        for batch in batches:
            kept = batch.select([field.name for field in batch.schema if not _is_binary(field.type)])
            for start in range(0, kept.num_rows, _BATCH_ROWS):
                for values in rows_of(kept.slice(start, _BATCH_ROWS)):
                    yield Document(f"{path.name} row {number}", values)
                    number += 1


def _is_binary(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))


def rows_of(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    """A batch's rows; null where Python has no value for what is there, such as a nanosecond or the year 12000."""
    try:
        rows: list[dict[str, Any]] = batch.to_pylist()
    except (ValueError, OverflowError, pa.ArrowException):
        columns = {
            name: [_value(item) for item in column] for name, column in zip(batch.schema.names, batch, strict=True)
        }
        rows = [{name: values[n] for name, values in columns.items()} for n in range(batch.num_rows)]
    return rows


def _value(item: pa.Scalar) -> Any:
    try:
        return item.as_py()
    except (ValueError, OverflowError, pa.ArrowException):
        return None
