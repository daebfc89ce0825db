"""Makes what a table stage or a corpus stage lacks: no engine, no journal; whole shards at a time.

Knows rows and files; what is computed is the stage's business, and when, the executor's.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from magpie.columns import BOOKKEEPING
from magpie.errors import StageBug
from magpie.executors.corpus import StreamedCorpus
from magpie.executors.inputs import Inputs
from magpie.executors.work import Counts, count_wanted, open_shard
from magpie.runs import OpenShard, arrow_schema, make_folder, storage, write_sealed
from magpie.seams import CorpusStage, TableStage


class TableWork:
    """What a table stage has yet to make in a run."""

    def __init__(self, stage: TableStage, inputs: Inputs) -> None:
        self.stage = stage
        self.inputs = inputs
        self.counts = Counts(wanted=count_wanted(inputs))
        self._lacking = self._shards()
        self._next = next(self._lacking, None)

    @property
    def nothing_missing(self) -> bool:
        return self._next is None

    def make(self, between: Callable[[], None]) -> None:
        """Make every shard that lacks rows; `between` is called after each, and may raise to stop."""
        with self.stage.open() as compute:
            while (shard := self._next) is not None:
                shard.complete(self._made(shard, compute))
                self._next = next(self._lacking, None)
                between()

    def _made(self, shard: OpenShard, compute: Callable[[pa.Table], pa.Table]) -> pa.Table:
        given = self.inputs.table(shard.files.number)
        given = given.filter(pc.is_in(given.column("row"), value_set=pa.array(sorted(shard.missing), pa.int64())))
        made = _filled(self.stage, given.column("row"), compute(given))
        tried = [shard.attempts(row) + 1 for row in given.column("row").to_pylist()]
        failed = pc.is_valid(made.column("error"))
        attempts = pc.if_else(failed, pa.array(tried, pa.int32()), pa.scalar(0, pa.int32()))
        made = made.set_column(made.schema.get_field_index("attempts"), "attempts", attempts)
        digests = pa.array([shard.digest(row) for row in given.column("row").to_pylist()], pa.int64())
        made = made.set_column(made.schema.get_field_index("input_digest"), "input_digest", digests)
        _count(self.counts, made)
        return made

    def _shards(self) -> Iterator[OpenShard]:
        for number in self.inputs.shards:
            if self.inputs.is_whole(number):
                self.counts.reused += self.inputs.wanted_set(number).bit_count()
                continue
            shard = open_shard(self.inputs, number)
            self.counts.reused += len(shard.inputs) - len(shard.missing)
            if shard.missing:
                yield shard
            else:
                shard.seal()


class CorpusWork:
    """What a stage over all rows has yet to make in a run: everything, or nothing."""

    def __init__(self, stage: CorpusStage, inputs: Inputs) -> None:
        self.stage = stage
        self.inputs = inputs
        self.counts = Counts(wanted=count_wanted(inputs))
        self.digest = inputs.corpus_digest()
        found = {n: inputs.folder.shard(n).made_from() for n in inputs.folder.shards()}
        needed = [n for n in inputs.shards if inputs.wanted_set(n)]
        self.nothing_missing = all(found.get(n) == self.digest for n in needed)
        if self.nothing_missing:
            self.counts.reused = self.counts.wanted

    def make(self, between: Callable[[], None]) -> None:
        """Make all of it; `between` is called now and then, and may raise to stop: what was made is then made again."""
        scratch = self.inputs.folder.scratch
        _remove(scratch)
        make_folder(scratch)
        try:
            corpus = StreamedCorpus(self.inputs, self.counts.wanted, scratch, between)
            for number, table in self._by_shard(self.stage.make(corpus)):
                write_sealed(self.inputs.folder.shard(number), table, self.digest)
                between()
            self.counts.report = corpus.reported
        finally:
            _remove(scratch)

    def _by_shard(self, tables: Iterator[pa.Table]) -> Iterator[tuple[int, pa.Table]]:
        """What the stage gives, cut to shards; raises `StageBug` where it is not the rows of the corpus."""
        rest = _Rest(tables)
        for number in self.inputs.shards:
            wanted = self.inputs.wanted(number)
            if len(wanted):
                made = _filled(self.stage, wanted, rest.take(len(wanted)))
                _count(self.counts, made)
                yield number, made
        rest.check_end()


class _Rest:
    """Tables of any sizes, to be taken from in other sizes."""

    def __init__(self, tables: Iterator[pa.Table]) -> None:
        self.tables = tables
        self.held: pa.Table | None = None

    def take(self, count: int) -> pa.Table:
        while self.held is None or self.held.num_rows < count:
            more = next(self.tables, None)
            if more is None:
                break
            self.held = more if self.held is None else pa.concat_tables([self.held, more])
        held = pa.table({}) if self.held is None else self.held
        self.held = held.slice(count)
        return held.slice(0, count)

    def check_end(self) -> None:
        held = [] if self.held is None else [self.held]
        for table in chain(held, self.tables):
            if table.num_rows:
                raise StageBug(table.column("row")[0].as_py(), ValueError("the stage gave more rows than it was given"))


def _filled(stage: TableStage | CorpusStage, rows: pa.ChunkedArray | pa.Array, made: pa.Table) -> pa.Table:
    """What a stage made of `rows`, as its file has it: its columns, and the bookkeeping. Raises `StageBug`."""
    expected = rows.to_pylist()
    found = made.column("row").to_pylist() if "row" in made.schema.names else []
    if found != expected:
        at = next((a for a, b in zip(expected, found, strict=False) if a != b), expected[0])
        raise StageBug(
            at, ValueError(f"stage {stage.name} gave {len(found)} rows, other than the {len(expected)} given")
        )
    missing = [column.name for column in stage.writes if column.name not in made.schema.names]
    if missing:
        raise StageBug(expected[0], ValueError(f"stage {stage.name} gave no {missing[0]}"))
    schema = arrow_schema(stage.writes)
    numbers = {"attempts", "prompt_tokens", "completion_tokens", "wasted_tokens", "input_digest"}
    absent = {
        column.name: pa.array([0 if column.name in numbers else None] * len(expected), schema.field(column.name).type)
        for column in BOOKKEEPING
        if column.name not in made.schema.names
    }
    columns = {name: absent[name] if name in absent else made.column(name) for name in schema.names}
    return pa.table(columns).cast(schema)


def _count(counts: Counts, made: pa.Table) -> None:
    failed = pc.sum(pc.is_valid(made.column("error"))).as_py() or 0
    counts.failed += failed
    counts.made += made.num_rows - failed
    for found in pc.value_counts(made.filter(pc.is_null(made.column("error"))).column("drop_reason")).to_pylist():
        if found["values"] is not None:
            counts.dropped[found["values"]] = counts.dropped.get(found["values"], 0) + found["counts"]


def _remove(folder: Path) -> None:
    with storage(folder):
        if folder.exists():
            shutil.rmtree(folder)
