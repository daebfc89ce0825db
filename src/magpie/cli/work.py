"""`magpie work`: joins a run that another process or machine began, and makes its rows with all others who do."""

from __future__ import annotations

import sys
from pathlib import Path

import typer
from rich.console import Console

from magpie.cli.commands import command
from magpie.cli.keys import settle
from magpie.cli.outcome import leave
from magpie.cli.progress import watching
from magpie.cli.run import AT_LIMIT
from magpie.cli.status import print_summary, summary
from magpie.cli.text import print_json
from magpie.executors.limits import LimitReached, Limits
from magpie.executors.stopping import Stopped
from magpie.executors.workers import join
from magpie.plan.resolve import resolve
from magpie.runs import RunFolder, located
from magpie.runs.owner import owner_name
from magpie.safe.terminal import visible


def work(given: Path, allowances: tuple[str, ...], limits: Limits, *, as_json: bool) -> None:
    path = located(given)
    RunFolder(path).index()  # before anything else: a folder that is no run says so
    recipe = resolve(None, path)
    settle(recipe, (), allowances)
    console = Console(highlight=False, stderr=as_json)
    with watching(console, path) as watch:
        try:
            run = join(path, watch, limits, recipe)
            why, code = "", 0
        except Stopped:
            why, code = "stopped", 130
        except LimitReached as limit:
            why, code = f"stopped at {limit}", AT_LIMIT
    if code:
        again = command("work", path)
        print(visible(f"magpie: {why}; other workers continue with the rest. To join again: {again}"), file=sys.stderr)
        raise typer.Exit(code)
    if as_json:
        print_json(summary(run), indent=True)
    else:
        console.print()
        print_summary(console, run)
    leave(run, as_json=as_json, owner=owner_name())
