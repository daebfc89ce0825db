"""`magpie recipes`: its options."""

from __future__ import annotations

from typing import Annotated

import typer

from magpie.cli.parsing.options import JsonOption, shipped_recipes


def recipes(
    name: Annotated[
        str | None, typer.Argument(help="A recipe to print with every setting.", autocompletion=shipped_recipes)
    ] = None,
    json: JsonOption = False,
) -> None:
    """List the recipes inside the package, or print one with every setting."""
    from magpie.cli.recipes import recipes

    recipes(name, as_json=json)
