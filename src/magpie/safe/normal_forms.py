"""Unicode normal forms in time that grows with the length of the text alone.

CPython puts the combining marks behind a letter into order by insertion (`nfd_nfkd` in Modules/unicodedata.c): a run of
marks takes the square of its length, 100,000 of them more than ten seconds. Here a long run is put into order before;
what comes out is the same.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, partial
from itertools import groupby
from typing import Literal

_LONG_RUN = 32
"""Marks in a row, from which they are sorted: more than any language writes (UAX #15, section 13, says 30)."""
_FIRST = 0x300
"""The first combining mark; the last is below 0x20000."""


def nfc(text: str) -> str:
    """`text` composed: a letter and its accents as one character, where there is one.

    >>> nfc("e" + chr(0x301)) == chr(0xE9)
    True
    """
    return _normalized("NFC", "NFD", text)


def nfkc(text: str) -> str:
    """The same, with characters that are written in several ways written in one.

    >>> nfkc(chr(0xFB01))
    'fi'
    """
    return _normalized("NFKC", "NFKD", text)


def _normalized(form: Literal["NFC", "NFKC"], decomposed: Literal["NFD", "NFKD"], text: str) -> str:
    if not text.isascii():
        text = _long_run(decomposed).sub(partial(_in_order, decomposed), text)
    return unicodedata.normalize(form, text)


def _in_order(decomposed: Literal["NFD", "NFKD"], run: re.Match[str]) -> str:
    """A run with the marks behind each letter by their combining classes, as canonical ordering wants them: a stable
    sort."""
    characters = "".join(unicodedata.normalize(decomposed, character) for character in run[0])
    ordered: list[str] = []
    for is_mark, group in groupby(characters, lambda character: unicodedata.combining(character) > 0):
        together = list(group)
        ordered += sorted(together, key=unicodedata.combining) if is_mark else together
    return "".join(ordered)


@cache
def _long_run(decomposed: Literal["NFD", "NFKD"]) -> re.Pattern[str]:
    """Many characters in a row that decompose into nothing but combining marks (a few have no class of their own), or
    that lie beyond the basic plane: all of those, because a class with single ones is ten times as slow."""
    marks = []
    for mark in map(chr, range(_FIRST, 0x10000)):
        may_be = unicodedata.combining(mark) or unicodedata.decomposition(mark)
        if may_be and all(map(unicodedata.combining, unicodedata.normalize(decomposed, mark))):
            marks.append(mark)
    return re.compile(f"[{''.join(marks)}\U00010000-\U0001ffff]{{{_LONG_RUN},}}")
