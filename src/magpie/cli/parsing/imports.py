"""`magpie import`: its options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from magpie.cli.parsing.options import JsonOption


def import_command(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT",
            help="Files (JSON, CSV, Parquet or Arrow, also compressed), folders, runs, or OWNER/NAME of the Hub.",
        ),
    ],
    to: Annotated[Path, typer.Option("--to", metavar="RUN", help="The run to make.")],
    map: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="KEY=COLUMN",
            help="Read a key as a column, as in question=instruction; may be given again.",
        ),
    ] = None,
    template: Annotated[
        str | None,
        typer.Option("--template", help="Render the instruction from each row by this Jinja template."),
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="The most rows.")] = None,
    split: Annotated[
        str | None,
        typer.Option("--split", help="The split of a folder or of a dataset of the Hub: a name, several by +, or all."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Import datasets as a run: ShareGPT, messages, Alpaca, preference pairs, or any other with --map."""
    from magpie.cli.imports import imports
    from magpie.imports import Options
    from magpie.imports.mapping import read_map

    imports(inputs, to, Options(read_map(map or ()), template, limit, split), as_json=json)
