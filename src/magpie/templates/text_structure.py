"""The structure of an instruction as a model wrote it: lines, fences, labels, options, and what a request still lacks.

Reads only structure and the words of `label_words`; decides nothing. Every function is linear: a label is sought in the
first characters of a line, and what a pattern searches is cut to a length before.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from magpie.templates import label_words as words

Kind = Literal["ask", "answer", "user", "assistant", "step", "other"]

_NAME: Final = re.compile(
    r"[ \t>]*(?P<hashes>#{1,6}[ \t]*)?(?P<mark>\*\*|__|\*|\[)?[ \t]*(?P<name>[^\W_][^\n:\uff1a*_\[\]`|=<>{}]{0,50}?)"
    r"[ \t\u00a0\u202f]*(?P<end>[:\uff1a][ \t]*(?:\*\*|__|\*|\])?|(?:\*\*|__|\*|\])[ \t]*[:\uff1a]?|$)"
)
_NUMBER: Final = re.compile(r"[ \t]*[#\u2116]?(?P<number>\d{1,3})\Z")
_NUMBERED_CJK: Final = re.compile(
    r"\u7b2c(?P<number>[\u4e00\u4e8c\u4e09\u56db\u4e94\u516d\u4e03\u516b\u4e5d1-9])\u6b65|(?P<before>\d{1,2})\ub2e8\uacc4"
)
_FENCE: Final = re.compile(r"[ \t]*(`{3,20}|~{3,20})")
_LONGEST_LABEL: Final = 120
_OPTION: Final = re.compile(
    r"[ \t]*(?:[-*][ \t]+)?(?:\*\*)?[(\[]?(?P<mark>[A-Ja-j]|[1-9])(?:[).\]\uff0e\u3001\uff09]|:)(?:\*\*)?[ \t]*(?=\S)"
)
_OPTIONS_IN_LINE: Final = re.compile(r"(?:\bA[).]|\(A\)|\ba\)|\(a\))[^\n]{1,200}?(?:\bB[).]|\(B\)|\bb\)|\(b\))")
_ENDS: Final = (".", "?", "!", "\u3002", "\uff1f", "\uff01", "\u061f", "\u0964", "\u2026", "\uff0e")
_CLOSERS: Final = "*_\"'\u201d\u2019\u00bb\u300d\u300f)]\uff09` \t\n"
_QUESTION: Final = ("?", "\uff1f", "\u061f")
_CONTENT: Final = re.compile(r"[:\uff1a]\s*\S|[\"\u201c\u00ab\u300c\u201e][^\"\u201d\u00bb\u300d]{2,}|```|\$[^$]|=")
_WORKS_ON: Final = re.compile(
    rf"(?:\A|[.!?\n]\s*|\b(?:and|please|then|can you|could you|would you|help me)\s)(?:{words.WORKS_ON})\b"
    rf"|{words.WORKS_ON_ANYWHERE}",
    re.IGNORECASE,
)
_POINTS_AT: Final = re.compile(words.POINTS_AT, re.IGNORECASE)
_POINTS_AHEAD: Final = re.compile(words.POINTS_AHEAD, re.IGNORECASE)
_SENTENCE: Final = re.compile(r"[.!?\u3002\uff1f\uff01]\s*")
_SENTENCE_ENDS: Final = re.compile(r"(?<=[.!?\u3002\uff1f\uff01])\s*|\n+")
_OWN_TEXTS: Final = re.compile(words.OWN_TEXTS, re.IGNORECASE)
_MENTIONS: Final = re.compile(words.MENTIONS_ANSWERS, re.IGNORECASE)
_POLITE: Final = re.compile(words.POLITE, re.IGNORECASE)
_WORD: Final = re.compile(r"[^\W\d_]+")
_READ: Final = 4000
"""Characters of a request that are looked through."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a text."""

    start: int
    end: int
    text: str
    fenced: bool
    """Whether it is part of a fenced block: its words are content."""

    @property
    def blank(self) -> bool:
        return not self.text.strip()


