"""Shows how the workers of a run get on, for a process that has them make its rows and makes none itself.

Knows workers' files and counts; no row.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from magpie.executors.limits import Spending
from magpie.executors.making import Progress, Watch
from magpie.executors.placing import Placing
from magpie.executors.ray import run_on_ray
from magpie.executors.session import Session
from magpie.executors.stopping import Stopped, stop_on_signal
from magpie.executors.team import Team
from magpie.executors.work import Counts
from magpie.plan.plan import Plan
from magpie.runs.workers import read_workers

LOOK_SECONDS = 2.0


def supervise(plan: Plan, session: Session, team: Team, watch: Watch, placed: Placing, spending: Spending) -> None:
    """Have Ray's actors make a run that is prepared, and show how it goes. Raises `Stopped` and `LimitReached`: the
    actors then end with the connection."""
    looked = 0.0
    with stop_on_signal() as stopping:

        def between() -> None:
            nonlocal looked
            if stopping():
                raise Stopped
            spending.check()
            if time.monotonic() - looked >= LOOK_SECONDS:
                looked = time.monotonic()
                _show(plan, session, team, watch)

        run_on_ray(plan, team.run, placed, watch, between)


def _show(plan: Plan, session: Session, team: Team, watch: Watch) -> None:
    """Report the progress of the workers' current stage."""
    found = counts_of(team.run, team.owner)
    at = [planned for planned in plan.stages if planned.name in found]
    if not at:
        return
    planned, counts = at[-1], found[at[-1].name]
    session.tick(planned.name, counts)
    watch(Progress(planned.name, planned.position, len(plan.stages), counts, ended=False))


def counts_of(run: Path, owner: str) -> dict[str, Counts]:
    """The results of all current workers together, by stage. owner: a worker that is left out."""
    found: dict[str, Counts] = {}
    for worker in read_workers(run):
        if worker.owner == owner:
            continue
        for name, plain in worker.session["stages"].items():
            _add(found.setdefault(name, Counts()), plain)
    return found


_NUMBERS = [field.name for field in fields(Counts) if field.type in ("int", int)]


def _add(total: Counts, plain: Mapping[str, Any]) -> None:
    for name in _NUMBERS:
        value = plain.get(name, 0)
        if name in ("wanted", "reused"):  # of the whole stage, as each worker sees it
            setattr(total, name, max(getattr(total, name), value) if name == "wanted" else 0)
        else:
            setattr(total, name, getattr(total, name) + value)
    total.seconds = max(total.seconds, float(plain.get("seconds", 0.0)))
    for reason, count in plain.get("dropped", {}).items():
        total.dropped[reason] = total.dropped.get(reason, 0) + count
