"""One process, one machine: stage by stage, shard by shard, on the engines that the plan opens.

Knows when; what is to be made comes from `work`, how from `pipeline` and `runner`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from magpie.errors import EngineCrashed, EngineDied, ServerLost
from magpie.executors.pool import Opener, Pool
from magpie.executors.session import Session
from magpie.executors.stopping import Stopped, stop_on_signal
from magpie.executors.work import Counts, StageWork
from magpie.pipeline import Plan, PlannedStage, make_plan, open_engine
from magpie.recipes import Recipe, dump
from magpie.runner import converse
from magpie.runs import Run, RunFolder, StageFolder, open_run
from magpie.seams import Engine, derive_seed


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a stage stands. Sent at its start, after each poll, and at its end."""

    stage: str
    position: int
    stages: int
    counts: Counts
    ended: bool


Watch = Callable[[Progress | str], None]
"""Told where things stand: a `Progress`, or a line such as "loading the model"."""

Tell = Callable[..., None]


def execute(recipe: Recipe, out: Path, watch: Watch = lambda _: None) -> Run:
    """Make the run that `recipe` describes in the folder `out`, or go on with it: only what is missing is made.

    `recipe` is one that `pipeline.resolve` completed for this folder.
    Raises `UserError` for what the user can mend, `Stopped` on Ctrl-C or SIGTERM, `EngineDied` and `StageBug`; in each
    case what was made is in the run, and calling this again goes on from there.
    """
    folder = RunFolder(out)
    folder.check_usable()
    execute_plan(make_plan(recipe), folder, watch)
    return open_run(out)


def execute_plan(plan: Plan, folder: RunFolder, watch: Watch = lambda _: None, opener: Opener = open_engine) -> None:
    """Make what the plan lacks in the folder, which no other process may be working on, on the engines of `opener`."""
    with folder.locked():
        folder.write_recipe(dump(plan.recipe))
        session = Session(plan, folder)
        session.write()
        for warning in plan.warnings:
            watch(f"warning: {warning}")
        try:
            _run_stages(plan, session, watch, opener)
            session.ended = "done"
        except BaseException as error:
            session.ended = "stopped" if isinstance(error, Stopped) else type(error).__name__
            raise
        finally:
            session.write()


def _run_stages(plan: Plan, session: Session, watch: Watch, opener: Opener) -> None:
    """Every stage in order. An engine is opened when the first stage that asks it lacks something, and stays open until
    a stage needs others."""
    above: list[StageFolder] = []
    with Pool(opener, watch) as pool, stop_on_signal() as stopping:
        for planned, folder in zip(plan.stages, session.folders, strict=True):
            work = StageWork(planned.stage, folder, tuple(above), plan.recipe.size, plan.recipe.shard_rows)
            session.counts[planned.stage.name] = work.counts
            tell = partial(_tell, watch, session, planned, len(plan.stages), work)
            tell(ended=False)
            if not work.nothing_missing:
                folder.make()
                _make_restarting(plan, planned, work, pool, stopping, tell)
            tell(ended=True)
            above.append(folder)


def _make_restarting(
    plan: Plan, planned: PlannedStage, work: StageWork, pool: Pool, stopping: Callable[[], bool], tell: Tell
) -> None:
    """Make what the stage lacks; when an engine's process ends by itself, start it once more and go on.

    Raises `ServerLost` where servers are gone.
    """
    try:
        _make(plan, planned, work, pool.engines(planned.uses), stopping, tell)
    except EngineCrashed as crash:
        work.begin_again()
        if work.nothing_missing:
            return
        pool.watch(f"the engine died ({crash}); what was made is kept, starting it once more")
        pool.release(planned.uses)
        _make(plan, planned, work, pool.engines(planned.uses), stopping, tell)
    except EngineDied as death:
        if any(use.facts is not None for use in planned.uses.values()):
            raise ServerLost(f"{death}; what was made is kept, the same command goes on from there") from death
        raise


def _tell(watch: Watch, session: Session, planned: PlannedStage, stages: int, work: StageWork, *, ended: bool) -> None:
    session.tick()
    watch(Progress(planned.stage.name, planned.position, stages, work.counts, ended))


def _make(
    plan: Plan,
    planned: PlannedStage,
    work: StageWork,
    engines: Mapping[str, Engine],
    stopping: Callable[[], bool],
    tell: Tell,
) -> None:
    """Make what a stage lacks, writing each poll's events down before anything else happens."""
    began = time.monotonic() - work.counts.seconds  # those of an engine that crashed count too
    asked = {name: engines[name] for name in planned.stage.models}
    keep_busy = 2 * sum(engine.window for engine in asked.values())
    seed = partial(derive_seed, plan.recipe.seed, planned.stage.name)
    with closing(work), closing(converse(work.talks(keep_busy), asked, seed)) as polls:
        for events in polls:
            work.take(events)
            work.counts.seconds = time.monotonic() - began
            tell(ended=False)
            if stopping():
                raise Stopped