@dataclass(frozen=True, slots=True)
class Label:
    """What a line begins with: `**Answer:**`, `## Solution`, `[USER]`, `Step 3.`"""

    kind: Kind
    name: str
    number: str | None
    form: Literal["colon", "heading", "bare", "bracket"]
    body: str
    """What stands behind it in its line."""


def read_lines(text: str) -> list[Line]:
    """The lines, without their ends. A fence that is not closed reaches to the end. What closes one is as long as what
    opened it, and of the same kind."""
    found, start, fence = [], 0, ""
    for piece in text.split("\n"):
        mark = _FENCE.match(piece)
        found.append(Line(start, start + len(piece), piece, bool(fence or mark)))
        if mark and mark[1].startswith(fence):
            fence = "" if fence else mark[1]
        start += len(piece) + 1
    return found


def read_label(line: str) -> Label | None:
    """The label that a line begins with.

    >>> read_label("**Correct Answer:** B")
    Label(kind='answer', name='correct answer', number=None, form='colon', body='B')
    """
    match = _NAME.match(line[:_LONGEST_LABEL])
    if match is None:
        return None
    marked, closed = bool(match["hashes"] or match["mark"]), match["end"]
    body = line[match.end() :].strip()
    has_colon = ":" in closed or "\uff1a" in closed
    if has_colon:
        form: Literal["colon", "heading", "bare", "bracket"] = "colon"
    elif match["mark"] == "[" and closed.startswith("]"):
        form = "bracket"
    elif body or (match["mark"] and not closed):
        return None
    else:
        form = "heading" if marked else "bare"
    name = " ".join(match["name"].casefold().split())
    number = _NUMBER.search(name)
    cjk = _NUMBERED_CJK.fullmatch(name)
    if cjk:
        return Label("step", "step", cjk["number"] or cjk["before"], form, body)
    bare_name = name[: number.start()] if number else name
    kind = _kind(bare_name, form, body, numbered=number is not None)
    return None if kind is None else Label(kind, bare_name, number and number["number"], form, body)


def _kind(name: str, form: str, body: str, *, numbered: bool) -> Kind | None:
    if name in words.STEPS and numbered and form in ("colon", "heading"):
        return "step"
    if name in words.ASSISTANTS:
        return "assistant"
    if name in words.USERS:
        return "user"
    if form == "bracket":
        return None
    if form != "bare":
        if name in words.ANSWERS:
            return "answer"
        if name in words.ASKS:
            return "ask"
    is_short = len(name.split()) <= 4 and not body.startswith("//")
    return "other" if form == "colon" and is_short else None


def is_complete(text: str) -> bool:
    """Whether a text ends as a sentence does; a parenthesis may follow."""
    return text.rstrip(_CLOSERS).endswith(_ENDS) or _without_parenthesis(text).rstrip(_CLOSERS).endswith(_ENDS)


def _without_parenthesis(text: str) -> str:
    """A text without the parenthesis that it ends with."""
    ended = text.rstrip()
    if not ended.endswith((")", "\uff09")):
        return text
    begin = max(ended.rfind("(", -200), ended.rfind("\uff08", -200))
    return ended[:begin] if begin > 0 else text


def is_question(text: str) -> bool:
    """Whether a text ends with a question mark; a parenthesis may follow."""
    return _without_parenthesis(text).rstrip(_CLOSERS).endswith(_QUESTION)


def is_request(paragraph: str, *, command: bool = False) -> bool:
    """Whether a paragraph asks for something: it ends with a question mark, or begins as a request does.

    command: whether any command counts as one, also those that an answer may be made of.
    """
    start = paragraph.lstrip()[:300]
    first = _WORD.match(start)
    asks = first is not None and first[0].casefold() in (words.COMMANDS if command else words.REQUESTS)
    return is_question(paragraph) or asks or _POLITE.search(start) is not None


def is_command(text: str) -> bool:
    """Whether a text is a request in the form of a command, and not a word or two: "show that n is even"."""
    words_of = _WORD.findall(text[:300])
    return len(words_of) > 3 and (words_of[0].casefold() in words.IMPERATIVES or _POLITE.search(text[:300]) is not None)


