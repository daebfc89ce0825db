"""`magpie export`: the kept rows as a file."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import cast, get_args

import typer

from magpie.errors import UserError
from magpie.export import Format
from magpie.export import export as write
from magpie.runs import open_run


def export(path: Path, form: str, to: Path) -> None:
    formats = get_args(Format)
    if form not in formats:
        close = get_close_matches(form, formats, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise UserError(f"--format {form!r}: expected one of {', '.join(formats)}{hint}")
    count = write(open_run(path), cast(Format, form), to)
    typer.echo(f"{count:,} rows written to {to}")
