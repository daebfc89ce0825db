"""The sanitizing rules of earlier runs and of fledgling, whose training texts are all known.

They stay as they were, so that a run that names them can be resumed with the same rows. For other models `wrappings`,
`replies` and `no_request` have replaced them. Patterns are anchored to an edge of the text or to a line, so that their
time is linear.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

_ASKS: Final = r"question|task|instruction|prompt|problem|query|request|user(?: query| question| prompt)?|exercise"
_ANSWERS: Final = r"answer|response|solution|output|assistant|ai|model|reply"
_LABEL: Final = re.compile(
    rf"\A\s*(?:#{{1,6}}[ \t]*)?(?P<bold>\*\*|__)?(?:{_ASKS})(?:[ \t]*\d{{1,3}})?[ \t]*"
    r"(?P<end>:[ \t]*(?P=bold)|(?P=bold)[ \t]*:|(?P=bold)[ \t]*(?=\n)|:)[ \t]*\n*",
    re.IGNORECASE,
)
_PLAIN_LABEL: Final = re.compile(
    rf"\A\s*(?:#{{1,6}}[ \t]*)?(?:{_ASKS})(?:[ \t]*\d{{1,3}})?[ \t]*:[ \t]*\n*", re.IGNORECASE
)
_HEADING: Final = re.compile(
    rf"\A\s*#{{1,6}}[ \t]*(?:\*\*)?(?:{_ASKS})(?:[ \t]*\d{{1,3}})?(?:\*\*)?[ \t]*\n+", re.IGNORECASE
)
_STEP: Final = re.compile(
    r"\A\s*(?:#{1,6}[ \t]*)?(?:\*\*)?step[ \t]+\d{1,3}[ \t]*[:.][ \t]*(?:\*\*)?[ \t]*\n*", re.IGNORECASE
)
_ANSWER: Final = re.compile(
    rf"\n[^\S\n]*+(?:#{{1,6}}[ \t]*)?(?:\*\*|__)?(?:{_ANSWERS})(?:\*\*|__)?[ \t]*+:(?:\*\*|__)?[ \t]*+\S",
    re.IGNORECASE,
)
"""The line end is the last one before the label."""
_FENCE: Final = re.compile(r"\A\s*```[\w+-]*[ \t]*\n(?P<inside>.*?)\n?```\s*\Z", re.DOTALL)
_ROLE_START: Final = re.compile(r"\A\s*(?:user|human)[ \t]*(?::[ \t]*|\n+)(?=\S)", re.IGNORECASE)
_ROLE_LINE: Final = re.compile(r"(?:assistant|user|human|model|system)[ \t]*:?", re.IGNORECASE)
_LONGEST_ROLE_LINE: Final = 200
"""Characters of a last line that may be a role's name."""
_QUOTES: Final = (('"', '"'), ("'", "'"), ("\u201c", "\u201d"), ("\u2018", "\u2019"), ("\u00ab", "\u00bb"))


def label(text: str) -> str:
    """`Question: ...`, `**Task** ...`, `## Problem 3` and their like at the start."""
    for pattern in (_LABEL, _PLAIN_LABEL, _HEADING):
        match = pattern.match(text)
        if match and text[match.end() :].strip():
            return text[match.end() :].strip()
    return text


def step_header(text: str) -> str:
    """`## Step 1: ...` at the start, left by models that begin to solve what nobody asked."""
    match = _STEP.match(text)
    return text[match.end() :].strip() if match and text[match.end() :].strip() else text


def answer_after(text: str) -> str:
    """A question followed by `Answer: ...` on a line of its own; `Answer:` with nothing after it is left alone."""
    match = _ANSWER.search(text)
    if match is None:
        return text
    kept = text[: match.start()].rstrip()
    return kept if _is_question(kept) else text


def _is_question(text: str) -> bool:
    """Whether the words before an answer stand on their own: a question mark or a full stop at the end."""
    return len(text.split()) >= 3 and text.rstrip("*_\"'").endswith(("?", ".", "!"))


def quotes(text: str) -> str:
    """Quotation marks around the whole, where there are none inside."""
    inner = text.strip()
    for opened, closed in _QUOTES:
        if len(inner) > 2 and inner.startswith(opened) and inner.endswith(closed):
            inside = inner[1:-1]
            return text if opened in inside or closed in inside else inside.strip()
    return text


def fence(text: str) -> str:
    """One Markdown fence around the whole."""
    match = _FENCE.match(text)
    if match is None or "```" in match["inside"] or not match["inside"].strip():
        return text
    return match["inside"].strip()


def role_edge(text: str) -> str:
    """A role's name on a line of its own, or with a colon, at the edge of the turn."""
    match = _ROLE_START.match(text)
    ended = _without_role_line(text[match.end() :] if match else text)
    return ended.strip() if ended.strip() and ended != text else text


def _without_role_line(text: str) -> str:
    """`text` up to its last line, where that line is a role's name."""
    before, line_end, last = text.rstrip().rpartition("\n")
    last = last.strip()
    is_role = len(last) <= _LONGEST_ROLE_LINE and _ROLE_LINE.fullmatch(last) is not None
    return before if line_end and is_role else text


EARLIER_RULES: Final[Mapping[str, Callable[[str], str]]] = MappingProxyType(
    {rule.__name__: rule for rule in (label, step_header, answer_after, quotes, fence, role_edge)}
)
