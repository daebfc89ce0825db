"""Makes what a table stage or a corpus stage lacks: no engine, no journal; whole shards at a time.

Knows rows and files; what is computed is the stage's business, and when, the executor's.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

import magpie.runs.workers as limits
from magpie.columns import BOOKKEEPING
from magpie.errors import StageBug
from magpie.executors.claims import Claims, LeaseLost, Seal
from magpie.executors.corpus import StreamedCorpus
from magpie.executors.inputs import Inputs
from magpie.executors.team import StageLeases, Team
from magpie.executors.work import Counts, count_wanted, open_shard
from magpie.runs import OpenShard, arrow_schema, make_folder, storage, write_sealed
from magpie.runs.ranges import Held, Lease, ShardLeases
from magpie.runs.shards import content_digest
from magpie.seams import CorpusStage, TableStage

log = logging.getLogger(__name__)


class TableWork:
    """What a table stage has yet to make in a run; whole shards are this worker's or another's."""

    def __init__(self, stage: TableStage, inputs: Inputs, team: Team) -> None:
        self.stage = stage
        self.inputs = inputs
        self.team = team
        self.counts = Counts(wanted=count_wanted(inputs))
        self.claims = Claims(team, inputs, inputs.shards, self._is_whole, self._span)
        self._next: tuple[Lease, OpenShard] | None = None

    def finished(self) -> bool:
        return self.claims.finished()

    def look(self) -> bool:
        """Whether this worker has a shard to make; takes one where it has none."""
        while self._next is None and (taken := self.claims.next(None)) is not None:
            if isinstance(taken, Seal):
                self.claims.reopen(taken.number, set(range(*self._span(taken.number))))  # whoever had it left it open
                continue
            shard = open_shard(self.inputs, taken.number, self.team.owner)
            self.counts.reused += len(shard.inputs) - len(shard.missing)
            self._next = taken, shard
            if not shard.missing:
                self._put(shard.seal)
        return self._next is not None

    def make(self, between: Callable[[], None]) -> None:
        """Make shards as long as there are some to take; `between` is called after each, and may raise to stop."""
        with self.stage.open() as compute:
            while self.look():
                assert self._next is not None, "there is one to make"
                shard = self._next[1]
                made = self._made(shard, compute)
                self._put(partial(shard.complete, made))
                _count(self.counts, made)
                between()

    def release(self) -> None:
        """Leave the shard that this worker has to others."""
        if self._next is not None:
            self.claims.release(self._next[0])
            self._next = None

    def _put(self, write: Callable[[], None]) -> None:
        """Write the sealed file, unless another worker has the shard by now."""
        assert self._next is not None, "there is one to write"
        (lease, shard), self._next = self._next, None
        with suppress(LeaseLost):
            if self.claims.finish(lease) is not None:
                self.claims.check_sealer(lease.number)
                write()
                self.claims.sealed(lease.number, content_digest(shard.files))

    def _is_whole(self, number: int) -> bool:
        whole = self.inputs.is_whole(number)
        if whole:
            self.counts.reused += self.inputs.wanted_set(number).bit_count()
        return whole

    def _span(self, number: int) -> tuple[int, int]:
        span = self.inputs.span(number)
        return span.start, min(span.stop, self.inputs.size)

    def _made(self, shard: OpenShard, compute: Callable[[pa.Table], pa.Table]) -> pa.Table:
        given = self.inputs.table(shard.files.number)
        given = given.filter(pc.is_in(given.column("row"), value_set=pa.array(sorted(shard.missing), pa.int64())))
        made = _filled(self.stage, given.column("row"), compute(given))
        tried = [shard.attempts(row) + 1 for row in given.column("row").to_pylist()]
        failed = pc.is_valid(made.column("error"))
        attempts = pc.if_else(failed, pa.array(tried, pa.int32()), pa.scalar(0, pa.int32()))
        made = made.set_column(made.schema.get_field_index("attempts"), "attempts", attempts)
        digests = pa.array([shard.digest(row) for row in given.column("row").to_pylist()], pa.int64())
        return made.set_column(made.schema.get_field_index("input_digest"), "input_digest", digests)


class CorpusWork:
    """What a stage over all rows has yet to make in a run: everything, or nothing. One worker makes it."""

    def __init__(self, stage: CorpusStage, inputs: Inputs, team: Team) -> None:
        self.stage = stage
        self.inputs = inputs
        self.team = team
        self.counts = Counts(wanted=count_wanted(inputs))
        self.digest = inputs.corpus_digest()
        self.leases = StageLeases(team, inputs.folder.path.name)
        self._held: Held | None = None
        self._unseen: float | None = None
        if self._is_there():
            self.counts.reused = self.counts.wanted

    def _is_there(self) -> bool:
        found = {n: self.inputs.folder.shard(n).made_from() for n in self.inputs.folder.shards()}
        needed = [n for n in self.inputs.shards if self.inputs.wanted_set(n)]
        return all(found.get(n) == self.digest for n in needed)

    def finished(self) -> bool:
        return self._held is None and self._is_there()

    def look(self) -> bool:
        """Whether this worker is to make it."""
        owner, got = self.team.owner, list[Held]()

        def take(leases: ShardLeases) -> ShardLeases | None:
            got.clear()
            held = leases.held[0] if leases.held else None
            if held is None and leases.sealed == self.digest and not self._waited():
                return None  # it was made, and a shared folder may show that late
            if held is None:  # also where it was made, and is stale by now
                changed, mine = ShardLeases(leases.round, leases.epoch).claim(0, 1, owner)
            elif held.owner == owner or self.team.watcher.is_lost(held.owner):
                changed, mine = leases.take(held, owner)
            else:
                return None
            got.append(mine)
            return changed

        if self._held is None:
            self.leases.change(0, take)
            self._held = got[0] if got else None
        return self._held is not None

    def _waited(self) -> bool:
        if self._unseen is None:
            self._unseen = self.team.clock()
        return self.team.clock() - self._unseen > limits.LOST_SECONDS

    def _sealed(self) -> None:
        """Say that it is made."""
        held, self._held = self._held, None
        digest = self.digest
        self.leases.change(
            0, lambda leases: leases.finish(held).sealed_as(digest) if held and leases.has(held) else None
        )

    def release(self) -> None:
        """Leave it to others."""
        if (held := self._held) is not None:
            self._held = None
            self.leases.change(0, lambda leases: leases.release(held) if leases.has(held) else None)

    def make(self, between: Callable[[], None]) -> None:
        """Make all of it; `between` is called now and then, and may raise to stop: what was made is then made again."""

        def check() -> None:
            if self.team.heart.was_away() and not (self._held and self.leases.holds(0, self._held)):
                raise LeaseLost(self.stage.name)
            between()

        scratch = self.inputs.folder.scratch
        _remove(scratch)
        make_folder(scratch)
        try:
            corpus = StreamedCorpus(self.inputs, self.counts.wanted, scratch, check)
            for number, table in self._by_shard(self.stage.make(corpus)):
                write_sealed(self.inputs.folder.shard(number), table, self.digest)
                check()
            self.counts.report = corpus.reported
        except LeaseLost:
            self._held = None
            log.warning("%s: another worker makes it", self.stage.name)
        finally:
            _remove(scratch)
        self._sealed()

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
    """The stage's result for `rows`, as in its file: its columns, and the bookkeeping. Raises `StageBug`."""
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
