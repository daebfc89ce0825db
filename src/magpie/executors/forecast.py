"""How fast a session is, what it has paid, and how long a run will take, as far as its stages have been measured.

Knows counts and the figures of earlier sessions; reads no clock and no file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from magpie.executors.work import Counts
from magpie.runner import Event, Said


@dataclass(slots=True)
class Paid:
    """Tokens of the answers that came in, when they come in: rows that are not finished yet have theirs in it, and
    answers that were there from an earlier session have not."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    """Sampled, those past a stop included."""

    def add(self, events: Iterable[Event]) -> None:
        for event in events:
            if isinstance(event, Said):
                self.prompt_tokens += event.completion.prompt_tokens
                self.completion_tokens += event.completion.completion_tokens + event.completion.wasted_tokens


@dataclass(frozen=True, slots=True)
class Left:
    """How long it will take from now on."""

    stage: float | None = None
    """Seconds of the stage; None without a measured row."""
    run: float | None = None
    """Seconds of this stage and of the measured stages after it; None where this one is not measured."""
    unmeasured: tuple[str, ...] = ()
    """Stages after it that have not been measured in this run: their time is not in `run`."""


@dataclass(slots=True)
class _Measured:
    """What the earlier sessions say of a stage."""

    rows: int = 0
    seconds: float = 0.0
    made: int = 0
    dropped: int = 0


@dataclass(slots=True)
class Forecast:
    """What is known of the stages of a run from its earlier sessions.

    Example: `Forecast.of(index["sessions"], {"respond": False}).left(counts, ["respond"])`.
    """

    whole: Mapping[str, bool]
    """The stages that are worked on, in order, and whether each is made whole when its input changes."""
    known: dict[str, _Measured] = field(default_factory=dict)

    @classmethod
    def of(cls, sessions: Sequence[Mapping[str, Any]], whole: Mapping[str, bool]) -> Forecast:
        """From the sessions of `run.json`."""
        forecast = cls(whole)
        for session in sessions:
            for name, counts in session["stages"].items():
                one = forecast.known.setdefault(name, _Measured())
                made, failed = int(counts.get("made", 0)), int(counts.get("failed", 0))
                one.rows += made + failed
                one.seconds += float(counts.get("seconds", 0.0))
                one.made += made
                one.dropped += sum(counts.get("dropped", {}).values())
        return forecast

    def left(self, name: str, counts: Counts) -> Left:
        """How long the stage `name` and those after it will take, at what its rows took so far."""
        done = counts.made + counts.failed
        before = self.known.get(name, _Measured())
        rows, seconds = (done, counts.seconds) if done else (before.rows, before.seconds)
        pending = max(0, counts.wanted - counts.reused - done)
        if not rows and pending:
            return Left()
        stage = pending * seconds / rows if rows else 0.0
        made, dropped = (counts.made, sum(counts.dropped.values())) if counts.made else (before.made, before.dropped)
        run, unmeasured = stage, []
        surviving = counts.wanted * (1 - dropped / made if made else 1.0)
        names = list(self.whole)
        for later in names[names.index(name) + 1 :]:
            known = self.known.get(later)
            if known is None or not known.rows:
                unmeasured.append(later)
                continue
            todo = surviving if self.whole[later] else max(0.0, surviving - known.made)
            run += todo * known.seconds / known.rows
            surviving *= 1 - known.dropped / known.made if known.made else 1.0
        return Left(stage, run, tuple(unmeasured))
