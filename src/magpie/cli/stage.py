"""`magpie tag RUN` and the like: one stage on a run that is there, adding its columns."""

from __future__ import annotations

import sys
from pathlib import Path

import typer
from rich.console import Console

from magpie.cli.outcome import leave
from magpie.cli.progress import watching
from magpie.cli.status import print_summary, summary
from magpie.cli.text import print_json
from magpie.errors import RunError
from magpie.executors.local import execute
from magpie.executors.stopping import Stopped
from magpie.pipeline import resolve
from magpie.recipes import Recipe
from magpie.runs import Run, RunFolder

NEEDED = {"neighbors": ("embed",), "choose": ("reward",), "pair": ("reward",)}
"""Stages that a stage takes its input from, and that are added with it where the run has none."""


def stage(name: str, path: Path, settings: tuple[str, ...], *, as_json: bool) -> None:
    path = path.expanduser()
    RunFolder(path).index()
    run = work(name, path, settings, as_json=as_json)
    if as_json:
        print_json(summary(run), indent=True)
    else:
        console = Console(highlight=False)
        console.print()
        print_summary(console, run)
    leave(run, as_json=as_json)


def work(name: str, path: Path, settings: tuple[str, ...], *, as_json: bool) -> Run:
    """Run one stage, and those that it takes its input from where they are new."""
    before = resolve(None, path)
    wanted = [*(one for one in NEEDED.get(name, ()) if not _has(before, one)), name]
    recipe = resolve(None, path, _added(before, wanted) + settings)
    if not _has(recipe, name):
        raise RunError(f"--set {name}=null leaves nothing to do; expected settings, such as --set {name}.model=...")
    console = Console(highlight=False, stderr=as_json)
    with watching(console) as watch:
        try:
            return execute(recipe, path, watch, only=wanted)
        except Stopped:
            stopped = f"magpie: stopped; everything made is in {path}; the same command goes on"
    print(stopped, file=sys.stderr)
    raise typer.Exit(130)


def _has(recipe: Recipe, name: str) -> bool:
    return getattr(recipe, name, None) is not None


def _added(before: Recipe, wanted: list[str]) -> tuple[str, ...]:
    """Overrides that put stages into a recipe that has none of them."""
    return tuple(f"{name}={{}}" for name in wanted if not _has(before, name))
