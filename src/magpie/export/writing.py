"""Documents and columns as bytes: JSON lines, one array, Parquet whole or in shards. Knows no run and no format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from magpie.runs import whole_file

SHARD_BYTES = 256 << 20
"""Of data in a Parquet shard, before it is compressed."""
_TABLE_ROWS = 1024

Document = Mapping[str, Any]


def write_json(file: IO[bytes], documents: Iterable[Document], *, array: bool) -> int:
    """One object a line, or one array; how many there were."""
    before, between, after = (b"[\n", b",\n", b"\n]\n") if array else (b"", b"\n", b"\n")
    count = 0
    for document in documents:
        file.write(between if count else before)
        file.write(orjson.dumps(document))
        count += 1
    file.write(after if count else b"[]\n" if array else b"")
    return count


def write_parquet(file: IO[bytes], tables: Iterable[pa.Table]) -> int:
    """One Parquet file; how many rows it has."""
    count = 0
    with ExitStack() as opened:
        writer: pq.ParquetWriter | None = None
        for table in tables:
            if writer is None:
                writer = opened.enter_context(pq.ParquetWriter(file, table.schema, compression="zstd"))
            writer.write_table(table)
            count += table.num_rows
    return count


def as_tables(documents: Iterable[tuple[str, Document]], schema: pa.Schema) -> Iterator[tuple[str, pa.Table]]:
    """Documents, each with its split, in tables of one split each."""
    held: dict[str, list[Document]] = {}
    for split, document in documents:
        batch = held.setdefault(split, [])
        batch.append(document)
        if len(batch) >= _TABLE_ROWS:
            yield split, pa.Table.from_pylist(held.pop(split), schema=schema)
    for split, batch in held.items():
        yield split, pa.Table.from_pylist(batch, schema=schema)


@dataclass(slots=True)
class Shards:
    """One split's Parquet files, written as rows come: `data/train-00000-of-00003.parquet`, as the Hub knows them."""

    folder: Path
    split: str
    rows: int = 0
    _tables: list[pa.Table] = field(default_factory=list)
    _bytes: int = 0
    _written: list[Path] = field(default_factory=list)

    def add(self, table: pa.Table) -> None:
        if not table.num_rows:
            return
        self._tables.append(table)
        self._bytes += table.nbytes
        self.rows += table.num_rows
        if self._bytes >= SHARD_BYTES:
            self._write()

    def _write(self) -> None:
        path = self.folder / f"{self.split}-{len(self._written):05d}.parquet"
        with whole_file(path) as file:
            write_parquet(file, self._tables)
        self._written.append(path)
        self._tables, self._bytes = [], 0

    def close(self) -> None:
        """Write what is left, and give the files their names, which say how many they are."""
        if self._tables:
            self._write()
        total = len(self._written)
        for number, path in enumerate(self._written):
            path.rename(path.with_name(f"{self.split}-{number:05d}-of-{total:05d}.parquet"))


def write_lines(folder: Path, splits: Sequence[str], documents: Iterable[tuple[str, Document]]) -> dict[str, int]:
    """JSON lines, a file for each split: `train.jsonl`; how many lines each has. `documents`: each with its split."""
    counts = dict.fromkeys(splits, 0)
    with ExitStack() as opened:
        files = {split: opened.enter_context(whole_file(folder / f"{split}.jsonl")) for split in splits}
        for split, document in documents:
            files[split].write(orjson.dumps(document) + b"\n")
            counts[split] += 1
    return counts
