"""How things are printed for scripts: as JSON."""

from __future__ import annotations

import json
from typing import Any

import orjson
import typer


def print_json(value: Any, *, indent: bool = False) -> None:
    """One JSON document on standard output, ended by a line end."""
    try:
        text = orjson.dumps(value, option=orjson.OPT_INDENT_2 if indent else 0).decode()
    except TypeError:  # a path whose bytes are not UTF-8: as escapes, which Python's own JSON reads back
        text = json.dumps(value, indent=2 if indent else None, default=str)
    typer.echo(text)
