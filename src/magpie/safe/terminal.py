"""Text for a terminal: model output as what it says, never as what it does.

A model can write escape sequences that recolor, retitle or overwrite a terminal; here they are shown, not obeyed.
"""

from __future__ import annotations

_KEPT = frozenset("\n\t\u200d\ufe0f")
"""Line ends and tabs, and the joiners inside emoji: not printable by Unicode's word, and harmless."""


def visible(text: str) -> str:
    """The text with every control and formatting character written out, as `\\x1b`."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in _KEPT else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "backslashreplace").decode("ascii")
