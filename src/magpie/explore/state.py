"""How far a run is: the rows that each stage has done and has pending, and whether a process works on it just now.

Counts over files; prints nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from magpie.runs import Run, RunFolder, StageCounts
from magpie.runs.workers import State as WorkerState
from magpie.runs.workers import Worker, look_at


@dataclass(frozen=True, slots=True)
class StageState:
    """How far one stage is."""

    position: int
    """From 1."""
    counts: StageCounts
    wanted: int
    """Rows that it is to do, as far as is known: those that the stages upstream have done and not dropped."""

    @property
    def done(self) -> int:
        """Rows that it made or dropped, and those that failed."""
        return self.counts.made + self.counts.failed

    @property
    def pending(self) -> int:
        return max(0, self.wanted - self.done)


@dataclass(frozen=True, slots=True)
class State:
    """How far a run is."""

    stages: tuple[StageState, ...]
    working: bool
    """Whether a process works on the run."""
    workers: tuple[tuple[Worker, WorkerState], ...] = ()
    """Those that have not left, each with whether it lives."""

    @property
    def current(self) -> StageState | None:
        """The first stage with rows pending; None for a run that is complete."""
        return next((each for each in self.stages if each.pending), None)


def state_of(run: Run) -> State:
    """The progress of a run, counted now.

    Example: `state_of(open_run("runs/mini")).current` is None once every stage has done its rows.
    """
    wanted, found = run.size, []
    for position, counts in enumerate(run.counts(), 1):
        found.append(StageState(position, counts, wanted))
        wanted = counts.made - sum(counts.dropped.values())
    workers = tuple(look_at(run.path))
    working = RunFolder(run.path).is_locked() or any(state == "working" for _, state in workers)
    return State(tuple(found), working, workers)
