"""`magpie recipes`: what the package ships, and a recipe written out."""

from __future__ import annotations

from shutil import get_terminal_size
from textwrap import fill

import typer

from magpie.cli.text import print_json
from magpie.plan.explain import explain
from magpie.plan.load import DEFAULT, parse, recipe_text, shipped


def recipes(name: str | None, *, as_json: bool) -> None:
    if name is not None:
        recipe = parse(recipe_text(name), name)
        if as_json:
            print_json(recipe.model_dump(mode="json"), indent=True)
        else:
            typer.echo(explain(recipe), nl=False)
        return
    about = {known: parse(text, known).about for known, text in shipped().items()}
    if as_json:
        print_json(about, indent=True)
        return
    margin = max(map(len, about)) + 2
    columns = get_terminal_size().columns
    for known, line in about.items():
        mark = " (the default)" if known == DEFAULT else ""
        text = fill(f"{line}{mark}", columns, initial_indent=known.ljust(margin), subsequent_indent=" " * margin)
        typer.echo(text)
