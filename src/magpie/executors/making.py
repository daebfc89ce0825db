"""Makes the stages of a plan in order, as one of the workers of a run: takes rows, keeps engines busy, waits.

Knows when; which rows are this worker's comes from `claims`, what is made from `work`, how from `runner`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial

from magpie.errors import EngineCrashed, EngineDied, ServerLost
from magpie.executors.computing import CorpusWork, TableWork
from magpie.executors.forecast import Forecast, Left, Paid
from magpie.executors.inputs import Inputs
from magpie.executors.limits import Spending
from magpie.executors.pool import Opener, Pool
from magpie.executors.session import Session
from magpie.executors.stopping import Stopped, stop_on_signal
from magpie.executors.team import Team
from magpie.executors.work import Counts, StageWork
from magpie.log import logger
from magpie.plan.plan import Plan, PlannedStage
from magpie.runner import converse
from magpie.runs import StageFolder
from magpie.seams import AnyStage, CorpusStage, Engine, Stage, TableStage, derive_seed

_log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a stage. Sent at its start, after each poll, and at its end."""

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
"""Receives the progress: a `Progress`, or a line such as "loading the model"."""


def run_stages(
    plan: Plan,
    session: Session,
    team: Team,
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
                _run_stage(_Sitting(plan, planned, session, team, watch, stopping, forecast, spending), inputs, pool)
            above.append(folder)


@dataclass(frozen=True, slots=True)
class _Sitting:
    """What making one stage takes beside its work."""

    plan: Plan
    planned: PlannedStage
    session: Session
    team: Team
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
    """Make one stage, together with the others who are there, until no row of it is missing."""
    team = sitting.team
    team.heart.worker.stage = sitting.planned.name
    work = _work(sitting.planned.stage, inputs, team)
    sitting.session.counts[sitting.planned.stage.name] = work.counts
    sitting.tell(work.counts)
    name, counts = sitting.planned.name, work.counts
    _log.info("%s: %d rows wanted, %d done before, in %s", name, counts.wanted, counts.reused, inputs.folder.path.name)
    try:
        while not work.finished():
            inputs.folder.make()
            if not work.look():
                sitting.tell(work.counts)
                sitting.check_stop()
                team.rest()
                continue
            team.busy()
            if isinstance(work, StageWork):
                _make_restarting(sitting, work, pool)
            else:
                if isinstance(work, TableWork) and work.stage.loads_model:
                    pool.engines({})
                _compute(sitting, work)
    finally:
        team.busy()
        work.release()
    counts.reused = max(counts.reused, counts.wanted - counts.made - counts.failed)  # what others made
    _log.info("%s: %d done, %d failed, %.1f s", name, counts.made, counts.failed, counts.seconds)
    sitting.tell(counts, ended=True)


def _work(stage: AnyStage, inputs: Inputs, team: Team) -> StageWork | TableWork | CorpusWork:
    match stage:
        case Stage():
            return StageWork(stage, inputs, team)
        case TableStage():
            return TableWork(stage, inputs, team)
        case CorpusStage():
            return CorpusWork(stage, inputs, team)


def _compute(sitting: _Sitting, work: TableWork | CorpusWork) -> None:
    """Make what a stage without an engine lacks."""
    began = time.monotonic() - work.counts.seconds  # of earlier shards

    def between() -> None:
        work.counts.seconds = time.monotonic() - began
        sitting.tell(work.counts)
        sitting.check_stop()

    work.make(between)
    work.counts.seconds = time.monotonic() - began


MOST_DEATHS = 3
"""After this many deaths of engines without a finished row between them the run ends."""


def _make_restarting(sitting: _Sitting, work: StageWork, pool: Pool) -> None:
    """Make the pending rows of the stage; when an engine's process dies, start it again and continue.

    Rows that were in flight at two such deaths are then run one at a time; a death with a single row in flight counts
    as that row's failure. Raises `EngineCrashed` where the process dies repeatedly without a finished row in between,
    and `ServerLost` where servers are gone.
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
            if not work.look():
                return None
            pool.watch(f"the engine died ({crash}); what was made is kept, starting it once more")
            pool.release(uses)
        except EngineDied as death:
            if any(use.facts is not None for use in uses.values()):
                raise ServerLost(f"{death}; what was made is kept, and the same command resumes the run") from death
            raise


def _make(sitting: _Sitting, work: StageWork, engines: Mapping[str, Engine]) -> None:
    """Make what a stage lacks, writing each poll's events down before anything else happens."""
    began = time.monotonic() - work.counts.seconds  # those of an engine that crashed count too
    team = sitting.team
    asked = {name: engines[name] for name in work.stage.models}

    def keep_busy() -> int:
        return 2 * sum(engine.window for engine in asked.values())

    seed = partial(derive_seed, sitting.plan.recipe.seed, work.stage.name)
    with closing(work), closing(converse(work.talks(keep_busy), asked, seed)) as polls:
        try:
            for events in polls:
                if team.heart.was_away():
                    work.check_leases()
                work.take(events)
                work.share()
                sitting.paid.add(events)
                sitting.spending.paid.add(events)
                work.counts.seconds = time.monotonic() - began
                sitting.tell(work.counts)
                sitting.check_stop()
        except EngineCrashed as crash:
            work.blame(crash.rows, str(crash))
            raise
