"""`magpie run`: one process that writes the run's recipe and index, and makes its stages as one of its workers.

Alone it makes all of them. Others may join it at any time (`workers`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from magpie.errors import RunError
from magpie.executors.limits import NO_LIMITS, Limits, Spending
from magpie.executors.making import Progress, Watch, run_stages
from magpie.executors.placing import LOCAL, Placing
from magpie.executors.pool import Opener
from magpie.executors.reconciling import reconcile_with
from magpie.executors.session import WARNING, Session
from magpie.executors.supervising import supervise
from magpie.executors.team import Team, team_of
from magpie.models.engines import open_engine
from magpie.plan.load import dump
from magpie.plan.plan import Plan, make_plan
from magpie.plan.recipe import Recipe
from magpie.plan.upgrade import UNDECIDED, Choice
from magpie.runs import Run, RunFolder, open_run
from magpie.runs.surviving import restamp_legacy
from magpie.safe.redaction import redact

__all__ = ["Progress", "Watch", "execute", "execute_plan", "reconcile_with"]


def execute(
    recipe: Recipe,
    out: Path,
    watch: Watch = lambda _: None,
    only: Sequence[str] | None = None,
    choice: Choice = UNDECIDED,
    retry_failed: bool = False,
    limits: Limits = NO_LIMITS,
    placed: Placing = LOCAL,
) -> Run:
    """Create the run that `recipe` describes in the folder `out`, or resume it: only pending rows are made.

    `recipe` is one that `magpie.plan.resolve` completed for this folder. `only` names the stages to work on; the others
    are left as they are. `choice`: what to do where the package has come to resolve a stage otherwise. `retry_failed`:
    try rows again that could not be made at three tries. limits: what this call may spend. placed: who makes the rows.
    Raises `UserError` for what the user can correct, `Stopped` on Ctrl-C or SIGTERM, `LimitReached`, `EngineDied` and
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
        placed=placed,
    )
    return open_run(out)


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
    placed: Placing = LOCAL,
) -> None:
    """Make the pending rows of the plan in the folder, on the engines of `opener`. No other process may be writing its
    recipe and index.

    only: the stages to work on. kept, stale: the result of `reconcile` for the others. placed: who makes the rows.
    """
    with folder.locked(), team_of(folder.path, placed.executor) as team:
        _check_others(team, plan, folder)
        if folder.known_index() is not None:
            before = open_run(folder.path)
            restamp_legacy(before.stages, before.size, before.shard_rows)
        elif folder.is_run():
            watch(
                "warning: run.json was broken: it is rebuilt from recipe.yaml and the stages' folders; what it said of "
                "earlier sessions is lost"
            )
        folder.write_recipe(dump(plan.recipe))
        session = Session(plan, folder, team, only, kept, stale)
        session.write()
        watch = session.warn_once(watch)
        for warning in plan.warnings:
            watch(f"{WARNING}{redact(warning)}")
        try:
            spending = Spending(limits)
            spending.check()
            match placed.executor:
                case "local":
                    run_stages(plan, session, team, watch, opener, only, spending, retry_failed=retry_failed)
                case "ray":
                    supervise(plan, session, team, watch, placed, spending)
                case "workers":
                    pass  # they join by themselves
            session.ended = "done"
        except BaseException as error:
            session.ended_by(error)
            raise
        finally:
            session.write()
            session.tidy()


def _check_others(team: Team, plan: Plan, folder: RunFolder) -> None:
    """Raise `RunError` where others work on the run by another recipe than this one."""
    if team.size() > 1 and folder.has_recipe() and folder.recipe_text() != dump(plan.recipe):
        raise RunError(
            f"{folder.path}: {team.size() - 1} others are at work on this run by another recipe (see `magpie status`): "
            "stop them before it is changed"
        )
