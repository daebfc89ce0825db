"""Asks a judge which pieces of an instruction are the user's message, and keeps these, to the letter.

A judge answers with two numbers, so that nothing it writes gets into an instruction. What cannot be read, or cannot be
asked, leaves the instruction as it is. Knows a judge; knows no other stage.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from magpie.errors import ContextFull, TemplateError
from magpie.seams import Asking, Columns, Completion, Drop, JsonSchema, Message, Prompt, Request, Row, Tokens
from magpie.stages.judging.objects import Pairs, find_objects
from magpie.stages.judging.prompts import JudgePrompt
from magpie.stages.respond.work import Responder
from magpie.stages.sanitize.pieces import numbered, pieces

LONGEST_RAW = 500
"""Characters of a reply that are kept where it cannot be read."""
_NUMBER = re.compile(r"\s{0,9}([0-9]{1,4})(?:\.0)?\s{0,9}")

Named = tuple[int, int]
"""The first and the last piece, counted from 1; both are 0 where no piece asks for anything."""


@dataclass(frozen=True, slots=True)
class Judge:
    """A model that says what is the user's."""

    speaker: Responder
    prompt: JudgePrompt
    room: int | None = None
    """The most tokens of a prompt; None where that is not known."""
    again: int = 1
    """How often a reply that cannot be read is asked for again."""
    holds: bool = False
    """Whether replies after the first are held to a JSON schema."""

    def ask(self, shown: str) -> Prompt | None:
        """The prompt; None where its chat template refuses it, and where it does not fit: a judge that sees a part
        cannot say where the message ends."""
        try:
            asked = self.speaker.chat.next_assistant((Message("user", self.prompt.render({"pieces": shown})),))
        except TemplateError:
            return None
        fits = self.room is None or not isinstance(asked, Tokens) or len(asked.ids) <= self.room
        return asked if fits else None

    def request(self, prompt: Prompt, attempt: int, count: int) -> Request:
        structure = JsonSchema(schema(count)) if attempt and self.holds else None
        return Request(prompt, self.speaker.sampling, self.speaker.engine, structure=structure)


def sanitize(row: Row, judge: Judge) -> Asking:
    """Ask, and again where the reply cannot be read. Drops what holds no message (`no_request`)."""
    text: str = row["instruction"]
    spans = pieces(text)
    prompt = judge.ask(numbered(text, spans)) if spans else None
    if not spans or prompt is None:
        return _columns(text, None)
    unread: list[str] = []
    for attempt in range(1 + judge.again):
        try:
            completion: Completion = yield judge.request(prompt, attempt, len(spans))
        except ContextFull:
            break
        words = str(judge.speaker.read(completion)[0]["response"])
        named = read_named(words, len(spans))
        if named is None:
            unread.append(words[:LONGEST_RAW])
            continue
        first, last = named
        if not last:
            return Drop("no_request", _columns(text, "no_request"))
        whole = (first, last) == (1, len(spans))
        kept = text if whole else text[spans[first - 1][0] : spans[last - 1][1]]
        return _columns(kept, "whole" if whole else "cut")
    return {**_columns(text, None), "sanitize_raw": unread or None}


def _columns(text: str, verdict: str | None) -> Columns:
    return {"instruction": text, "sanitize_verdict": verdict, "sanitize_raw": None}


def schema(count: int) -> str:
    """The JSON schema of a reply on `count` pieces."""
    number = {"enum": list(range(count + 1))}
    keys = {"first": number, "last": number}
    return json.dumps({"type": "object", "properties": keys, "required": list(keys), "additionalProperties": False})


def read_named(reply: str, count: int) -> Named | None:
    """The pieces that a reply names; None where it names none of `count`, or not one range.

    >>> read_named('Here: {"first": 1, "last": 2}', 3)
    (1, 2)
    """
    objects = [dict(one) for one in find_objects(reply).objects if _has_both(one)]
    said = {(_number(one["first"]), _number(one["last"])) for one in objects}
    if len(said) != 1:
        return None
    first, last = said.pop()
    if first is None or last is None or not (first == last == 0 or 1 <= first <= last <= count):
        return None
    return first, last


def _has_both(pairs: Pairs) -> bool:
    names: Sequence[str] = [key for key, _ in pairs]
    return names.count("first") == 1 and names.count("last") == 1


def _number(value: Any) -> int | None:
    found = _NUMBER.fullmatch(value) if isinstance(value, str) else None
    return int(found[1]) if found else None
