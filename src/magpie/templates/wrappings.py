"""What a model writes around an instruction: special tokens, fences, tags, quotation marks, labels, preambles, remarks.

Each function is a pure, linear rule from a text to the text that remains.
"""

from __future__ import annotations

import re
from typing import Final

from magpie.templates import label_words as words
from magpie.templates.text_structure import (
    has_labels,
    is_complete,
    is_request,
    is_whole,
    may_be_about,
    paragraphs,
    read_label,
    read_lines,
)

_START: Final = 300
_TOKEN: Final = re.compile(
    r"<\|[A-Za-z0-9_]{1,40}\|>|<\uff5c[^<>\uff5c\s]{1,60}\uff5c>|</?s>|<(?:bos|eos|pad)>|<(?:start|end)_of_turn>|\[/?INST\]"
)
_TOKEN_START: Final = re.compile(rf"\s*(?:(?:{_TOKEN.pattern})\s*(?:(?:user|human)\s*(?=\n|<\|))?\s*)+", re.IGNORECASE)
_TAGGED: Final = re.compile(r"\s*<(?P<tag>[A-Za-z_]{1,30})>\s*(?=\S)")
_NUMBERED: Final = re.compile(
    r"\s*(?:\*\*|#{1,6}[ \t]*)?(?P<name>[^\W\d_]{1,20})[ \t]+\d{1,3}[.)](?:\*\*)?[ \t]+(?=\S)"
)
_REMARK: Final = re.compile(rf"(?:{words.ADDS}){words.WORD_END}", re.IGNORECASE)
_CLOSING: Final = re.compile(rf"[\s*_(]*(?:{words.CLOSES}){words.WORD_END}", re.IGNORECASE)
_OWN: Final = re.compile(words.OWN, re.IGNORECASE)
_AGREES: Final = re.compile(rf"[\s*_]*{words.SAYS_YES}[^\n]{{0,150}}[:\uff1a][*_ \t]*\n\s*", re.IGNORECASE)
_ANNOUNCES: Final = re.compile(rf"[\s*_]*(?:{words.ANNOUNCES})\s+(?=\S)", re.IGNORECASE)
_HASHTAGS: Final = re.compile(r"(?:#[^\W_][\w-]{0,40}[ \t,]*){1,20}\Z")
_PREAMBLE: Final = re.compile(
    rf"[\s*_#]*(?:{words.PRESENTS}|{words.GOES_AHEAD}[!.,\uff01\uff0c\u3002\u3001]?)[^\n:\uff1a.?!]{{0,80}}?"
    rf"(?:{words.ASK_NOUNS})(?![a-z\u00df-\u024f])"
    r"[^\n:\uff1a.?!]{0,40}[:\uff1a][*_ \t]*\s*",
    re.IGNORECASE,
)
_QUOTES: Final = (
    ('"', '"'),
    ("\u201c", "\u201d"),
    ("\u201e", "\u201c"),
    ("\u00ab", "\u00bb"),
    ("\u300c", "\u300d"),
    ("\u300e", "\u300f"),
    ("\u2018", "\u2019"),
    ("'", "'"),
    ("`", "`"),
)
_MEASURED: Final = re.compile(r"(?:[\d\u00bc-\u00be\u2150-\u215e]|(?<![^\W\d_])[a-z])\"\Z")
"""Inches, seconds of an arc, a second derivative: `12"`, `y"`."""
_CLOSED: Final = frozenset(closed for _, closed in _QUOTES)
_FENCE: Final = re.compile(r"\s*(?P<fence>`{3,20}|~{3,20})(?P<language>[\w+-]*)[ \t]*\n", re.IGNORECASE)
_PROSE: Final = {"", "text", "txt", "plaintext", "markdown", "md"}


def special_token(text: str) -> str:
    """Special tokens of chat templates, written out: before the request, and from the one that ends it."""
    begins = _TOKEN_START.match(text)
    rest = text[begins.end() :] if begins and begins.end() < len(text) else text
    for token in _TOKEN.finditer(rest):
        behind = rest[token.end() :].lstrip(" \t")
        ends = not behind or behind[0] == "\n" or _TOKEN.match(behind) is not None
        head = rest[: token.start()]
        if ends and (begins or head.rstrip() == head or is_complete(head)):
            return head.strip()
        return text if not begins else rest.strip()  # a request that speaks of tokens
    return rest.strip() if begins else text


def wrapping_fence(text: str) -> str:
    """A Markdown fence around the whole that holds prose, also one that is not closed."""
    opened = _FENCE.match(text)
    if opened is None or opened["language"].casefold() not in _PROSE:
        return text
    inside, fence = text[opened.end() :].rstrip(), opened["fence"]
    if inside.endswith(fence):
        inside = inside.rstrip(fence[0])
    return text if fence in inside else inside.strip()  # there are several; one of the other kind is content


