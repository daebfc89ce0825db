"""What of a selection's text a message shows."""

from __future__ import annotations


def clipped(text: str, most: int = 200) -> str:
    """A text on one line, as messages show it."""
    line = " ".join(text[: 4 * most].split())
    return line if len(line) <= most and len(text) <= 4 * most else f"{line[:most]}..."
