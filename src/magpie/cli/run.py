"""`magpie run`: create a run or resume it, showing where it stands, and end with what came of it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from magpie.cli.commands import command
from magpie.cli.next_steps import print_next
from magpie.cli.outcome import leave
from magpie.cli.progress import watching
from magpie.cli.show import conversations
from magpie.cli.status import print_summary, summary
from magpie.cli.text import print_json
from magpie.executors.limits import NO_LIMITS, LimitReached, Limits
from magpie.executors.local import execute, reconcile_with
from magpie.executors.stopping import Stopped
from magpie.explore.rows import Search, find_rows, read_rows
from magpie.plan.load import DEFAULT, dump
from magpie.plan.plan import Plan, PlannedStage, make_plan
from magpie.plan.recipe import Recipe
from magpie.plan.resolve import resolve
from magpie.plan.upgrade import Choice
from magpie.runs import Run, RunFolder, StageFolder, cost_of, open_run
from magpie.safe.paths import expanded
from magpie.safe.redaction import redact
from magpie.safe.terminal import one_line, visible

_SHOWN = 5
AT_LIMIT = 3
"""The exit code of a run that stopped at `--max-hours`, `--max-tokens` or `--max-cost`."""


def run(
    name: str | None,
    out: Path | None,
    settings: tuple[str, ...],
    replace: Mapping[str, Any],
    choice: Choice,
    *,
    dry_run: bool,
    retry_failed: bool,
    as_json: bool,
    limits: Limits = NO_LIMITS,
) -> None:
    out = expanded(out or Path("runs") / Path(name or DEFAULT).stem)
    recipe = resolve(name, out, settings, replace)
    if dry_run:
        _print_plan(reconcile_with(make_plan(recipe), RunFolder(out), choice).plan, out, as_json=as_json)
        return
    finished = execute_watched(recipe, out, choice, limits, retry_failed=retry_failed, as_json=as_json)
    if as_json:
        print_json(summary(finished), indent=True)
    else:
        _print_end(Console(highlight=False), finished)
    leave(finished, as_json=as_json)


def execute_watched(
    recipe: Recipe, out: Path, choice: Choice, limits: Limits, *, retry_failed: bool, as_json: bool
) -> Run:
    """Run a recipe and show how it goes. Leaves with exit code 130 when it is stopped, and with 3 at a limit."""
    console = Console(highlight=False, stderr=as_json)
    with watching(console, out) as watch:
        try:
            return execute(recipe, out, watch, choice=choice, retry_failed=retry_failed, limits=limits)
        except Stopped:
            why, code = "stopped", 130
        except LimitReached as limit:
            why, code = f"stopped at {limit}", AT_LIMIT
    stopped = f"magpie: {why}; everything made is in {out}. To resume: {command('run', '--out', out)}"
    print(visible(stopped), file=sys.stderr)
    raise typer.Exit(code)


def _print_plan(plan: Plan, out: Path, *, as_json: bool) -> None:
    """The recipe, and each stage with how it came to be set and what of it is there already."""
    recipe = plan.recipe
    made = {p.stage.name: _folder(p, out).count(recipe.size) for p in plan.stages}
    if as_json:
        stages = [_planned(planned) | {"made_before": made[planned.stage.name]} for planned in plan.stages]
        print_json(
            {"recipe": recipe.model_dump(mode="json"), "out": str(out), "warnings": plan.warnings, "stages": stages}
            | {"expected": _expectation(plan, out)},
            indent=True,
        )
        return
    typer.echo(dump(recipe))
    exists = "go on with the run in" if RunFolder(out).is_run() else "make a run in"
    typer.echo(f"# plan: {exists} {one_line(out)}: {recipe.size:,} rows")
    for warning in plan.warnings:
        typer.echo(f"#   warning: {visible(redact(warning))}")
    for planned in plan.stages:
        stage, sampling = planned.stage, planned.settings.get("sampling")
        names = ("temperature", "top_p", "max_tokens")
        shown = ": " + ", ".join(f"{name} {sampling[name]}" for name in names) if sampling else ""
        reads = f"reads {', '.join(stage.reads)}; " if stage.reads else ""
        writes = ", ".join(column.name for column in stage.writes)
        typer.echo(f"#   {planned.position} {stage.name} {planned.fingerprint}{shown}")
        writes = f"writes {writes}" if writes else "drops rows"
        typer.echo(f"#     {reads}{writes}; {made[stage.name]:,} rows made before")
        for use in planned.uses.values():
            asks = redact(f"{Path(use.loads).name} on {use.engine.name}: {use.why}")
            typer.echo(f"#     asks {one_line(asks)}")
        if stage.name == "shortlist":
            typer.echo(f"#     {_expected(plan, out)}")


def _expectation(plan: Plan, out: Path) -> dict[str, float] | None:
    """What the shortlist is expected to spare of this run, from the rows that are there; None where none are, or where
    the plan has no shortlist."""
    if "shortlist" not in {planned.stage.name for planned in plan.stages} or RunFolder(out).known_index() is None:
        return None
    run = open_run(out)
    saved = cost_of(run).saved
    if saved is None:
        return None
    return {**saved, "tokens": round(saved["tokens"] / run.size * plan.recipe.size)}


def _expected(plan: Plan, out: Path) -> str:
    """The same in words; p is the share that is answered."""
    expected = _expectation(plan, out)
    if expected is None:
        return "which share p is answered is known once rows are judged: make a few hundred, then look here again"
    return (
        f"p = {expected['answered']:.1%} of the rows that reach the shortlist are answered, as of "
        f"{expected['candidates']:,} so far; that spares about {expected['tokens']:,} tokens of responses"
    )


def _folder(planned: PlannedStage, out: Path) -> StageFolder:
    return RunFolder(out).stage(planned.position, planned.stage.name, planned.fingerprint, planned.stage.writes)


def _planned(planned: PlannedStage) -> dict[str, Any]:
    stage = planned.stage
    return {
        "stage": stage.name,
        "fingerprint": planned.fingerprint,
        "reads": stage.reads,
        "settings": planned.settings,
        "models": {
            name: {"path": redact(u.loads), "engine": u.engine.name, "why": redact(u.why)}
            for name, u in planned.uses.items()
        },
    }


def _print_end(console: Console, run: Run) -> None:
    console.print()
    for block in conversations(run, read_rows(run, find_rows(run, Search(), _SHOWN).rows)):
        console.print(block)
    print_summary(console, run)
    if run.kept() == 0:
        console.print("Nothing was kept: the reasons above say what to change.", markup=False)
        return
    console.print()
    print_next(console, run, larger=True)
