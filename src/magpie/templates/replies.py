"""Cuts off what a model wrote after an instruction: an answer, worked steps, a later turn.

A text is cut where a line, a paragraph or a sentence starts a reply, and only if the text before it is a whole request.
Where the request works on material ("translate the reply"), where labels make a record or a list of examples, and where
a request follows, the text is left alone. Each rule is a pure, linear function from a text to the text that remains.
"""

from __future__ import annotations

import re
from typing import Final

from magpie.templates import label_words as words
from magpie.templates.text_structure import (
    Label,
    Line,
    begins_with_label,
    end_of_options_in_line,
    has_labels,
    holds_request,
    is_command,
    is_complete,
    is_question,
    is_request,
    is_whole,
    may_be_about,
    option_text,
    options,
    paragraphs,
    read_label,
    read_lines,
)

_READ: Final = 4000
_START: Final = 300
_PLACEHOLDER: Final = re.compile(r"\[\s*(?:[^\W\d_]|\Z|\])|<[^\W\d_]|\{|__|\.\.|\u2026|\Z|\"?\.\.\.")
_COLON: Final = re.compile(r"(?:\*\*|__)?[ \u00a0\u202f]?[:\uff1a](?:\*\*|__)?[ \t]*(?=\S)")
_CJK_NAME: Final = re.compile(r"(?<=[\u3002\uff1f\uff01?!])(?P<name>[\u3040-\u9fff\uac00-\ud7af]{1,6})\Z")
_SPEAKER_B: Final = re.compile(r"\s*(?:\*\*|__)?[Bb] ?[:\uff1a]")
_ROLE_TAG: Final = re.compile(r"\n[ \t]*<(?:assistant|model|ai)>[ \t]*(?=\n|\Z)", re.IGNORECASE)
_SECOND_OPTION: Final = re.compile(r"\bB ?[:).]")
_OPENER: Final = re.compile(rf"[\s*_#>]*(?:{words.REPLY_OPENERS}){words.WORD_END}", re.IGNORECASE)
_FINAL: Final = re.compile(
    r"[\s*_]*(?:####[ \t]*[^\n]{1,80}\Z|=[ \t]*\S[^\n]{0,80}\Z|[\\$\[(\s]*\\boxed\s*\{)", re.IGNORECASE
)
_RESULT: Final = re.compile(
    r"[\s*_]*(?:the (?:final |correct )?answer is\b|(?:so|therefore|thus|hence),? |[\\$\[(\s]*\\boxed\s*\{)",
    re.IGNORECASE,
)
_BOXED_SENTENCE: Final = re.compile(
    r"(?<=[.?!\u3002\uff1f\uff01])\s+[^.?!\n]{0,120}(?:\b(?:is|are|equals|es|est|ist|\u00e9|\u00e8)|[=:\uff1a\u662f])\s*\$?"
    r"\\boxed\s*\{[^\n]{1,200}\Z"
)
_LETTER: Final = re.compile(rf"(?:{words.LETTER_OPENERS})", re.IGNORECASE)
_OWN: Final = re.compile(words.OWN, re.IGNORECASE)
_CLOSING: Final = re.compile(rf"[\s*_(]*(?:{words.CLOSES}){words.WORD_END}", re.IGNORECASE)
_BOLD_ITEM: Final = re.compile(r"\s*(?:\d{1,2}[.)]|[-*\u2022])\s+\*\*")
_GLUED_ROLE: Final = re.compile(r"(?<=[.?!\u3002\uff1f\uff01])[ \t]*(?:assistant|model)[ \t]*:?\s*\Z", re.IGNORECASE)
_SENTENCES: Final = re.compile(r"(?<=[.!?\u3002\uff1f\uff01])\s*")


