"""How things are printed: JSON for scripts, errors, sentences."""

from __future__ import annotations

import json
import sys
from typing import Any

import orjson
import typer
from rich.console import Console
from rich.text import Text

from magpie.safe.names import named
from magpie.safe.redaction import redact
from magpie.safe.terminal import one_line, visible_json


def print_error(line: str) -> None:
    """One line on standard error, under the command's name, without secrets."""
    print(f"magpie: {one_line(redact(line))}", file=sys.stderr)


def print_sentence(console: Console, text: Text) -> None:
    """Words that hold no command: wrapped between words on a terminal, one line elsewhere."""
    console.print(text, soft_wrap=not console.is_terminal)


def print_json(value: Any, *, indent: bool = False) -> None:
    """Print one JSON document with a line end on standard output; control characters are escaped for a terminal."""
    try:
        text = orjson.dumps(value, option=orjson.OPT_INDENT_2 if indent else 0).decode()
    except TypeError:  # a path whose bytes are not UTF-8: as escapes, which Python's own JSON reads back
        text = json.dumps(value, indent=2 if indent else None, default=str)
    typer.echo(visible_json(named(text)))
