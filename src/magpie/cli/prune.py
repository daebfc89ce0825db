"""`magpie prune RUN`: the folders of a run that nothing uses any more, with their sizes, and removing them."""

from __future__ import annotations

from pathlib import Path

import typer

from magpie.cli.commands import command
from magpie.cli.text import print_json
from magpie.runs import RunFolder, located
from magpie.runs.prune import remove_unused, unused_folders
from magpie.safe.terminal import one_line


def prune(path: Path, *, remove: bool, as_json: bool) -> None:
    path = located(path)
    folder = RunFolder(path)
    unused = unused_folders(folder)
    if remove:
        remove_unused(folder, unused)
    total = sum(each.size for each in unused)
    if as_json:
        found = [{"folder": each.path.name, "stage": each.stage, "bytes": each.size} for each in unused]
        print_json({"folders": found, "bytes": total, "removed": remove}, indent=True)
        return
    if not unused:
        typer.echo(f"{one_line(path)}: every folder is in use; nothing to remove")
        return
    for each in unused:
        typer.echo(f"{_amount(each.size):>10}  {each.path.name}")
    if remove:
        typer.echo(f"{_amount(total):>10}  removed in all")
        return
    typer.echo(f"{_amount(total):>10}  in all, of stages as the recipe had them before")
    again = "Going back to such a recipe finds these rows again"
    typer.echo(f"{again}. To remove them: {command('prune', path, '--remove')}")


def _amount(size: float) -> str:
    """A size in bytes, as people read it."""
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
