"""Verdicts and grades in what a judge wrote out: `Verdict: A`, `[[B]]`, `[[A>>B]]`, `Grade: 7`, `{"score": "7"}`.

A reply that says two different things says nothing. Knows replies; knows no prompt and no row.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

LONGEST = 20_000
"""Characters at the end of a reply that are looked at: a verdict comes last."""
_BRACKETS = re.compile(r"\[\[([^\[\]\n]{1,40})\]\]")
_NAMED = re.compile(
    r"(?:verdict|choice|winner|preference|better(?:[ ]answer|[ ]response)?)[\"'*_ ]{0,4}(?::|=|[ ]is)"
    r"[ ]{0,4}([^\n.,}]{1,40})",
    re.IGNORECASE,
)
_GRADE = re.compile(
    r"(?:grade|score|rating)[\"'*_ ]{0,4}(?::|=|[ ]is)[\"'*_ ]{0,4}(\d{1,2}(?:\.\d{1,2})?)(?![\d])", re.IGNORECASE
)
_NUMBER = re.compile(r"(\d{1,2}(?:\.\d{1,2})?)(?:[ ]?/[ ]?10)?")
_FRAME = " \t\"'`*_[]()<>{}.:;,!"
_TIES = frozenset({"tie", "draw", "equal", "neither", "both", "same", "c"})


def read_verdict(reply: str, labels: Sequence[str]) -> float | None:
    """The preference for what stands under the first label: 1, 0, or 0.5 for a tie; None where the reply says none.

    >>> read_verdict("Both are fine, B is shorter.\\n\\nVerdict: B", ("A", "B"))
    0.0
    """
    reply = reply[-LONGEST:]
    named = [match[1] for match in _BRACKETS.finditer(reply)] or [match[1] for match in _NAMED.finditer(reply)]
    lines = [line for line in reply.splitlines() if line.strip(_FRAME)]
    said = named or lines[-1:]
    found = {_preference(one, labels) for one in said}
    return found.pop() if len(found) == 1 else None


def _preference(said: str, labels: Sequence[str]) -> float | None:
    word = said.strip(_FRAME)
    first, second = labels
    if word in (first, second):
        return float(word == first)
    plain = word.replace(" ", "")
    for sign, flipped in ((">", False), ("<", True)):
        for strength in (sign, 2 * sign):
            if plain in (f"{first}{strength}{second}", f"{second}{strength}{first}"):
                return float(plain.startswith(first) != flipped)
    if word.casefold() in _TIES or plain in (f"{first}={second}", f"{second}={first}"):
        return 0.5
    words = word.split()
    if len(words) == 2 and words[0].casefold() in ("answer", "response", "assistant", "model") and words[1] in labels:
        return float(words[1] == first)
    return None


def read_grade(reply: str, least: float = 1.0, most: float = 10.0) -> float | None:
    """The grade that a reply gives; None where it gives none, two, or one outside the scale.

    >>> read_grade('{"strengths": "short", "score": "7"}')
    7.0
    """
    reply = reply[-LONGEST:]
    said = [match[1] for match in _BRACKETS.finditer(reply)] or [match[1] for match in _GRADE.finditer(reply)]
    if not said:
        lines = [line for line in reply.splitlines() if line.strip(_FRAME)]
        said = lines[-1:]
    found = {_number(one) for one in said}
    grade = found.pop() if len(found) == 1 else None
    return grade if grade is not None and least <= grade <= most else None


def _number(said: str) -> float | None:
    match = _NUMBER.fullmatch(said.strip(_FRAME))
    return None if match is None else float(match[1])
