"""What a row stage of a run has yet to make, shard by shard, and where what is made goes.

The fill rule, applied: rows alive above, minus rows made. Knows rows and files; no engine and no clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from magpie.executors.inputs import Inputs
from magpie.runner import Done, Event, Failed, Said, Talk
from magpie.runs import OpenShard
from magpie.runs.shards import MOST_ATTEMPTS
from magpie.seams import Drop, Stage

OPEN_SHARDS = 4
"""The most shards open at once, unless together they hold too few rows to keep the engines busy."""

SUSPECT_DEATHS = 2
"""Deaths of an engine after which a row that it held is worked on alone."""

OPEN_FILES = 64
"""The most journals that stay open between two polls; beyond, each write opens and closes its own."""


@dataclass(slots=True)
class Counts:
    """What a stage has come to, as rows end: for a progress line, and for `run.json`."""

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
    """One stage's open work in one run."""

    def __init__(self, stage: Stage, inputs: Inputs) -> None:
        self.stage = stage
        self.inputs = inputs
        self._columns = [column.name for column in stage.writes]
        self.open: dict[int, OpenShard] = {}
        self._blamed = 0
        """Rows that failed since engines died with them alone."""
        self._counted = 0
        """Shards whose rows from before are in `counts`."""
        self.counts = Counts(wanted=count_wanted(inputs))
        self._look()

    def _look(self) -> None:
        self._suspects: list[int] = []
        self.alone: int | None = None
        """The row that is worked on alone just now, since engines died with it."""
        self._lacking = self._shards()
        self._ahead = next(self._lacking, None)

    def begin_again(self) -> None:
        """Look once more at what is missing, after an engine died: what was made, and counted, stays. What failed is
        missing again."""
        self.close()
        self.counts.failed = self._blamed
        self._look()

    @property
    def nothing_missing(self) -> bool:
        return self._ahead is None and not self.open

    def talks(self, keep_busy: Callable[[], int]) -> Iterator[Talk | None]:
        """A talk for each missing row, in order; None while as many shards are open as may be.

        `keep_busy`: how many rows the engines need open just now; shards that lack few rows are opened until there are
        as many.
        """
        while self._ahead is not None:
            rows_open = sum(len(shard.missing) for shard in self.open.values())
            if len(self.open) >= OPEN_SHARDS and rows_open >= keep_busy():
                yield None
                continue
            shard = self.open[self._ahead.files.number] = self._ahead
            self._ahead = next(self._lacking, None)
            suspects = {row for row, deaths in shard.deaths.items() if deaths >= SUSPECT_DEATHS}
            self._suspects += sorted(suspects & shard.missing)
            for row in sorted(shard.missing - suspects):
                yield self._talk(row, shard)
        while self._suspects:
            if self._missing_rows() > len(self._suspects):
                yield None
                continue
            row = self._suspects.pop(0)
            self.alone = row
            yield self._talk(row, self._shard(row))
            while self._is_missing(row):
                yield None
            self.alone = None

    def _talk(self, row: int, shard: OpenShard) -> Talk:
        return Talk(row, self.stage.ask(shard.inputs[row]), shard.said.get(row, {}))

    def _shard(self, row: int) -> OpenShard:
        return self.open[row // self.inputs.shard_rows]

    def _is_missing(self, row: int) -> bool:
        shard = self.open.get(row // self.inputs.shard_rows)
        return shard is not None and row in shard.missing

    def _missing_rows(self) -> int:
        return sum(len(shard.missing) for shard in self.open.values())

    def blame(self, rows: Sequence[int], why: str) -> None:
        """Note that an engine died with these rows in its hands. One that was alone with it is the row's failure: it is
        left alone until it is asked for again."""
        for row in rows:
            shard = self._shard(row)
            shard.note_death(row)
            if row == self.alone:
                shard.record(self._failed_for_good(row, shard, why))
                self._blamed += 1
                self.counts.failed += 1
            shard.flush()
        self.alone = None

    def _failed_for_good(self, row: int, shard: OpenShard, why: str) -> dict[str, Any]:
        columns = {column.name: None for column in self.stage.writes}
        error = f"the engine died {shard.deaths[row]} times with this row, the last time with it alone: {why}"
        tokens = {"prompt_tokens": 0, "completion_tokens": 0, "wasted_tokens": 0}
        given_up = {"drop_reason": None, "error": error, "attempts": MOST_ATTEMPTS}
        return {"row": row, **columns, **given_up, **tokens, "input_digest": shard.digest(row)}

    def take(self, events: Sequence[Event]) -> None:
        """Write down what happened; seal the shards that are complete."""
        touched = set()
        for event in events:
            shard = self.open[event.row // self.inputs.shard_rows]
            touched.add(shard.files.number)
            if isinstance(event, Said):
                shard.note(event.row, event.n, event.request, event.completion)
            else:
                shard.record(self._made(shard, event))
        for number in touched:
            shard = self.open[number]
            shard.flush()
            if not shard.missing:
                shard.seal()
                del self.open[number]
            elif len(self.open) > OPEN_FILES:
                shard.journal.close()
        for shard in self.open.values():
            shard.journal.tick()

    def close(self) -> None:
        """Leave every open shard with its journal, for another time."""
        with ExitStack() as closing_all:
            for shard in self.open.values():
                closing_all.callback(shard.close)
            self.open = {}

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
        if number >= self._counted:
            self.counts.reused += rows
            self._counted = number + 1

    def _shards(self) -> Iterator[OpenShard]:
        """The shards that lack something, in order; the others are sealed on the way."""
        for number in self.inputs.shards:
            if self.inputs.is_whole(number):
                self._count_reused(number, self.inputs.wanted_set(number).bit_count())
                continue
            shard = open_shard(self.inputs, number)
            self._count_reused(number, len(shard.inputs) - len(shard.missing))
            if shard.missing:
                yield shard
            else:
                shard.seal()


def count_wanted(inputs: Inputs) -> int:
    """How many rows a stage is to make."""
    return sum(inputs.wanted_set(number).bit_count() for number in inputs.shards)


def open_shard(inputs: Inputs, number: int) -> OpenShard:
    """A shard with the rows that are wanted of it. Raises `RunError` when it was cut to another size."""
    given = {row["row"]: row for row in inputs.table(number).to_pylist()}
    folder = inputs.folder
    read = inputs.read_digest(number)
    shard = OpenShard(folder.shard(number), folder.columns, given, folder.reads, read, inputs.retry_failed)
    shard.check_span(inputs.span(number))
    return shard
