"""Cuts a text into pieces that a judge can name by their number: labels, sentences, lines, fenced blocks. Pure.

Pieces are places in the text, so what a judge names is cut out of it to the letter, and a judge can add nothing.
"""

from __future__ import annotations

import re
from typing import Final

MOST: Final = 100
"""Pieces of a text; one of more is not judged."""

Span = tuple[int, int]

_LABEL: Final = re.compile(r"[ \t*_#>(\[]{0,12}\w[\w '/-]{0,28}\w?[*_]{0,3}(?::[*_]{0,3}[ \t]+|\uff1a)(?=\S)")
"""Up to five words and a colon at a line's start, with something behind them."""
_SENTENCE_END: Final = re.compile(
    r"[.!?\u2026\u061f\u0964][\"')\]\u201d\u2019\u00bb*_]{0,4}(?=\s)|[\u3002\uff01\uff1f][\"'\u201d\u2019\u300d\u300f)\uff09]{0,4}"
)


def pieces(text: str) -> tuple[Span, ...] | None:
    """Where each piece begins and ends, in order, white space left out; None where there are too many.

    >>> [("What is 2 + 2? Answer: 4")[a:b] for a, b in pieces("What is 2 + 2? Answer: 4")]
    ['What is 2 + 2?', 'Answer: 4']
    """
    found: list[Span] = []
    place, fence = 0, -1
    for line in text.split("\n"):
        end = place + len(line)
        opens = line.lstrip()[:3] in ("```", "~~~")
        if fence >= 0:
            found[-1] = (fence, end)
            fence = -1 if opens else fence
        elif opens:
            fence = place
            _add(found, text, place, end)
        else:
            _cut_line(found, text, place, end)
        if len(found) > MOST:
            return None
        place = end + 1
    return tuple(found)


def _cut_line(found: list[Span], text: str, start: int, end: int) -> None:
    label = _LABEL.match(text, start, end)
    if label is not None:
        _add(found, text, start, label.end())
        start = label.end()
    for mark in _SENTENCE_END.finditer(text, start, end):
        _add(found, text, start, mark.end())
        start = mark.end()
        if len(found) > MOST:
            return
    _add(found, text, start, end)


def _add(found: list[Span], text: str, start: int, end: int) -> None:
    piece = text[start:end]
    if piece.strip():
        found.append((start + len(piece) - len(piece.lstrip()), end - len(piece) + len(piece.rstrip())))


def numbered(text: str, spans: tuple[Span, ...]) -> str:
    """The pieces as the judge is shown them. No text can close its tag or open another.

    >>> numbered("Why?", ((0, 4),))
    '<piece n="1">Why?</piece>'
    """
    shown = (text[start:end].replace("<piece", "<\\piece").replace("</piece", "<\\/piece") for start, end in spans)
    return "\n".join(f'<piece n="{number}">{piece}</piece>' for number, piece in enumerate(shown, start=1))
