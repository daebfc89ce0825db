"""What reaches a stage: the rows of each shard that no stage above dropped or failed to make, and what is read of them.

Knows files and columns; knows no stage's work and no engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from magpie.runs import ShardFiles, StageFolder

_REMEMBERED = 4096
"""Shards whose living rows are kept in mind, since every later stage asks for them: 32 KiB each at 4,096 rows."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """The input of one stage of a run."""

    folder: StageFolder
    above: Sequence[StageFolder]
    """The folders of the stages before, in order."""
    size: int
    shard_rows: int

    @property
    def shards(self) -> range:
        return range(-(-self.size // self.shard_rows))

    def span(self, number: int) -> range:
        """The rows that a shard has room for."""
        return range(number * self.shard_rows, (number + 1) * self.shard_rows)

    def wanted(self, number: int) -> pa.Array:
        """The rows of a shard that every stage above made and none dropped, in order."""
        span = self.span(number)
        rows = pa.array(range(span.start, min(span.stop, self.size)), pa.int64())
        return reduce(_those_in, (alive(stage.shard(number)) for stage in self.above), rows)

    def table(self, number: int) -> pa.Table:
        """`row` and the columns that the stage reads, of the wanted rows of a shard, in order."""
        wanted = self.wanted(number)
        given = {"row": wanted}
        for maker, columns in self.folder.makers(self.above):
            sealed = maker.shard(number).sealed(["row", *columns])
            if sealed is not None:
                sealed = sealed.filter(pc.is_in(sealed.column("row"), value_set=wanted))
                given.update({name: sealed.column(name) for name in columns})
        order = [name for name in ("row", *self.folder.reads) if name in given]
        return pa.table({name: given[name] for name in order})

    def tables(self) -> Iterator[pa.Table]:
        """`table` of every shard that has any."""
        return (table for number in self.shards if (table := self.table(number)).num_rows)

    def read_digest(self, number: int) -> str:
        return self.folder.read_digest(self.above, number)

    def corpus_digest(self) -> str:
        return self.folder.corpus_digest(self.above, self.size)


def alive(files: ShardFiles) -> pa.Array:
    """The rows of a sealed shard that go on: neither dropped nor failed."""
    try:
        found = files.parquet.stat()
    except FileNotFoundError:
        return pa.array([], pa.int64())
    return _alive(files.parquet, files.number, (found.st_ino, found.st_mtime_ns, found.st_size))


@lru_cache(_REMEMBERED)
def _alive(parquet: Path, number: int, version: tuple[int, int, int]) -> pa.Array:  # noqa: ARG001 (names the file)
    table = ShardFiles(parquet.parent, number).sealed(["row", "drop_reason", "error"])
    assert table is not None, "a file was there"
    goes_on = pc.and_(pc.is_null(table.column("drop_reason")), pc.is_null(table.column("error")))
    return table.filter(goes_on).column("row").combine_chunks()


def _those_in(rows: pa.Array, others: pa.Array) -> pa.Array:
    return rows.filter(pc.is_in(rows, value_set=others))
