"""Answers an instruction: the whole conversation so far goes in, what the assistant writes comes out, once or k times.

Knows the chats and the names of the models that answer; not what runs them, nor which answer will be picked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from magpie.errors import ContextFull, TemplateError
from magpie.seams import Asking, Chat, Columns, Completion, Drop, Message, Prompt, Request, Row, SamplingParams
from magpie.stages.text.reasoning import Parted, Thoughts, leaks, part
from magpie.stages.text.usable import why_drop

ORIGINAL = "original"
"""The model's name beside an imported answer."""


@dataclass(frozen=True, slots=True)
class Responder:
    """One model that answers."""

    chat: Chat
    sampling: SamplingParams
    thoughts: Thoughts | None = None
    """How the model delimits its reasoning, which then goes into `reasoning`; None where it has none, or where the
    reasoning stays in the response."""
    keeps_thoughts: bool = False
    """Whether the reasoning goes into the response, with its delimiters, and not into `reasoning`."""
    engine: str = "model"
    """The name of the engine that its requests are sent to."""
    name: str = ""
    """The model's name for readers."""

    def prompt(self, row: Row) -> Prompt | None:
        """The prompt of a row; None where the chat template refuses the instruction, as some do for control words."""
        system = row.get("system")
        opening = () if system is None else (Message("system", system),)
        prior = [Message(turn["role"], turn["content"]) for turn in row.get("prior_turns") or ()]
        try:
            return self.chat.next_assistant((*opening, *prior, Message("user", row["instruction"])))
        except TemplateError:
            return None

    def read(self, completion: Completion) -> tuple[Columns, str | None]:
        """`response` and `reasoning` from a completion, and the reason to drop the row, or None."""
        parted = self._part(completion)
        response = self.chat.assistant_text(parted.response)
        reason = self._why_drop(completion, parted, response)
        if self.keeps_thoughts and self.thoughts is not None and parted.reasoning is not None:
            return {"response": self.thoughts.around(parted.reasoning) + response, "reasoning": None}, reason
        return {"response": response, "reasoning": parted.reasoning}, reason

    def _part(self, completion: Completion) -> Parted:
        if self.thoughts is None:
            return Parted(None, completion.text, ended=True)
        return part(self._written_out(completion, self.thoughts), self.thoughts)

    def _written_out(self, completion: Completion, thoughts: Thoughts) -> str:
        """The completion's text with the delimiters, even if the engine leaves special tokens out of a text."""
        if thoughts.closes in completion.text or not completion.token_ids:
            return completion.text
        whole = self.chat.text(completion.token_ids)
        if thoughts.closes not in whole and thoughts.opens not in whole:
            return completion.text
        cuts = [whole.find(stop) for stop in self.sampling.stop if stop in whole]
        return whole[: min(cuts)] if cuts else whole

    def _why_drop(self, completion: Completion, parted: Parted, response: str) -> str | None:
        """The reasons of `judge`, and two more. `reasoning_truncated`: the reasoning did not end within `max_tokens` or
        the context. `reasoning_leak`: the answer holds a delimiter of reasoning."""
        reason = why_drop(completion, response, self.chat, self.sampling)
        if not parted.ended and completion.finish_reason == "length":
            return "reasoning_truncated"
        if reason is None and self.thoughts is not None and leaks(response, self.thoughts):
            return "reasoning_leak"
        return reason


def respond(row: Row, responder: Responder) -> Asking:
    """Sample one response (Magpie, section 2.1). Drops the row for an unusable response, and for an instruction that
    the chat template refuses (`template_refused`)."""
    prompt = responder.prompt(row)
    if prompt is None:
        return Drop("template_refused", {})
    try:
        completion: Completion = yield Request(prompt, responder.sampling, responder.engine)
    except ContextFull:
        return Drop("context_full", {})
    columns, reason = responder.read(completion)
    return columns if reason is None else Drop(reason, columns)


def respond_to_all(row: Row, responder: Responder, text: str = "response", why: str = "unusable") -> Asking:
    """Like `respond`, but drops no row: failures count where a model is measured.

    text, why: the columns of the answer, empty where there is none, and of the reasons why it is unusable.
    """
    outcome = yield from respond(row, responder)
    if not isinstance(outcome, Drop):
        return {text: outcome["response"], "reasoning": outcome["reasoning"], why: None}
    made = outcome.columns
    return {text: made.get("response") or "", "reasoning": made.get("reasoning"), why: [outcome.reason]}


def respond_again(row: Row, responder: Responder) -> Asking:
    """Answer an imported conversation again, turn by turn: the user's messages are kept, and each answer is new.

    The first answer is that of `respond`. A later one that is unusable, or does not fit the context, ends the
    conversation: `turns` holds whole pairs.
    """
    columns = yield from respond(row, responder)
    if isinstance(columns, Drop):
        return columns
    said = [Message("user", row["instruction"]), Message("assistant", columns["response"])]
    opening = () if row.get("system") is None else (Message("system", row["system"]),)
    thoughts: list[str | None] = []
    for turn in row["turns"] or ():
        if turn["role"] != "user":
            continue
        asked = Message("user", turn["content"])
        try:
            prompt = responder.chat.next_assistant((*opening, *said, asked))
            completion: Completion = yield Request(prompt, responder.sampling, responder.engine)
        except (ContextFull, TemplateError):
            break
        answer, reason = responder.read(completion)
        if reason is not None:
            break
        said += [asked, Message("assistant", answer["response"])]
        thoughts += [None, answer["reasoning"]]
    turns = [message._asdict() for message in said[2:]]
    return {**columns, "turns": turns or None, "turn_reasoning": thoughts if any(thoughts) else None}


def respond_several(row: Row, responders: Sequence[Responder], count: int, *, with_original: bool = False) -> Asking:
    """Sample `count` responses to one instruction, the responders in turn: side by side, each with a seed of its own.
    with_original: the existing answer of the row comes last among them.

    Unusable responses are left out, with their reasons in `unusable`; when none is left, the row is dropped for the
    first of these reasons.
    """
    turns = [responders[n % len(responders)] for n in range(count)]
    prompts = {id(responder): responder.prompt(row) for responder in responders}
    asked = [(turn, prompt) for turn in turns if (prompt := prompts[id(turn)]) is not None]
    unusable = ["template_refused"] * (count - len(asked))
    usable: list[dict[str, Any]] = []
    if asked:
        try:
            said: Sequence[Completion] = yield [Request(prompt, turn.sampling, turn.engine) for turn, prompt in asked]
        except ContextFull:
            return Drop("context_full", {})
        for (turn, _), completion in zip(asked, said, strict=True):
            read, reason = turn.read(completion)
            if reason is not None:
                unusable.append(reason)
            else:
                usable.append(as_entry(turn, completion, read))
    if with_original and row["response"]:
        original = {"response": row["response"], "reasoning": None, "finish_reason": None, "tokens": None}
        usable.append({**original, "model": ORIGINAL})
    columns = {"responses": usable, "unusable": unusable}
    return columns if usable else Drop(unusable[0], columns)


def as_entry(responder: Responder, completion: Completion, read: Columns) -> dict[str, Any]:
    """One of `responses`."""
    return {
        **read,
        "model": responder.name,
        "finish_reason": completion.finish_reason,
        "tokens": completion.completion_tokens,
    }
