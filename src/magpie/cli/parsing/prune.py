"""`magpie prune`: its options."""

from __future__ import annotations

from typing import Annotated

import typer

from magpie.cli.parsing.options import JsonOption, RunArgument


def prune(
    run: RunArgument,
    remove: Annotated[bool, typer.Option("--remove", help="Remove these rows.")] = False,
    json: JsonOption = False,
) -> None:
    """List the rows of earlier recipes that a run keeps, with their sizes, or remove them."""
    from magpie.cli.prune import prune

    prune(run, remove=remove, as_json=json)
