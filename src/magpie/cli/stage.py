"""`magpie tag RUN` and the like: run one stage on an existing run, which adds its columns."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import typer
from rich.console import Console

from magpie.cli.dry_run import print_plan
from magpie.cli.keys import settle
from magpie.cli.outcome import leave
from magpie.cli.progress import watching
from magpie.cli.status import print_summary, summary
from magpie.cli.text import print_json
from magpie.errors import RunError
from magpie.executors.local import execute
from magpie.executors.stopping import Stopped
from magpie.plan.adding import stages_to_add
from magpie.plan.recipe import Recipe
from magpie.plan.registry import stages, use_stage
from magpie.plan.resolve import resolve
from magpie.plan.upgrade import Choice
from magpie.runs import Run, RunFolder, located, open_run
from magpie.safe.keys import keys_withheld
from magpie.safe.terminal import visible


def stage(
    name: str,
    path: Path,
    settings: tuple[str, ...],
    model: str | None,
    choice: Choice,
    allowances: tuple[str, ...] = (),
    *,
    dry_run: bool = False,
    retry_failed: bool,
    as_json: bool,
) -> None:
    use_stage(name)
    path = located(path)
    RunFolder(path).index()
    overrides = (*_model_setting(name, model), *settings)
    if dry_run:
        recipe, wanted = _planned(name, path, overrides)
        with keys_withheld():
            print_plan(recipe, path, choice, as_yaml=False, as_json=as_json, only=wanted)
        return
    run = work(name, path, overrides, choice, allowances, retry_failed=retry_failed, as_json=as_json)
    if as_json:
        print_json(summary(run), indent=True)
    else:
        console = Console(highlight=False)
        console.print()
        print_summary(console, run)
    leave(run, as_json=as_json)


def _model_setting(name: str, model: str | None) -> tuple[str, ...]:
    """The override by which a stage asks this model: its own where it has one of its own, else the run's."""
    if model is None:
        return ()
    own = "model" in stages()[name].settings_class.model_fields
    return (f"{name}.model={json.dumps(model)}",) if own else (f"model={json.dumps(model)}",)


def work(
    name: str,
    path: Path,
    settings: tuple[str, ...],
    choice: Choice,
    allowances: tuple[str, ...] = (),
    *,
    retry_failed: bool = False,
    as_json: bool,
) -> Run:
    """Run one stage, and before it those that need no model and make what it reads, where the run does not have it."""
    recipe, wanted = _planned(name, path, settings)
    settle(recipe, settings, allowances)
    console = Console(highlight=False, stderr=as_json)
    with watching(console, path) as watch:
        try:
            return execute(recipe, path, watch, only=wanted, choice=choice, retry_failed=retry_failed)
        except Stopped:
            stopped = f"magpie: stopped; everything made is in {path}; the same command resumes it"
    print(visible(stopped), file=sys.stderr)
    raise typer.Exit(130)


def _planned(name: str, path: Path, settings: tuple[str, ...]) -> tuple[Recipe, list[str]]:
    """The run's recipe with a stage added, and the stages to work on: that one, and those without a model before it."""
    before, run = resolve(None, path), open_run(path)
    asked = resolve(None, path, _added(before, [name]) + settings)
    if asked.settings(name) is None:
        raise RunError(f"--set {name}=null leaves nothing to do; expected settings, such as --set {name}.model=...")
    made = {column.name for each in run.stages for column in each.columns}
    explicit = {setting.partition("=")[0].partition(".")[0].strip() for setting in settings}
    wanted = stages_to_add(asked, name, made, explicit)
    return resolve(None, path, _added(before, wanted) + settings), wanted


def _added(before: Recipe, wanted: list[str]) -> tuple[str, ...]:
    """Overrides that add stages to a recipe without them."""
    return tuple(f"{name}={{}}" for name in wanted if before.settings(name) is None)
