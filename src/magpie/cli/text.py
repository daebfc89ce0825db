"""How things are printed: JSON for scripts, and model output as what it says, never as what it does.

A model can write escape sequences that recolor, retitle or overwrite a terminal; here they are shown, not obeyed.
"""

from __future__ import annotations

import sys
from typing import Any

import orjson
import typer

from magpie.safe.redaction import redact

_KEPT = frozenset("\n\t\u200d\ufe0f")
"""Line ends and tabs, and the joiners inside emoji: not printable by Unicode's word, and harmless."""


def visible(text: str) -> str:
    """The text with every control and formatting character written out, as `\\x1b`."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in _KEPT else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "backslashreplace").decode("ascii")


def print_error(line: str) -> None:
    """One line on standard error, under the command's name, without secrets."""
    print(f"magpie: {visible(redact(line))}", file=sys.stderr)


def print_json(value: Any, *, indent: bool = False) -> None:
    """One JSON document on standard output, ended by a line end."""
    typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2 if indent else 0).decode())
