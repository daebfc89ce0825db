"""Records as bytes: JSON lines, one array, Parquet whole or in shards. Knows no run and no format.

Records come as batches of JSON texts or as tables; no Python object is made for each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from magpie.runs import whole_file

SHARD_BYTES = 256 << 20
"""Of data in a Parquet shard, before it is compressed."""


def write_lines(file: IO[bytes], texts: Iterable[pa.Array]) -> int:
    """One JSON text a line; how many there were."""
    count = 0
    for array in texts:
        file.write(_joined(array, "", "\n"))
        count += len(array)
    return count


def write_array(file: IO[bytes], texts: Iterable[pa.Array]) -> int:
    """JSON texts as one array, an element a line; how many there were."""
    count = 0
    for array in texts:
        if not len(array):
            continue
        joined = memoryview(_joined(array, ",\n", ""))
        file.write(joined if count else b"[\n")
        if not count:
            file.write(joined[2:])
        count += len(array)
    file.write(b"\n]\n" if count else b"[]\n")
    return count


def _joined(texts: pa.Array, *around: str) -> Any:
    """All texts of an array, each with what stands around it, one behind the other: so they lie in memory already."""
    before, after, nothing = (pa.scalar(text, pa.large_string()) for text in (*around, ""))
    padded = pc.binary_join_element_wise(before, texts.cast(pa.large_string()), after, nothing)
    _, offsets, data = padded.buffers()
    places = memoryview(offsets).cast("q")
    return memoryview(data)[places[padded.offset] : places[padded.offset + len(padded)]] if data is not None else b""


def write_parquet(file: IO[bytes], tables: Iterable[pa.Table]) -> int:
    """One Parquet file; how many rows it has."""
    count = 0
    with ExitStack() as opened:
        writer: pq.ParquetWriter | None = None
        for table in tables:
            if writer is None:
                writer = opened.enter_context(pq.ParquetWriter(file, table.schema, compression="zstd"))
            if table.num_rows:
                writer.write_table(table)
            count += table.num_rows
    return count


@dataclass(slots=True)
class Shards(AbstractContextManager["Shards"]):
    """One split's Parquet files, written as rows come: `data/train-00000-of-00003.parquet`, as the Hub knows them.

    with Shards(folder, "train") as shards:
        shards.add(table)
    """

    folder: Path
    split: str
    rows: int = 0
    _bytes: int = 0
    _written: list[Path] = field(default_factory=list)
    _open: ExitStack = field(default_factory=ExitStack)
    _writer: pq.ParquetWriter | None = None

    def add(self, table: pa.Table) -> None:
        """Write rows: a row group of the file that is open."""
        if not table.num_rows:
            return
        if self._writer is None:
            path = self.folder / f"{self.split}-{len(self._written):05d}.parquet"
            file = self._open.enter_context(whole_file(path))
            self._writer = self._open.enter_context(pq.ParquetWriter(file, table.schema, compression="zstd"))
            self._written.append(path)
        self._writer.write_table(table)
        self._bytes += table.nbytes
        self.rows += table.num_rows
        if self._bytes >= SHARD_BYTES:
            self._finish()

    def _finish(self) -> None:
        self._open.close()
        self._writer, self._bytes = None, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish what is open, and give the files their names, which say how many they are."""
        if error is not None:
            self._open.__exit__(kind, error, trace)
            return
        self._finish()
        total = len(self._written)
        for number, path in enumerate(self._written):
            path.rename(path.with_name(f"{self.split}-{number:05d}-of-{total:05d}.parquet"))


def write_splits(files: Mapping[str, IO[bytes]], texts: Iterable[tuple[str, pa.Array]]) -> dict[str, int]:
    """JSON lines, a file for each split; how many lines each has. texts: arrays of JSON texts, each with its split."""
    counts = dict.fromkeys(files, 0)
    for split, array in texts:
        counts[split] += write_lines(files[split], [array])
    return counts
