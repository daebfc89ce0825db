"""`magpie explore`: its options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from magpie.cli.parsing.options import RunArgument


def explore(
    run: RunArgument,
    against: Annotated[
        list[Path] | None,
        typer.Option("--against", metavar="RUN", help="Another run beside it, on one map; may be given again."),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", min=0, max=65535, help="The port to listen on [default: 8421, or any that is free]."),
    ] = None,
    open_browser: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser.")] = True,
) -> None:
    """Look into a run in the browser: a map of topics, filters, search, and every conversation.

    It only reads, and listens on this machine alone.
    """
    from magpie.cli.explore import explore

    explore(run, list(against or ()), port, open_browser=open_browser)
