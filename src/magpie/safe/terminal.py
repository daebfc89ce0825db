"""Text for a terminal: model output as what it says, never as what it does.

A model can write escape sequences that recolor, retitle or overwrite a terminal, and so can a file's name; here they
are shown, not obeyed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from magpie.safe.names import named
from magpie.safe.redaction import redact

_MOST_READ = 1 << 16
"""Of a long text, what `brief` looks for secrets in."""
_KEPT = frozenset("\n\t\u200d\ufe0f")
"""Line ends and tabs, and the joiners inside emoji: not printable by Unicode's word, and harmless."""


def visible(text: str) -> str:
    """The text with every control and formatting character written out, as `\\x1b`."""
    text = named(text)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in _KEPT else _escaped(c) for c in text)


def visible_json(document: str) -> str:
    r"""The same JSON document with each control and formatting character of its texts as an escape of JSON.

    A control character outside of ASCII, such as the one-letter form of `ESC [`, needs no escape in JSON, and acts on
    many terminals. Line ends stay: JSON has them between its values only.

    visible_json('["a\x9b31m"]')  # ["a\u009b31m"]
    """
    if document.isprintable():
        return document
    return "".join(c if c.isprintable() or c in _KEPT else _escaped_in_json(c) for c in document)


def one_line(text: str | Path) -> str:
    r"""The text or path as `visible` has it, line ends and tabs written out too.

    one_line(Path("runs/a\nb"))  # runs/a\nb
    """
    return "".join(c if c.isprintable() or c in "\u200d\ufe0f" else _escaped(c) for c in named(str(text)))


def brief(value: Any, most: int = 80, *, quoted: bool = True) -> str:
    """A value that an error shows: without secrets, as Python writes it, or as it is where it is text and not `quoted`,
    in one line and no longer than `most` characters.

    brief("x" * 5000)  # "'xxx...xxx'... (5,000 characters)"
    """
    if isinstance(value, str):
        safe = redact(value[:_MOST_READ])
        shown = repr(safe[:most]) if quoted else one_line(safe[:most])
        return shown if len(safe) <= most else f"{shown}... ({len(value):,} characters)"
    try:
        shown = repr(value)
    except (ValueError, RecursionError):  # an integer of more digits than Python writes out
        return f"a value of type {type(value).__name__}"
    safe = one_line(redact(shown[:_MOST_READ]))
    return safe if len(safe) <= most else f"{safe[:most]}... ({len(shown):,} characters)"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "backslashreplace").decode("ascii")


def _escaped_in_json(character: str) -> str:
    """`\\u` and four digits for each UTF-16 unit."""
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[place]:02x}{units[place + 1]:02x}" for place in range(0, len(units), 2))
