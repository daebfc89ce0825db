"""What a row stage of a run has yet to make, shard by shard, and where what is made goes.

The fill rule, applied: the rows that survived upstream, minus the rows that are done, in the ranges of this worker.
Knows rows and files; no engine and no clock.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from magpie.executors.claims import Claims, LeaseLost, Seal
from magpie.executors.inputs import Inputs
from magpie.executors.team import Team
from magpie.runner import Done, Event, Failed, Said, Talk
from magpie.runs import OpenShard
from magpie.runs.ranges import Lease
from magpie.runs.shards import MOST_ATTEMPTS, content_digest
from magpie.seams import Drop, Stage

log = logging.getLogger(__name__)

OPEN_SHARDS = 4
"""The most shards open at once, unless together they hold too few rows to keep the engines busy."""

SUSPECT_DEATHS = 2
"""Deaths of an engine after which a row that it held is worked on alone."""

OPEN_FILES = 64
"""The most journals that stay open between two polls; beyond, each write opens and closes its own."""


@dataclass(slots=True)
class Counts:
    """Counts of a stage's finished rows: for a progress line, and for `run.json`."""

    wanted: int = 0
    reused: int = 0
    made: int = 0
    failed: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    wasted_tokens: int = 0
    seconds: float = 0.0
    """From the stage's first request in this session on; loading a model is not in it."""
    report: dict[str, Any] = field(default_factory=dict)
    """What a stage over all rows says of how it went."""


