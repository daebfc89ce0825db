"""`magpie export`: the kept rows as a file."""

from __future__ import annotations

import sys
from difflib import get_close_matches
from pathlib import Path
from typing import cast, get_args

import typer

from magpie.errors import UserError
from magpie.export import Format
from magpie.export import export as write
from magpie.runs import open_run


def export(path: Path, asked: str | None, to: Path) -> None:
    form = _format(asked, to)
    if str(to) == "-":
        count = write(open_run(path), form, sys.stdout.buffer)
        sys.stdout.buffer.flush()
        typer.echo(f"{count:,} rows written", err=True)
        return
    count = write(open_run(path), form, to.expanduser())
    typer.echo(f"{count:,} rows written to {to}")


def _format(asked: str | None, to: Path) -> Format:
    """The format asked for; by default what the file's name says."""
    said = "parquet" if to.suffix == ".parquet" else "messages"
    form = asked or said
    formats = get_args(Format)
    if form not in formats:
        close = get_close_matches(form, formats, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise UserError(f"--format {form!r}: expected one of {', '.join(formats)}{hint}")
    if said == "parquet" and form != said:
        raise UserError(f"--to {str(to)!r}: a .parquet file cannot hold {form}; expected --format parquet, or .jsonl")
    return cast(Format, form)
