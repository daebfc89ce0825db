"""`magpie explore`: a run in the browser, from an index that is made once and a server that listens on this machine."""

from __future__ import annotations

import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.markup import escape

from magpie.cli.commands import command
from magpie.errors import UserError
from magpie.explore.web.serving import check_installed, listen, serve
from magpie.runs import Run, open_run
from magpie.safe.terminal import one_line

if TYPE_CHECKING:
    from magpie.layout import Layout

MOST_RUNS = 7
"""As many as there are colors."""


def explore(path: Path, against: list[Path], port: int | None, *, open_browser: bool) -> None:
    check_installed()
    if len(against) >= MOST_RUNS:
        raise UserError(f"--against: found {len(against)} runs; expected at most {MOST_RUNS - 1} beside the first")
    from magpie.explore.web.explorer import Explorer
    from magpie.explore.web.index import open_index

    runs = [open_run(each) for each in (path, *against)]
    with listen(port) as listening:
        with Console(stderr=True).status("opening") as status:

            def watch(line: str) -> None:
                status.update(escape(one_line(line)))

            indexes = [open_index(run, watch) for run in runs]
            layout, hint = _layout(runs, watch)
            explorer = Explorer(runs, indexes, layout, hint)
        for run, index in zip(runs, indexes, strict=True):
            if index.fresh:
                told = f"{len(index.rows):,} rows in {index.seconds:.1f} s ({index.bytes / 1e6:,.0f} MB)"
                typer.echo(f"{one_line(run.name)}: indexed {told}")
        if hint:
            typer.echo(hint)

        def ready(address: str) -> None:
            typer.echo(f"{address}\nOpen it in a browser on this machine; Ctrl-C ends it.")
            if open_browser:
                webbrowser.open(address)

        serve(explorer, listening, command, ready)


def _layout(runs: list[Run], watch: Callable[[str], None]) -> tuple[Layout | None, str]:
    """The map of the runs; what to do for one where they have no embeddings."""
    from magpie.layout import layout_of
    from magpie.layout.embedders import maker_of_embeddings

    for run in runs:
        if maker_of_embeddings(run) is None:
            makes = command("embed", run.path)
            return None, f"There is no map, since {one_line(run.name)} has no embeddings. To make them: {makes}"
    try:
        return layout_of(runs, progress=watch), ""
    except UserError as error:  # all else can be explored
        return None, f"There is no map: {error}"
