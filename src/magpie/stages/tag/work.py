"""Tags each instruction: how well it is put, how hard it is, which kind of task it is (Magpie, section 3, appendix C).

A tag that cannot be read is asked for again, then left null with the judge's words; a row is never dropped for it.
Knows a judge and questions; knows no other stage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from magpie.errors import ContextFull
from magpie.seams import Asking, Completion, JsonSchema, Prompt, Request, Row
from magpie.stages.judging.letters import distribution, expected, judge_prompt, letter_request, likeliest
from magpie.stages.judging.replies import Reading, read
from magpie.stages.respond.work import Responder
from magpie.stages.tag.questions import Question, schema

LONGEST_RAW = 2000
"""Characters of a reply that are kept where it cannot be read."""
AGAIN_TEMPERATURE = 0.7
"""The least at which a question is asked again: what greedy decoding got wrong, it gets wrong every time."""


@dataclass(frozen=True, slots=True)
class Judge:
    """A model that judges."""

    speaker: Responder
    room: int | None = None
    """The most tokens of a prompt; None where that is not known."""
    again: int = 2
    """How often a reply that cannot be read is asked for again."""
    structured_from: int | None = None
    """The first try that holds the reply to the schema, and is as greedy as the very first: 0 all of them, 1 those that
    repair, None never."""

    def request(self, prompt: Prompt, question: Question, attempt: int) -> Request:
        sampling = self.speaker.sampling
        if attempt and attempt != self.structured_from:
            sampling = replace(sampling, temperature=max(sampling.temperature, AGAIN_TEMPERATURE))
        held = self.structured_from is not None and attempt >= self.structured_from
        structure = JsonSchema(schema(question.form)) if held else None
        return Request(prompt, sampling, self.speaker.engine, structure=structure)

    def words(self, completion: Completion) -> str:
        """The judge's answer, without its reasoning."""
        return str(self.speaker.read(completion)[0]["response"])


def tag(row: Row, judge: Judge, questions: Sequence[Question]) -> Asking:
    """Ask all questions side by side, and again those whose replies cannot be read."""
    values = {"instruction": row["instruction"]}
    made = [(one, judge_prompt(judge.speaker.chat, one.prompt, values, judge.room)) for one in questions]
    asked = [(one, prompt) for one, prompt in made if prompt is not None]
    readings: dict[str, Reading] = {}
    unread: dict[str, list[str]] = {}
    for attempt in range(1 + judge.again):
        asked = [(one, prompt) for one, prompt in asked if one.name not in readings]
        if not asked:
            break
        try:
            replies: Sequence[Completion] = yield [judge.request(prompt, one, attempt) for one, prompt in asked]
        except ContextFull:  # prompts are shortened to the context as far as it is known
            break
        for (one, _), reply in zip(asked, replies, strict=True):
            words = judge.words(reply)
            reading = read(words, one.form)
            if reading is None:
                unread.setdefault(one.name, []).append(words)
            else:
                readings[one.name] = reading
    columns: dict[str, Any] = {"tag_raw": _raw({name: unread[name] for name in unread if name not in readings})}
    for one in questions:
        columns |= _told(one, readings.get(one.name))
    return columns


def tag_fast(row: Row, judge: Judge, questions: Sequence[Question]) -> Asking:
    """Ask all questions side by side for one letter each, and keep the probability of each. Needs logprobs."""
    values = {"instruction": row["instruction"]}
    speaker = judge.speaker
    made = [letter_request(speaker.chat, one.prompt, values, speaker.engine, judge.room) for one in questions]
    asked = [(one, request) for one, request in zip(questions, made, strict=True) if request is not None]
    columns: dict[str, Any] = {name: None for one in questions for name in one.columns(fast=True)}
    unread: dict[str, list[str]] = {}
    try:
        replies: Sequence[Completion] = (yield [request for _, request in asked]) if asked else []
    except ContextFull:  # prompts are shortened to the context as far as it is known
        return columns | {"tag_raw": None}
    for (one, _), completion in zip(asked, replies, strict=True):
        shares = distribution(completion, one.letters)
        if shares is None:
            unread[one.name] = [completion.text]
            continue
        columns |= {one.label: one.form.labels.names[likeliest(shares)], one.probabilities: list(shares)}
        if one.score is not None:
            columns[one.score] = expected(shares)
    return columns | {"tag_raw": _raw(unread)}


def _told(question: Question, reading: Reading | None) -> dict[str, Any]:
    """A question's columns: null where there is no reading, and further labels then too."""
    texts = {} if reading is None else reading.texts
    columns: dict[str, Any] = {question.label: None if reading is None else reading.label}
    columns |= {column: texts.get(name) for name, column in question.texts.items()}
    if question.more is not None:
        columns[question.more] = None if reading is None else list(reading.more)
    return columns


def _raw(unread: Mapping[str, Sequence[str]]) -> list[str] | None:
    """The replies that could not be parsed, each after the name of its question; None where there are none."""
    return [f"{name}: {words[:LONGEST_RAW]}" for name, each in unread.items() for words in each] or None