def wrapping_tag(text: str) -> str:
    """A tag around the whole that is named as an instruction is: `<question> ... </question>`."""
    opened = _TAGGED.match(text)
    if opened is None or opened["tag"].casefold().replace("_", " ") not in words.ASKS:
        return text
    inside = text[opened.end() :].rstrip()
    closing = f"</{opened['tag']}>"
    if not inside.endswith(closing) or closing in inside[: -len(closing)]:
        return text
    return inside[: -len(closing)].strip()


def wrapping_quotes(text: str) -> str:
    """Quotation marks around the whole, or before it, where there are none of their kind inside."""
    inner = text.strip()
    if inner[-1:] == "." and inner[-2:-1] in _CLOSED and inner[-3:-2] in ".?!":
        inner = inner[:-1]  # "What is love?".
    for mark in ("**", "*", "__"):
        inside = inner[len(mark) : -len(mark)]
        if len(inner) > 4 and inner.startswith(mark) and inner.endswith(mark) and mark not in inside and inside.strip():
            return text if mark == "__" and inside.isidentifier() else inside.strip()  # __init__ is a name
    for opened, closed in _QUOTES:
        if len(inner) > 2 and inner.startswith(opened) and inner.endswith(closed):
            inside = inner[1:-1]
            return text if opened in inside or closed in inside else inside.strip()
        if closed not in "'\u2019`*" and inner.endswith(closed) and not (opened in inner[:-1] or closed in inner[:-1]):
            return text if closed == '"' and _MEASURED.search(inner[-20:]) else inner[:-1].strip()
        if opened not in "'\u2018`" and inner.startswith(opened) and not (opened in inner[1:] or closed in inner[1:]):
            return inner[1:].strip()
    return text


def question_label(text: str) -> str:
    """`Question:`, `**Task 2:**`, `## Problem`, `User:` at the start, where it is no entry of a record."""
    lines = read_lines(text)
    first = next((place for place, line in enumerate(lines) if not line.blank), None)
    if first is None or lines[first].fenced:
        return text
    numbered = _NUMBERED.match(lines[first].text[:60])
    if numbered and numbered["name"].casefold() in words.ASKS:
        return text[lines[first].start + numbered.end() :].strip()
    label = read_label(lines[first].text)
    if label is None or label.kind not in ("ask", "user"):
        return text
    following = [read_label(line.text) for line in lines[first + 1 :] if not line.blank and not line.fenced]
    if label.body and following and following[0] is not None and following[0].kind not in ("answer", "assistant"):
        return text  # the first of several entries
    if label.kind == "user" and label.body[:1].islower():
        return text  # "Human: machine interaction"
    kinds = ("step",) if label.kind == "user" else ("step", "other")
    if any(other is not None and other.kind not in kinds for other in following):
        return text  # examples, a dialogue, or a question whose answer stays
    rest = text[lines[first].end - len(label.body) :] if label.body else text[lines[first].end :]
    return rest.strip() or ("" if label.kind == "ask" else text)


def preamble(text: str) -> str:
    """`Here is a question:` before the request."""
    match = _ANNOUNCES.match(text[:_START]) or _AGREES.match(text[:_START]) or _PREAMBLE.match(text[:_START])
    if (
        match is None or _OWN.search(match[0]) or text[match.end() : match.end() + 1].islower()
    ):  # "Here is a prompt for you: describe ..."
        return text
    return text[match.end() :].strip()


def remark(text: str) -> str:
    """A last paragraph about the text itself: `(This is a prompt that ...)`, `Difficulty: easy`."""
    lines = read_lines(text)
    parts = paragraphs(lines)
    if not parts:
        return text
    begin = parts[-1][0]
    if parts[-1][1] - begin > 1 and lines[parts[-1][1] - 1].text.strip()[:1] in ("(", "[", "*"):
        begin = parts[-1][1] - 1  # a last line in brackets
    head, tail = text[: lines[begin].start].rstrip(), text[lines[begin].start :].strip()
    before, _, rule = head.rpartition("\n")
    head = before.rstrip() if rule.strip() and not rule.strip("-*_ ") else head
    tail = tail.replace("*", "").replace("__", "").strip("[]() \n") if tail[:1] in "([*_" else tail
    entries = [read_label(line) for line in tail.split("\n")]
    is_data = all(entry is not None and entry.name in words.METADATA and entry.body for entry in entries)
    is_data = is_data or _HASHTAGS.match(tail) is not None
    is_remark = _REMARK.match(tail.lstrip("*_([- ")) is not None or _CLOSING.match(tail) is not None
    if lines[begin].fenced or not (is_data or is_remark) or not is_whole(head) or may_be_about(head):
        return text
    if (is_remark and is_request(tail) and not _CLOSING.match(tail)) or has_labels(lines[:begin], skip_first=True):
        return text
    return head