def further_turn(text: str) -> str:
    """The assistant's turn behind the request, and all after it; also the bare name of the role at the end."""
    stripped = text.rstrip()
    lines = read_lines(text)
    last = read_label(stripped[stripped.rfind("\n") + 1 :]) if "\n" in stripped else None
    if last is not None and last.kind == "user" and not last.body and not has_labels(read_lines(stripped)[:-1]):
        return stripped[: stripped.rfind("\n")].rstrip()
    if (tag := _ROLE_TAG.search(text)) and is_complete(text[: tag.start()]) and "<user>" not in text[: tag.start()]:
        return text[: tag.start()].rstrip()
    if glued := _GLUED_ROLE.search(text[-40:]):
        return text[: len(text) - len(text[-40:]) + glued.start()]
    for place, line in enumerate(lines):
        label = None if line.fenced else read_label(line.text)
        if label is None or label.kind != "assistant" or (label.name == "model" and label.body):  # of a device
            continue
        head = text[: line.start].rstrip()
        if not head:
            return text
        is_last = not label.body and not text[line.end :].strip()
        if not is_last and last is not None and last.kind in ("user", "assistant") and not last.body:
            return text  # a dialogue to continue
        leads = begins_with_label(lines)
        others = has_labels(lines[:place], skip_first=leads)
        if others or _asks_on(text, lines, place, command=True):
            return text
        if not leads and not is_last and (not is_whole(head) or may_be_about(head)):
            return text
        return head
    return text


def answer_label(text: str) -> str:
    """A line that is labelled as an answer or a solution behind a whole request, and all after it."""
    lines = read_lines(text)
    choices = options(lines)
    for place, line in enumerate(lines):
        label = None if line.fenced or (choices and choices[0] <= place <= choices[1]) else read_label(line.text)
        if label is None or label.kind != "answer":
            continue
        if label.name == "a" and any(_SPEAKER_B.match(other.text[:20]) for other in lines):
            return text  # speakers A and B
        return _cut(text, lines, place, label, choices)
    return text


def _cut(text: str, lines: list[Line], place: int, label: Label, choices: tuple[int, int] | None) -> str:
    line = lines[place]
    head = text[: line.start].rstrip()
    if not head or _is_form(text, line, label):
        return text
    is_open = not label.body and not text[line.end :].strip()
    leads = begins_with_label(lines) and not is_open
    kept = lines[:place] if choices is None else [*lines[: choices[0]], *lines[choices[1] + 1 : place]]
    if has_labels(kept, skip_first=leads) or has_labels(lines[place + 1 :], only=("ask", "user")):
        return text
    if is_command(label.body) and not holds_request(head):
        return text  # "Let n be even. Proof: show that ..."
    has_options = choices is not None and choices[1] < place
    if leads or has_options or (is_whole(head) and not may_be_about(head)):
        return text if _asks_on(text, lines, place) else head
    return text


def inline_answer(text: str) -> str:
    """`... ? Answer: 42` in the last line of a request."""
    begin = text.rstrip().rfind("\n") + 1
    line = text[begin:]
    if begin and not is_complete(text[:begin]):
        return text
    led = begins_with_label(read_lines(text))
    # what costs a search is searched once, and not for each of hundreds of labels
    choices = max(0, begin - _READ) + (end_of_options_in_line(text[max(0, begin - _READ) :][: 2 * _READ]) or len(text))
    last_b = max((option.start() for option in _SECOND_OPTION.finditer(line)), default=-1)
    about = False
    for colon in _COLON.finditer(line[:_READ]):
        found = _inline_name(line[max(0, colon.start() - 60) : colon.start()])
        if found is None or _PLACEHOLDER.match(line, colon.end()) or (found[0] == "a" and last_b >= colon.end()):
            continue
        head = text[: begin + colon.start() - found[1]].rstrip(" \t([*_")
        if choices > len(head) and not led:
            if about or not is_complete(head):
                continue
            about = may_be_about(head)  # then so may what follows the label, other labels included
            if about:
                continue
        behind = line[colon.end() :]
        if is_command(behind) and not holds_request(head):
            return text
        if _is_in_quotes(head) or is_question(behind) or any(map(is_request, _SENTENCES.split(behind)[1:])):
            return text
        return head
    return text


def _inline_name(before: str) -> tuple[str, int] | None:
    """The name of an answer, of one to three words, that a text ends with, and how many characters that end has."""
    bare = before.rstrip("*_ \u00a0\u202f")
    pieces = bare.split(" ")
    for count in (3, 2, 1):
        last = " ".join(pieces[-count:]).lstrip("([*_")
        if len(pieces) > count and last.casefold() in words.ANSWERS:
            return last.casefold(), len(last) + len(before) - len(bare)
    glued = _CJK_NAME.search(bare)
    if glued and glued["name"] in words.ANSWERS:
        return glued["name"], len(glued["name"]) + len(before) - len(bare)
    return None


def _is_in_quotes(head: str) -> bool:
    """Whether a text ends inside a quotation."""
    return head.count('"') % 2 == 1 or head.count("\u201c") > head.count("\u201d") + head.count("\u201e")


