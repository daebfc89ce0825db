"""The words of a text, in any script, and what two texts have in common once their spelling is leveled.

A word is a run of letters, digits and the marks that belong to them; in scripts that put no space between words
(Chinese, Japanese, Thai and their like) each character is one. Knows no rule and no stage.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from itertools import islice

from magpie.safe.normal_forms import nfc

_UNSPACED = (
    "\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Tibetan, Burmese, Khmer
    "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f"  # kana, Chinese characters
    "\U00020000-\U0003ffff"
)
"""Scripts that put no space between words, as ranges of a character class."""

PUNCTUATION = "".join(
    re.escape(mark) for mark in ".,;:!?…·\"'`´‘’‚“”„«»‹›()[]{}。、，；：！？．「」『』（）【】《》〈〉।॥؟،؛¿¡—–"
)
"""Marks that say nothing of the task: between words and around them. Signs such as + and / are not among them, for
they may be all that tells one sum from another, and ! is one of them after a number or a letter."""


_END_MARKS = " .?!。？！．…।؟"


def level(text: str) -> str:
    """`text` as texts are compared: composed, without case, with single spaces, without marks at its end.

    Not NFKC: it writes 3² as 32. A factorial keeps its mark.
    """
    text = " ".join(nfc(text).casefold().split())
    bare = text.rstrip(_END_MARKS)
    return f"{bare}!" if text[len(bare) : len(bare) + 1] == "!" and _takes_factorial(bare) else bare


def _takes_factorial(text: str) -> bool:
    """Whether it ends with a number, a bracket or a letter that stands alone."""
    last, before = text[-1:], text[-2:-1]
    return last == ")" or last.isdecimal() or (last.isalpha() and not before.isalnum())


def words(text: str) -> list[str]:
    """The words of `text`, leveled."""
    return _word().findall(nfc(text).casefold())


def words_and_signs(text: str) -> list[str]:
    """The same with every sign that is no punctuation mark, each for itself."""
    return _word_or_sign().findall(nfc(text).casefold())


def between_words(text: str, first: int, last: int) -> str:
    """`text`, composed, from its word of number `first` to that of number `last`, with what stands between them."""
    composed = nfc(text)
    found = list(islice(_word().finditer(composed), first, last + 1))
    return composed[found[0].start() : found[-1].end()] if found else ""


@cache
def _word() -> re.Pattern[str]:
    return re.compile(_word_pattern())


@cache
def _word_or_sign() -> re.Pattern[str]:
    return re.compile(rf"{_word_pattern()}|[^\s{PUNCTUATION}]|(?<=[\d)])!|(?<=\W[^\W\d_])!")


def _word_pattern() -> str:
    """An unspaced character, or a run of others. Python's `\\w` lacks the marks that half of the letters of Hindi are
    written with."""
    within = rf"[^\W{_UNSPACED}]++|[{_marks()}]++"
    return rf"[{_UNSPACED}]|(?:{within})++"


@cache
def _marks() -> str:
    """The combining marks outside those scripts, as a character class."""
    unspaced = re.compile(f"[{_UNSPACED}]")
    every = [n for n in range(0x300, 0x11000) if unicodedata.category(chr(n))[0] == "M"]
    ranges: list[list[int]] = []
    for n in every:
        if unspaced.match(chr(n)):
            continue
        if ranges and ranges[-1][1] == n - 1:
            ranges[-1][1] = n
        else:
            ranges.append([n, n])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)
