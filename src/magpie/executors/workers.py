"""`magpie work RUN`: joins a run that another machine began, and makes its rows with all others who are there.

The recipe is the run's own. Needs the run's folder and nothing else: no port, no head, no list of machines. Knows no
engine and no row.
"""

from __future__ import annotations

from pathlib import Path

from magpie.errors import RunError
from magpie.executors.limits import NO_LIMITS, Limits, Spending
from magpie.executors.making import Watch, run_stages
from magpie.executors.pool import Opener
from magpie.executors.reconciling import reconcile_with
from magpie.executors.session import Session
from magpie.executors.team import team_of
from magpie.install import magpie_version
from magpie.models.engines import open_engine
from magpie.plan.plan import Plan, make_plan
from magpie.plan.recipe import Recipe
from magpie.plan.resolve import resolve
from magpie.runs import Run, RunFolder, open_run


def join(
    path: Path,
    watch: Watch = lambda _: None,
    limits: Limits = NO_LIMITS,
    recipe: Recipe | None = None,
    opener: Opener = open_engine,
    executor: str = "workers",
) -> Run:
    """Work on the run in a folder until none of its rows is pending, together with its other workers.

    recipe: the run's own, where it was resolved already. executor: the name of the executor in the session's record.
    Raises `UserError` for what the user can correct, such as a worker of another magpie, `Stopped` on Ctrl-C or
    SIGTERM, and what an engine raises; what was made is in the run, and other workers continue with the rest.

        join(Path("/shared/runs/air"))
    """
    folder = RunFolder(path)
    index = folder.index()
    _check_version(folder, index["versions"] if isinstance(index.get("versions"), dict) else {})
    reconciled = reconcile_with(make_plan(recipe or resolve(None, path)), folder)
    left_alone = {entry["stage"] for entry in index["stages"] if entry.get("stale")}
    only = [planned.name for planned in reconciled.plan.stages if planned.name not in left_alone]
    with team_of(path, executor) as team:
        session = Session(reconciled.plan, folder, team, only, reconciled.kept, reconciled.stale, keeps_index=False)
        _check_same(folder, reconciled.plan, session, {entry["stage"]: entry["folder"] for entry in index["stages"]})
        watch = session.warn_once(watch)
        try:
            spending = Spending(limits)
            spending.check()
            run_stages(reconciled.plan, session, team, watch, opener, only, spending, retry_failed=False)
            session.ended = "done"
        except BaseException as error:
            session.ended_by(error)
            raise
        finally:
            session.write()
    return open_run(path)


def _check_version(folder: RunFolder, versions: dict[str, str]) -> None:
    """Raise `RunError` where this is another magpie than the one that began the run, or went on with it last."""
    theirs, ours = versions.get("magpie"), magpie_version()
    if theirs != ours:
        raise RunError(
            f"{folder.path}: the run is made by magpie {theirs}, and this worker is magpie {ours}; expected the same "
            "version on every machine: install it here, or resume the run with `magpie run` of this version first"
        )


def _check_same(folder: RunFolder, plan: Plan, session: Session, folders: dict[str, str]) -> None:
    """Raise `RunError` where this machine would make other rows than the run has: by another model file, another
    version of a plugin, or a recipe that was edited since."""
    for planned, place in zip(plan.stages, session.folders, strict=True):
        expected = folders.get(planned.name)
        if expected != place.path.name:
            raise RunError(
                f"{folder.path}: {planned.name} would be made in {place.path.name} here, and the run makes it in "
                f"{expected or 'no folder'}: the model's files or the installed packages are others than those that "
                "it was begun with, or recipe.yaml was edited; `magpie run --dry-run` shows what this machine has"
            )