class StageWork:
    """One stage's open work in one run, as one worker has it."""

    def __init__(self, stage: Stage, inputs: Inputs, team: Team) -> None:
        self.stage = stage
        self.inputs = inputs
        self.team = team
        self._columns = [column.name for column in stage.writes]
        self.counts = Counts(wanted=count_wanted(inputs))
        self.claims = Claims(team, inputs, inputs.shards, self._is_whole, self._span)
        self._counted: set[int] = set()
        """Shards whose rows from before are in `counts`."""
        self._leases: dict[int, list[Lease]] = {}
        """What this worker has, by shard."""
        self._start()

    def _start(self) -> None:
        self.open: dict[int, OpenShard] = {}
        self._lease_of: dict[int, Lease] = {}
        """Rows that have not ended, each with the lease it is under."""
        self._backlog: deque[int] = deque()
        """Rows that were not begun."""
        self._live = 0
        """How many rows were begun and have not ended."""
        self._suspects: list[int] = []
        self.alone: int | None = None
        """The row that is worked on alone just now, since engines died with it."""

    def _span(self, number: int) -> tuple[int, int]:
        span = self.inputs.span(number)
        return span.start, min(span.stop, self.inputs.size)

    def _is_whole(self, number: int) -> bool:
        whole = self.inputs.is_whole(number)
        if whole:
            self._count_reused(number, self.inputs.wanted_set(number).bit_count())
        return whole

    def finished(self) -> bool:
        """Whether the stage is done, by whomever."""
        return self.claims.finished()

    def look(self, least: int = 1) -> bool:
        """Whether this worker has rows to work on; takes some where it has none."""
        return bool(self._backlog or self._suspects) or self._claim(least)

    def begin_again(self) -> None:
        """Look once more at what is missing of this worker's rows, after an engine died: what was made, and counted,
        stays. What failed in a range that has not ended is missing again."""
        self.close()
        self._start()
        for number, leases in list(self._leases.items()):
            self._leases[number] = []
            for lease in leases:
                self.counts.failed -= lease.failed
                lease.failed = 0
                self._begin(lease, retry=True)
                if not lease.left:
                    self._finish(lease)

    # -- rows to work on ----------------------------------------------------------------------------------------------

    def talks(self, keep_busy: Callable[[], int]) -> Iterator[Talk | None]:
        """A talk for each row that this worker can claim, in order; None while the limit of open shards is reached, or
        while other workers hold all rows that are left. It ends when none of this worker's rows is in flight any more.

        `keep_busy`: how many open rows the engines need at the moment; shards with few pending rows are opened until
        there are as many.
        """
        while True:
            if self._backlog:
                row = self._backlog.popleft()
                self._live += 1
                yield self._talk(row, self._shard(row))
            elif self._may_open(keep_busy()) and self._claim(max(1, keep_busy() // 8)):
                continue
            elif self._live:
                yield None
            elif self._suspects:
                yield from self._alone(self._suspects.pop(0))
            else:
                return

    def _may_open(self, keep_busy: int) -> bool:
        return len(self.open) < OPEN_SHARDS or len(self._lease_of) < keep_busy

    def _alone(self, row: int) -> Iterator[Talk | None]:
        self.alone = row
        self._live += 1
        yield self._talk(row, self._shard(row))
        while self._live:
            yield None
        self.alone = None

    def _talk(self, row: int, shard: OpenShard) -> Talk:
        return Talk(row, self.stage.ask(shard.inputs[row]), shard.said.get(row, {}))

    def _shard(self, row: int) -> OpenShard:
        return self.open[row // self.inputs.shard_rows]

    def _claim(self, least: int) -> bool:
        """Take rows until there are some to work on. False: others have all that is left, or nothing is."""
        while (taken := self.claims.next(least)) is not None:
            if isinstance(taken, Seal):
                self._seal(taken.number)
                continue
            self._begin(taken)
            if taken.left:
                return True
            self._finish(taken)
        return False

    def _begin(self, lease: Lease, *, retry: bool = False) -> None:
        """Open the shard of a range, and see which of its rows are missing. retry: also those that failed just now.
        What failed with another worker, before the range came here, does not fail twice in one round."""
        number, held = lease.number, lease.held
        if number in self.open and not lease.fresh:
            self.open.pop(number).close()  # others may have written of these rows since
        if number not in self.open:
            self.open[number] = open_shard(self.inputs, number, self.team.owner)
        shard = self.open[number]
        self._count_reused(number, len(shard.inputs) - len(shard.missing))
        failed = set() if lease.fresh or retry else shard.failed_just_now()
        rows = sorted(row for row in shard.missing - failed if held.first <= row < held.stop)
        lease.left = len(rows)
        self._leases.setdefault(number, []).append(lease)
        self._lease_of.update(dict.fromkeys(rows, lease))
        suspects = {row for row in rows if shard.deaths.get(row, 0) >= SUSPECT_DEATHS}
        self._suspects += sorted(suspects)
        self._backlog.extend(row for row in rows if row not in suspects)

    # -- rows that ended ----------------------------------------------------------------------------------------------

    def take(self, events: Sequence[Event]) -> None:
        """Write down what happened; seal the shards that are complete."""
        touched = set()
        for event in events:
            lease = self._lease_of.get(event.row)
            if lease is None:  # another worker has the row by now
                self._live -= not isinstance(event, Said)
                continue
            shard = self.open[lease.number]
            touched.add(lease.number)
            if isinstance(event, Said):
                shard.note(event.row, event.n, event.request, event.completion)
            else:
                shard.record(self._made(shard, event))
                lease.failed += isinstance(event, Failed)
                self._end(event.row, lease)
        for number in touched:
            self.open[number].flush()
            for lease in [lease for lease in self._leases[number] if not lease.left]:
                self._finish(lease)
            if number in self.open and len(self.open) > OPEN_FILES:
                self.open[number].journal.close()
        for shard in self.open.values():
            shard.journal.tick()

    def _end(self, row: int, lease: Lease) -> None:
        lease.left -= 1
        del self._lease_of[row]
        self._live -= 1

    def _finish(self, lease: Lease) -> None:
        """All rows of a range have ended."""
        number = lease.number
        self._leases[number].remove(lease)
        shard, (first, stop) = self.open[number], self._span(number)
        if (lease.held.first, lease.held.stop) != (first, stop):
            shard.flush()
            shard.journal.sync()  # the one who seals may be on another machine
        try:
            seal = self.claims.finish(lease)
        except LeaseLost:
            log.warning("%s: rows %d to %d went to another worker", shard.files.parquet, lease.held.first, stop)
            return
        if seal is not None:
            self._seal(number)
        elif not self._leases[number] and len(self.open) > 1:
            self.open.pop(number).close()

    def _seal(self, number: int) -> None:
        """Write a shard's file from what all of its workers wrote down."""
        shard = self.open.pop(number, None)
        if shard is None or not self.claims.made_alone(number) or shard.others_came():
            if shard is not None:
                shard.close()
            shard = open_shard(self.inputs, number, self.team.owner)
            self._count_reused(number, len(shard.inputs) - len(shard.missing))
            if lacking := shard.untried():
                shard.close()
                self.claims.reopen(number, lacking)
                return
        try:
            shard.seal(partial(self.claims.check_sealer, number))
        except LeaseLost:
            log.warning("%s: another worker seals it", shard.files.parquet)
            shard.close()
        else:
            self.claims.sealed(number, content_digest(shard.files))

    # -- others -------------------------------------------------------------------------------------------------------

    def share(self) -> None:
        """Give half of the rows that were not begun to others, where some of them have none."""
        if len(self._backlog) < 2 or not self.team.others_wait():
            return
        waiting = [row for row in self._backlog if self._lease_of[row] is self._lease_of[self._backlog[-1]]]
        if len(waiting) < 2:
            return
        stop = waiting[(len(waiting) + 1) // 2]
        lease = self._lease_of[stop]
        try:
            self.claims.give_back(lease, stop)
        except LeaseLost:
            self._drop(lease)
            return
        gone = {row for row in waiting if row >= stop}
        self._backlog = deque(row for row in self._backlog if row not in gone)
        lease.left -= len(gone)
        for row in gone:
            del self._lease_of[row]

    def check_leases(self) -> None:
        """Drop what others took while this worker stood still."""
        for lease in [lease for leases in self._leases.values() for lease in leases]:
            if not self.claims.still_has(lease):
                self._drop(lease)

    def _drop(self, lease: Lease) -> None:
        self._leases[lease.number].remove(lease)
        self._lease_of = {row: its for row, its in self._lease_of.items() if its is not lease}
        self._backlog = deque(row for row in self._backlog if row in self._lease_of)
        self._suspects = [row for row in self._suspects if row in self._lease_of]
        log.warning("rows %d to %d went to another worker", lease.held.first, lease.held.stop - 1)

    def close(self) -> None:
        """Leave every open shard with its journal, for another time."""
        with ExitStack() as closing_all:
            for shard in self.open.values():
                closing_all.callback(shard.close)
            self.open = {}

    def release(self) -> None:
        """Leave the rows that this worker has to others."""
        for lease in [lease for leases in self._leases.values() for lease in leases]:
            self.claims.release(lease)
        self._leases = {}

    # -- engines that died --------------------------------------------------------------------------------------------

    def blame(self, rows: Sequence[int], why: str) -> None:
        """Note that an engine died with these rows in its hands. One that was alone with it is the row's failure: it is
        left alone until it is asked for again."""
        for row in rows:
            if (lease := self._lease_of.get(row)) is None:
                continue
            shard = self._shard(row)
            shard.note_death(row)
            if row == self.alone:
                shard.record(self._failed_for_good(row, shard, why))
                self.counts.failed += 1
                self._end(row, lease)
            shard.flush()
        self.alone = None

    def _failed_for_good(self, row: int, shard: OpenShard, why: str) -> dict[str, Any]:
        columns = {column.name: None for column in self.stage.writes}
        error = f"the engine died {shard.deaths[row]} times with this row, the last time with it alone: {why}"
        tokens = {"prompt_tokens": 0, "completion_tokens": 0, "wasted_tokens": 0}
        given_up = {"drop_reason": None, "error": error, "attempts": MOST_ATTEMPTS}
        return {"row": row, **columns, **given_up, **tokens, "input_digest": shard.digest(row)}

    def _made(self, shard: OpenShard, event: Done | Failed) -> dict[str, Any]:
        """The row as the stage's file has it."""
        columns: Mapping[str, Any] = {}
        reason = error = None
        if isinstance(event, Failed):
            error = event.error
        elif isinstance(event.outcome, Drop):
            reason, columns = event.outcome.reason, event.outcome.columns
        else:
            columns = event.outcome
        self._count(event, reason)
        usage = event.usage
        made: dict[str, Any] = {"row": event.row}
        for name in self._columns:
            made[name] = columns.get(name)
        made["drop_reason"] = reason
        made["error"] = error
        made["attempts"] = 0 if error is None else shard.attempts(event.row) + 1
        made["prompt_tokens"] = usage.prompt_tokens
        made["completion_tokens"] = usage.completion_tokens
        made["wasted_tokens"] = usage.wasted_tokens
        made["input_digest"] = shard.digest(event.row)
        return made

    def _count(self, event: Done | Failed, reason: str | None) -> None:
        counts = self.counts
        counts.prompt_tokens += event.usage.prompt_tokens
        counts.completion_tokens += event.usage.completion_tokens
        counts.wasted_tokens += event.usage.wasted_tokens
        if isinstance(event, Failed):
            counts.failed += 1
            return
        counts.made += 1
        if reason is not None:
            counts.dropped[reason] = counts.dropped.get(reason, 0) + 1

    def _count_reused(self, number: int, rows: int) -> None:
        """Add a shard's rows from before, once."""
        if number not in self._counted:
            self._counted.add(number)
            self.counts.reused += rows


def count_wanted(inputs: Inputs) -> int:
    """How many rows a stage is to make."""
    return sum(inputs.wanted_set(number).bit_count() for number in inputs.shards)


def open_shard(inputs: Inputs, number: int, owner: str) -> OpenShard:
    """A shard with the rows that are wanted of it, as `owner` writes it. Raises `RunError` when it was cut to another
    size."""
    given = {row["row"]: row for row in inputs.table(number).to_pylist()}
    folder = inputs.folder
    read = inputs.read_digest(number)
    files = folder.shard(number)
    shard = OpenShard(files, folder.columns, given, folder.reads, read, inputs.retry_failed, owner)
    shard.check_span(inputs.span(number))
    return shard
