"""One process, one machine: stage by stage, shard by shard, on the engines that the plan opens.

Knows when; what is to be made comes from `work`, how from `pipeline` and `runner`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from magpie.errors import EngineCrashed, EngineDied, ServerLost
from magpie.executors.computing import CorpusWork, TableWork
from magpie.executors.forecast import Forecast, Left, Paid
from magpie.executors.inputs import Inputs
from magpie.executors.limits import NO_LIMITS, Limits, Spending
from magpie.executors.pool import Opener, Pool
from magpie.executors.session import WARNING, Session
from magpie.executors.stopping import Stopped, stop_on_signal
from magpie.executors.work import Counts, StageWork
from magpie.log import logger
from magpie.models.engines import open_engine
from magpie.plan.load import dump
from magpie.plan.plan import Plan, PlannedStage, make_plan
from magpie.plan.recipe import Recipe
from magpie.plan.resolve import own_recipe
from magpie.plan.upgrade import UNDECIDED, Choice, Reconciled, reconcile
from magpie.runner import converse
from magpie.runs import Run, RunFolder, StageFolder, open_run
from magpie.runs.surviving import restamp_legacy
from magpie.safe.redaction import redact
from magpie.seams import AnyStage, CorpusStage, Engine, Stage, TableStage, derive_seed

_log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a stage stands. Sent at its start, after each poll, and at its end."""

    stage: str
    position: int
    stages: int
    counts: Counts
    ended: bool
    paid: Paid = field(default_factory=Paid)
    """Tokens of the stage's answers in this session, unfinished rows included."""
    left: Left = field(default_factory=Left)
    """How long the stage and the run will take."""


Watch = Callable[[Progress | str], None]
"""Told where things stand: a `Progress`, or a line such as "loading the model"."""


def execute(
    recipe: Recipe,
    out: Path,
    watch: Watch = lambda _: None,
    only: Sequence[str] | None = None,
    choice: Choice = UNDECIDED,
    retry_failed: bool = False,
    limits: Limits = NO_LIMITS,
) -> Run:
    """Make the run that `recipe` describes in the folder `out`, or go on with it: only what is missing is made.

    `recipe` is one that `magpie.plan.resolve` completed for this folder. `only` names the stages to work on; the others
    are left as they are. `choice`: what to do where the package has come to resolve a stage otherwise. `retry_failed`:
    try rows again that could not be made at three tries. limits: what this call may spend.
    Raises `UserError` for what the user can mend, `Stopped` on Ctrl-C or SIGTERM, `LimitReached`, `EngineDied` and
    `StageBug`; in each case what was made is in the run, and calling this again resumes it.
    """
    folder = RunFolder(out)
    folder.check_usable()
    reconciled = reconcile_with(make_plan(recipe), folder, choice, only)
    execute_plan(
        reconciled.plan,
        folder,
        watch,
        only=only,
        kept=reconciled.kept,
        stale=reconciled.stale,
        retry_failed=retry_failed,
        limits=limits,
    )
    return open_run(out)


def reconcile_with(
    plan: Plan, folder: RunFolder, choice: Choice = UNDECIDED, only: Sequence[str] | None = None
) -> Reconciled:
    """A plan held against the run in a folder, as `reconcile` does; as it is where there is none."""
    index = folder.known_index()
    if index is None:
        return Reconciled(plan, {}, {})
    return reconcile(plan, index, lambda: own_recipe(folder.path, plan.recipe), choice, only)


def execute_plan(
    plan: Plan,
    folder: RunFolder,
    watch: Watch = lambda _: None,
    opener: Opener = open_engine,
    only: Sequence[str] | None = None,
    kept: Mapping[str, str] | None = None,
    stale: Mapping[str, str] | None = None,
    retry_failed: bool = False,
    limits: Limits = NO_LIMITS,
) -> None:
    """Make what the plan lacks in the folder, which no other process may be working on, on the engines of `opener`.

    only: the stages to work on. kept, stale: what `reconcile` said of the others.
    """
    with folder.locked():
        if folder.known_index() is not None:
            before = open_run(folder.path)
            restamp_legacy(before.stages, before.size, before.shard_rows)
        elif folder.is_run():
            watch(
                "warning: run.json was broken: it is rebuilt from recipe.yaml and the stages' folders; what it said of "
                "earlier sessions is lost"
            )
        folder.write_recipe(dump(plan.recipe))
        session = Session(plan, folder, only, kept, stale)
        session.write()
        watch = session.warn_once(watch)
        for warning in plan.warnings:
            watch(f"{WARNING}{redact(warning)}")
        try:
            spending = Spending(limits)
            spending.check()
            _run_stages(plan, session, watch, opener, only, spending, retry_failed=retry_failed)
            session.ended = "done"
        except BaseException as error:
            session.ended_by(error)
            raise
        finally:
            session.write()


