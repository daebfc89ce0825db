"""What reaches a stage: the rows of each shard that no stage above dropped or failed to make, and what is read of them.

Knows files and columns; knows no stage's work and no engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from magpie.runs import StageFolder
from magpie.runs.surviving import corpus_digest, shard_numbers, surviving, surviving_set
from magpie.runs.tally import shifted


@dataclass(frozen=True, slots=True)
class Inputs:
    """The input of one stage of a run."""

    folder: StageFolder
    above: Sequence[StageFolder]
    """The folders of the stages before, in order."""
    size: int
    shard_rows: int
    retry_failed: bool = False
    """Whether rows that were tried as often as may be are tried again."""

    @property
    def shards(self) -> range:
        return shard_numbers(self.size, self.shard_rows)

    def span(self, number: int) -> range:
        """The rows that a shard has room for."""
        return range(number * self.shard_rows, (number + 1) * self.shard_rows)

    def wanted(self, number: int) -> pa.Array:
        """The rows of a shard that every stage above made and none dropped, in order."""
        return surviving(self.above, number, self.size, self.shard_rows)

    def wanted_set(self, number: int) -> int:
        """The same as a set of rows from the shard's first row on, see `magpie.runs.tally`."""
        return surviving_set(self.above, number, self.size, self.shard_rows)

    def is_whole(self, number: int) -> bool:
        """Whether a shard has no pending rows, judged by footers alone: its sealed file holds exactly the wanted rows,
        all made from their current input. Any other shard has to be opened."""
        files, wanted, span = self.folder.shard(number), self.wanted_set(number), self.span(number)
        if files.journals():
            return False
        tally = files.tally()
        if tally is None:
            return not wanted
        if tally.failed or tally.first < span.start or tally.end > span.stop:
            return False
        if shifted(tally.rows, tally.first - span.start) != wanted:
            return False
        return files.made_from() == self.read_digest(number)

    def table(self, number: int) -> pa.Table:
        """`row` and the columns that the stage reads, of the wanted rows of a shard, in order."""
        for stage in self.above:
            stage.shard(number).check()  # also where only its dropped rows count
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
        return corpus_digest(self.folder, self.above, self.size, self.shard_rows)
