"""`magpie run`: create a run or resume it, show its progress, and end with a summary."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from magpie.cli.commands import command
from magpie.cli.dry_run import print_plan
from magpie.cli.keys import settle
from magpie.cli.next_steps import print_next
from magpie.cli.outcome import leave
from magpie.cli.progress import watching
from magpie.cli.show import conversations, twins_of
from magpie.cli.status import print_summary, summary
from magpie.cli.text import print_json
from magpie.executors.limits import NO_LIMITS, LimitReached, Limits
from magpie.executors.local import execute
from magpie.executors.placing import LOCAL, Placing
from magpie.executors.stopping import Stopped
from magpie.explore.rows import Search, find_rows, read_rows
from magpie.plan.load import DEFAULT
from magpie.plan.recipe import Recipe
from magpie.plan.resolve import resolve
from magpie.plan.upgrade import Choice
from magpie.runs import Run, located
from magpie.safe.keys import keys_withheld
from magpie.safe.terminal import visible

_SHOWN = 5
AT_LIMIT = 3
"""The exit code of a run that stopped at `--max-hours`, `--max-tokens` or `--max-cost`."""


def run(
    name: str | None,
    out: Path | None,
    settings: tuple[str, ...],
    replace: Mapping[str, Any],
    choice: Choice,
    allowances: tuple[str, ...] = (),
    *,
    dry_run: bool,
    retry_failed: bool,
    as_json: bool,
    as_yaml: bool = False,
    limits: Limits = NO_LIMITS,
    placed: Placing = LOCAL,
) -> None:
    out = located(out or Path("runs") / Path(name or DEFAULT).stem)
    recipe = resolve(name, out, settings, replace)
    if dry_run:
        with keys_withheld():
            print_plan(recipe, out, choice, as_yaml=as_yaml, as_json=as_json)
        return
    settle(recipe, settings, allowances)
    finished = execute_watched(recipe, out, choice, limits, retry_failed=retry_failed, as_json=as_json, placed=placed)
    if placed.executor == "workers":
        again = command("work", out)
        print(visible(f"magpie: {out} is prepared; to make its rows, on each machine that is to work on it: {again}"))
        return
    if as_json:
        print_json(summary(finished), indent=True)
    else:
        _print_end(Console(highlight=False), finished)
    leave(finished, as_json=as_json)


def execute_watched(
    recipe: Recipe,
    out: Path,
    choice: Choice,
    limits: Limits,
    *,
    retry_failed: bool,
    as_json: bool,
    placed: Placing = LOCAL,
) -> Run:
    """Run a recipe and show how it goes. Leaves with exit code 130 when it is stopped, and with 3 at a limit."""
    console = Console(highlight=False, stderr=as_json)
    with watching(console, out) as watch:
        try:
            return execute(recipe, out, watch, choice=choice, retry_failed=retry_failed, limits=limits, placed=placed)
        except Stopped:
            why, code = "stopped", 130
        except LimitReached as limit:
            why, code = f"stopped at {limit}", AT_LIMIT
    stopped = f"magpie: {why}; everything made is in {out}. To resume: {command('run', '--out', out)}"
    print(visible(stopped), file=sys.stderr)
    raise typer.Exit(code)


def _print_end(console: Console, run: Run) -> None:
    console.print()
    rows = read_rows(run, find_rows(run, Search(), _SHOWN).rows)
    for block in conversations(rows, twins_of(run, rows)):
        console.print(block)
    print_summary(console, run)
    if run.kept() == 0:
        console.print("Nothing was kept: the reasons above say what to change.", markup=False)
        return
    console.print()
    print_next(console, run, larger=True)