def _run_stages(
    plan: Plan,
    session: Session,
    watch: Watch,
    opener: Opener,
    only: Sequence[str] | None,
    spending: Spending,
    *,
    retry_failed: bool,
) -> None:
    """Every stage in order. An engine is opened when the first stage that asks it lacks something, and stays open until
    a stage needs others."""
    above: list[StageFolder] = []
    worked = {p.name: isinstance(p.stage, CorpusStage) for p in plan.stages if only is None or p.name in only}
    forecast = Forecast.of(session.before, worked)
    with Pool(opener, watch) as pool, stop_on_signal() as stopping:
        for planned, folder in zip(plan.stages, session.folders, strict=True):
            if only is None or planned.stage.name in only:
                recipe = plan.recipe
                inputs = Inputs(folder, tuple(above), recipe.size, recipe.shard_rows, retry_failed)
                _run_stage(_Sitting(plan, planned, session, watch, stopping, forecast, spending), inputs, pool)
            above.append(folder)


@dataclass(frozen=True, slots=True)
class _Sitting:
    """What making one stage takes beside its work."""

    plan: Plan
    planned: PlannedStage
    session: Session
    watch: Watch
    stopping: Callable[[], bool]
    forecast: Forecast
    spending: Spending
    paid: Paid = field(default_factory=Paid)

    def tell(self, counts: Counts, *, ended: bool = False) -> None:
        name, position = self.planned.name, self.planned.position
        self.session.tick(name, counts, ended=ended)
        left = Left() if ended else self.forecast.left(name, counts)
        self.watch(Progress(name, position, len(self.plan.stages), counts, ended, self.paid, left))

    def check_stop(self) -> None:
        if self.stopping():
            raise Stopped
        self.spending.check()


def _run_stage(sitting: _Sitting, inputs: Inputs, pool: Pool) -> None:
    work = _work(sitting.planned.stage, inputs)
    sitting.session.counts[sitting.planned.stage.name] = work.counts
    sitting.tell(work.counts)
    name, counts = sitting.planned.name, work.counts
    _log.info("%s: %d rows wanted, %d done before, in %s", name, counts.wanted, counts.reused, inputs.folder.path.name)
    if not work.nothing_missing:
        inputs.folder.make()
        if isinstance(work, StageWork):
            _make_restarting(sitting, work, pool)
        else:
            if isinstance(work, TableWork) and work.stage.loads_model:
                pool.engines({})
            _compute(sitting, work)
    _log.info("%s: %d done, %d failed, %.1f s", name, counts.made, counts.failed, counts.seconds)
    sitting.tell(work.counts, ended=True)


def _work(stage: AnyStage, inputs: Inputs) -> StageWork | TableWork | CorpusWork:
    match stage:
        case Stage():
            return StageWork(stage, inputs)
        case TableStage():
            return TableWork(stage, inputs)
        case CorpusStage():
            return CorpusWork(stage, inputs)


def _compute(sitting: _Sitting, work: TableWork | CorpusWork) -> None:
    """Make what a stage without an engine lacks."""
    began = time.monotonic()

    def between() -> None:
        work.counts.seconds = time.monotonic() - began
        sitting.tell(work.counts)
        sitting.check_stop()

    work.make(between)
    work.counts.seconds = time.monotonic() - began


MOST_DEATHS = 3
"""Deaths of engines in a row, none of which a row was made between, after which the run ends."""


def _make_restarting(sitting: _Sitting, work: StageWork, pool: Pool) -> None:
    """Make what the stage lacks; when an engine's process ends by itself, start it once more and go on.

    Rows that it held at two such ends are then worked on one at a time, and one that it ends with alone is that row's
    failure. Raises `EngineCrashed` where it ends again and again and nothing is made between, and `ServerLost` where
    servers are gone.
    """
    uses = sitting.planned.uses
    deaths, made = 0, work.counts.made
    while True:
        try:
            return _make(sitting, work, pool.engines(uses))
        except EngineCrashed as crash:
            deaths = 1 if work.counts.made > made else deaths + 1
            made = work.counts.made
            _log.warning("the engine died (%s) with requests of rows %s; death %d in a row", crash, crash.rows, deaths)
            if deaths >= MOST_DEATHS:
                raise
            work.begin_again()
            if work.nothing_missing:
                return None
            pool.watch(f"the engine died ({crash}); what was made is kept, starting it once more")
            pool.release(uses)
        except EngineDied as death:
            if any(use.facts is not None for use in uses.values()):
                raise ServerLost(f"{death}; what was made is kept, the same command goes on from there") from death
            raise


def _make(sitting: _Sitting, work: StageWork, engines: Mapping[str, Engine]) -> None:
    """Make what a stage lacks, writing each poll's events down before anything else happens."""
    began = time.monotonic() - work.counts.seconds  # those of an engine that crashed count too
    asked = {name: engines[name] for name in work.stage.models}

    def keep_busy() -> int:
        return 2 * sum(engine.window for engine in asked.values())

    seed = partial(derive_seed, sitting.plan.recipe.seed, work.stage.name)
    with closing(work), closing(converse(work.talks(keep_busy), asked, seed)) as polls:
        try:
            for events in polls:
                work.take(events)
                sitting.paid.add(events)
                sitting.spending.paid.add(events)
                work.counts.seconds = time.monotonic() - began
                sitting.tell(work.counts)
                sitting.check_stop()
        except EngineCrashed as crash:
            work.blame(crash.rows, str(crash))
            raise