def holds_request(text: str) -> bool:
    """Whether one of the sentences of a text asks for something."""
    return any(is_request(part, command=True) for part in _SENTENCE_ENDS.split(text[-_READ:]) if part.strip())


def lacks_material(head: str) -> bool:
    """Whether a request works on a text that it does not hold itself: what follows is then that text, and no reply."""
    lines = [line.strip() for line in head.strip()[-_READ:].splitlines()]
    head = "\n".join(line for line in lines if line)  # a run of line ends is read again from each of them
    if head.endswith((":", "\uff1a")):
        return True
    if _CONTENT.search(head):
        return False
    if _WORKS_ON.search(head) or _OWN_TEXTS.search(head):
        return True
    sentences = [part for part in _SENTENCE.split(head) if part.strip()]
    pattern = _POINTS_AHEAD if len(sentences) > 1 else _POINTS_AT  # "this" may be what was said before
    return bool(sentences) and pattern.search(sentences[-1]) is not None


def mentions_answers(head: str) -> bool:
    """Whether a request is about answers: one that follows may be its material."""
    return _MENTIONS.search(head[-_READ:]) is not None


def options(lines: Sequence[Line]) -> tuple[int, int] | None:
    """The first and the last line of the choices of a question: at least two, marked A, B, C or 1, 2, 3; the last such
    block that begins with the first mark."""
    found = None
    begin, expected, last = -1, "", -1
    for place, line in enumerate(lines):
        if line.fenced or (line.blank and begin >= 0):
            continue
        match = _OPTION.match(line.text)
        mark = match["mark"] if match else ""
        if mark and mark == expected:
            last, expected = place, chr(ord(mark) + 1)
            found = (begin, last)
        elif mark in ("A", "a", "1"):
            begin, last, expected = place, place, chr(ord(mark) + 1)
        else:
            begin, expected = -1, ""
    return found


def end_of_options_in_line(text: str) -> int | None:
    """Where a line has first given two choices one behind the other, `A) ... B)`; None where it gives none.

    It takes time for each of the text's first marks: give it a text of a bounded length.
    """
    match = _OPTIONS_IN_LINE.search(text)
    return None if match is None else match.end()


def option_text(line: str) -> str | None:
    """A choice without white space and marks, to compare with another; None for what is none."""
    if _OPTION.match(line) is None:
        return None
    return " ".join(line.replace("*", " ").casefold().split()).rstrip(". ")


def paragraphs(lines: Sequence[Line]) -> list[tuple[int, int]]:
    """The first line of each paragraph and the one after its last. A fenced block is part of the paragraph that it
    follows without a blank line, blank lines in it included."""
    found: list[tuple[int, int]] = []
    begin: int | None = None
    for place, line in enumerate(lines):
        if line.blank and not line.fenced:
            if begin is not None:
                found.append((begin, place))
            begin = None
        elif begin is None:
            begin = place
    if begin is not None:
        found.append((begin, len(lines)))
    return found


def is_whole(head: str) -> bool:
    """Whether a request stands on its own: it ends as a sentence does, and says something."""
    return is_complete(head) and len(head.strip()) > 5


def may_be_about(head: str) -> bool:
    """Whether what follows a request may be what it is about."""
    return lacks_material(head) or mentions_answers(head)


def begins_with_label(lines: Sequence[Line]) -> bool:
    """Whether a text begins with a label of the request, or of the user."""
    first = next((line for line in lines if not line.blank), None)
    label = None if first is None or first.fenced else read_label(first.text)
    return label is not None and label.kind in ("ask", "user")


def has_labels(lines: Sequence[Line], *, skip_first: bool = False, only: tuple[str, ...] = ()) -> bool:
    """Whether lines have labels: they are then entries of a record, or turns."""
    shown = [line for line in lines if not line.blank]
    for line in shown[1:] if skip_first else shown:
        label = None if line.fenced else read_label(line.text)
        if label is not None and (not only or label.kind in only):
            return True
    return False
