"""How things are printed for scripts: as JSON."""

from __future__ import annotations

from typing import Any

import orjson
import typer


def print_json(value: Any, *, indent: bool = False) -> None:
    """One JSON document on standard output, ended by a line end."""
    typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2 if indent else 0).decode())
