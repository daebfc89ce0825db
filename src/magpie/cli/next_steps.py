"""What to type next, once a run is made or selected from: commands that work on what the run has."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

from rich.console import Console
from rich.text import Text

from magpie.cli.commands import command
from magpie.errors import UserError
from magpie.export import fitting_format
from magpie.plan.plan import make_plan
from magpie.plan.resolve import resolve
from magpie.runs import Run, RunFolder


def print_next(console: Console, run: Run, *, larger: bool) -> None:
    """What to type next, each command on a line of its own. `larger`: offer more rows, too."""
    for meaning, line in _next(run, larger=larger):
        console.print(Text(f"{meaning}:", style="dim"))
        console.print(Text(f"  {line}", style="bold"), soft_wrap=True)


def _next(run: Run, *, larger: bool) -> Iterator[tuple[str, str]]:
    yield "To read more of them", command("show", run.path, "-n", 20)
    match fitting_format(run):
        case "parquet":
            yield "To have every column in a file", command("export", run.path, "--to", _free(run.name, "parquet"))
        case "messages":
            yield "To have a file to train on", command("export", run.path, "--to", _free(run.name, "jsonl"))
        case str(form):
            file = _free(run.name, "jsonl")
            yield "To have a file to train on", command("export", run.path, "--format", form, "--to", file)
    more = max(run.size * 10, 1000)
    if larger and _can_grow(run, more):
        yield "To make more rows; those made stay", command("run", "--out", run.path, "--size", more)


def _free(name: str, ending: str) -> Path:
    """A file that is not there yet, in the current folder; beside the run where that lies inside one."""
    runs = [folder for folder in (Path.cwd(), *Path.cwd().parents) if RunFolder(folder).is_run()]
    folder = runs[-1].parent if runs else Path()
    names = (f"{name}.{ending}" if number == 1 else f"{name}-{number}.{ending}" for number in count(1))
    return next(folder / file for file in names if not (folder / file).exists())


def _can_grow(run: Run, size: int) -> bool:
    """Rows that were imported are as many as there are, and words that fill a prompt may be used up."""
    if any(stage.stage == "import" for stage in run.stages):
        return False
    if not (run.recipe.get("instruct") or {}).get("mix"):
        return True
    try:
        make_plan(resolve(None, Path(run.path), (), {"size": size}))
    except UserError:
        return False
    return True
