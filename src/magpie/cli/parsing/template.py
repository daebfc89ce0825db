"""`magpie template`: its options."""

from __future__ import annotations

from typing import Annotated

import typer

from magpie.cli.parsing.options import JsonOption


def template(
    model: Annotated[
        str, typer.Argument(help="A GGUF file, a Hugging Face folder or Hub id, or a model inside the package.")
    ],
    system: Annotated[
        str | None,
        typer.Option("--system", help="A system prompt; omit: no system turn at all."),
    ] = None,
    thinking: Annotated[
        str | None, typer.Option("--thinking", help="on or off, for models that think by switch.")
    ] = None,
    sample: Annotated[
        int, typer.Option("--sample", min=0, max=1000, help="Show as many instructions that the model writes.")
    ] = 0,
    engine: Annotated[
        str, typer.Option("--engine", help="What runs it for --sample: a name, or a server's URL.")
    ] = "auto",
    json: JsonOption = False,
) -> None:
    """Show what a model's chat template puts before the user and the assistant, and where turns end."""
    from magpie.cli.template import template

    template(model, system, thinking, sample, engine, as_json=json)
