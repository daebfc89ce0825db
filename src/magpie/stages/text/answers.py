"""The final answer in a response, in a form in which equal answers are equal texts: what a majority is counted over.

Rests on how solutions end: `\\boxed{...}`, `#### 12`, "the answer is 12", else the last number. Knows no mathematics:
`x + 1` and `1 + x` are two answers, 0.5 and 1/2 are one. `equal_answers` compares answers as mathematics.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

_BOXED = re.compile(r"\\(?:boxed|fbox)\s*\{")
_HASHES = re.compile(r"^####[ \t]*(.+)$", re.MULTILINE)
_SAYS = re.compile(
    r"\b(?:answer|result|solution)\b(?:\s++(?:is|are|equals|would\s++be)\b\s*+:?|\s*+[:=])\s*+(.+)", re.IGNORECASE
)
"""Possessive, so that long white space is passed once."""
_NUMBER = re.compile(
    r"(?<![\w.,/])[-+\u2212]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:\s*/\s*\d+)?(?!\w)(?![.,/]\d)", re.ASCII
)
_SENTENCE_END = re.compile(r"[.!?](?:\s|$)|\n")
_FRACTION = re.compile(r"\\[dt]?frac\s*+\{([^{}]++)\}\s*+\{([^{}]++)\}")
_WRAPPED = re.compile(r"\\(?:text|mathrm|mathbf|textbf|operatorname)\s*\{([^{}]*)\}")
_NOISE = re.compile(r"\\(?:left|right|[,;!: ])|[$*`]|\\[()\[\]]")
_DELIMITERS = re.compile(r"\*\*|\\[()\[\]]|(?<!\\)\$|`")
_STOPS = " .,;:!?"
_LONGEST = 200
"""Characters of an answer; more is a text, and no two texts agree."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The final answer in a response."""

    text: str
    """Normalised: what is equal as text is one answer."""
    written: str
    """As the response has it, with its case and its mathematics, without the signs that begin and end a formula; of a
    number with its unit, the number."""


def read_answer(response: str) -> Answer | None:
    r"""The answer that a response comes to; None where none can be seen.

    >>> read_answer("So it is $\\boxed{\\frac12}$.")
    Answer(text='\\frac12', written='\\frac12')
    """
    for found in (_boxed(response), _last(_HASHES, response), _said(response)):
        if found is not None and (answer := _answer(found)):
            return answer
    numbers = [match[0] for match in _NUMBER.finditer(_bare(response))]
    return Answer(_exact(numbers[-1]), _plain(numbers[-1])) if numbers else None


def final_answer(response: str) -> str | None:
    """The answer that a response comes to, normalised; None where none can be seen."""
    answer = read_answer(response)
    return None if answer is None else answer.text


def _boxed(text: str) -> str | None:
    """What the last box holds, braces inside it included."""
    opened = list(_BOXED.finditer(text))
    if not opened:
        return None
    start = opened[-1].end()
    depth = 1
    for place in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return text[start:place]
    return None


def _said(text: str) -> str | None:
    """What the last sentence says that tells the answer, up to that sentence's end."""
    found = _last(_SAYS, text)
    return None if found is None else _SENTENCE_END.split(found, maxsplit=1)[0]


def _last(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.findall(text)
    return str(found[-1]) if found else None


def normalised(answer: str) -> str | None:
    """An answer without marks of typesetting, case and closing points; a number alone, or with its unit, is the
    number. None for nothing and for more than an answer."""
    found = _answer(answer)
    return None if found is None else found.text


def _answer(found: str) -> Answer | None:
    bare = " ".join(_bare(found).split()).strip(_STOPS).casefold()
    if not bare or len(bare) > _LONGEST:
        return None
    numbers = [match[0] for match in _NUMBER.finditer(bare)]
    written = " ".join(_DELIMITERS.sub("", found).split()).strip(_STOPS)
    if len(numbers) == 1 and _only_unit(bare.replace(numbers[0], " ", 1)):
        # `2*3` is normalised to 23, and it is no number
        return Answer(_exact(numbers[0]), _plain(numbers[0]) if numbers[0] in written else written)
    return Answer(bare, written)


def _bare(text: str) -> str:
    text = _FRACTION.sub(lambda found: f"{found[1].strip()}/{found[2].strip()}", text)
    return _NOISE.sub("", _WRAPPED.sub(r"\1", text))


def _only_unit(rest: str) -> bool:
    """Whether what stands around a number is at most an `x =`, a currency and a few words: no further mathematics."""
    rest = re.sub(r"^\s*\w+\s*=", " ", rest)
    return not re.search(r"[\d=+*^(){}\[\]\\<>|]|/\s*$", rest) and len(rest.split()) <= 4


def _exact(number: str) -> str:
    """A number as a fraction in lowest terms."""
    plain = _plain(number)
    try:
        return str(Fraction(plain))
    except (ValueError, ZeroDivisionError):
        return plain


def _plain(number: str) -> str:
    return re.sub(r"[\s,+]", "", number.replace("\u2212", "-"))