def right_option(text: str) -> str:
    """A choice said again behind the choices, and all after it."""
    lines = read_lines(text)
    choices = options(lines)
    if choices is None:
        return text
    given = {option_text(line.text) for line in lines[choices[0] : choices[1] + 1]} - {None}
    for place in range(choices[1] + 1, len(lines)):
        if lines[place].blank:
            continue
        line = lines[place].text
        if option_text(line) in given or _OPENER.match(line[:_START]):
            return text[: lines[place].start].rstrip()
        return text
    return text


def worked_steps(text: str) -> str:
    """`## Step 1: ...` behind a whole request, and all after it."""
    lines = read_lines(text)
    for place, line in enumerate(lines):
        label = None if line.fenced else read_label(line.text)
        if label is None or label.kind != "step":
            continue
        head = text[: line.start].rstrip()
        leads = begins_with_label(lines)
        if not head or label.number not in ("1", "\u4e00") or not is_whole(head) or (not leads and may_be_about(head)):
            return text
        unfinished = read_label(lines[-1].text) if lines else None
        if has_labels(lines[:place], skip_first=leads) or (
            unfinished and unfinished.kind == "step" and not unfinished.body
        ):
            return text
        return text if _asks_on(text, lines, place) else head
    return text


def reply_paragraph(text: str) -> str:
    """A paragraph that begins as a reply does, behind a whole request, and all after it; also one behind a question
    where the text ends as a reply does, or has a list of bold points."""
    lines = read_lines(text)
    parts = paragraphs(lines)
    if len(parts) < 2:
        return text
    last = text[lines[parts[-1][0]].start :][:_START]
    closes = len(parts) > 2 and not lines[parts[-1][0]].fenced and bool(_CLOSING.match(last) or _RESULT.match(last))
    bold = sum(_BOLD_ITEM.match(line.text[:40]) is not None for line in lines) > 1
    for begin, _ in parts[1:]:
        before = text[max(0, lines[begin].start - _START) : lines[begin].start]
        begins = _begins_reply(lines[begin].text[:_START], before)
        proved = (closes or bold) and is_question(before)
        if lines[begin].fenced or not (begins or proved):
            continue
        head = text[: lines[begin].start].rstrip()
        label = read_label(lines[begin].text)
        if label is not None and is_command(label.body) and not holds_request(head):
            return text
        if not is_whole(head) or may_be_about(head) or has_labels(lines[:begin], skip_first=True):
            return text
        return text if _asks_on(text, lines, begin) and not closes else head
    return text


def _begins_reply(start: str, before: str) -> bool:
    """Whether a paragraph begins as a reply does, or as the letter that was asked for."""
    if _LETTER.match(start) and not is_question(before):
        return True
    return _OPENER.match(start) is not None and _OWN.search(start[:80]) is None


def final_result(text: str) -> str:
    """A bare result behind a whole request: `\\boxed{2}`, `#### 2`, `= x + 3`."""
    stripped = text.rstrip()
    begin = stripped.rfind("\n") + 1
    head, last = stripped[:begin].rstrip(), stripped[begin:]
    if head and _FINAL.match(last[:_START]) and is_whole(head) and not may_be_about(head):
        return head
    sentence = _BOXED_SENTENCE.search(stripped[-_START:])
    if sentence is None:
        return text
    before = stripped[: len(stripped) - len(stripped[-_START:]) + sentence.start()]
    return before if is_question(before) else text


def _is_form(text: str, line: Line, label: Label) -> bool:
    """Whether an answer is left open, for the reader to fill in: `Answer: ____`, `Answer: [your text]`."""
    behind = label.body or text[line.end :].strip()
    return behind != "" and _PLACEHOLDER.match(behind) is not None


def _asks_on(text: str, lines: list[Line], place: int, *, command: bool = False) -> bool:
    """Whether a last paragraph, other than the one that begins at `place`, is a request; one that a role's name stands
    before is not."""
    begin, _ = paragraphs(lines)[-1]
    if begin <= place or lines[begin].fenced or _CLOSING.match(lines[begin].text[:_START]):
        return False
    before = next((line for line in reversed(lines[:begin]) if not line.blank), None)
    turn = None if before is None else read_label(before.text)
    own = read_label(lines[begin].text)
    if (turn is not None and turn.kind == "user" and not turn.body) or (own is not None and own.kind == "user"):
        return False
    return is_request(text[lines[begin].start :], command=command)
