"""`magpie verify RUN`: every file held against what was written."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import typer

from magpie.cli.text import print_json
from magpie.runs import RunFolder, located
from magpie.runs.verify import verify as check
from magpie.safe.terminal import one_line


def verify(path: Path, *, as_json: bool) -> None:
    path = located(path)
    found = list(check(RunFolder(path)))
    counts = Counter(checked.state for checked in found)
    damaged = [checked for checked in found if checked.state == "damaged"]
    if as_json:
        listed = [
            {"file": str(checked.path.relative_to(path)), "state": checked.state, "about": checked.about}
            for checked in found
        ]
        print_json({"files": listed, "damaged": len(damaged)}, indent=True)
    else:
        for checked in damaged:
            typer.echo(one_line(f"damaged  {checked.path.relative_to(path)}: {checked.about}"))
        typer.echo(f"{counts['whole']:,} files are as they were written, {len(damaged):,} are damaged")
        if counts["unknown"]:
            typer.echo(
                f"{counts['unknown']:,} were sealed before digests were kept: they can be read, no more is known"
            )
        if damaged:
            typer.echo(
                "Restore damaged files from a copy, or delete them: `magpie run --out RUN` makes their rows again"
            )
    if damaged:
        raise typer.Exit(1)
