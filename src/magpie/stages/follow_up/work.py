"""Continues a conversation: the model writes the user's next message and answers it, for as many turns as the settings
say.

One row's turns follow one another and wait for no other row's. A conversation that cannot or should not continue ends
with a reason. Knows the chats of user and assistant; not the engines that run them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from magpie.errors import ContextFull, TemplateError
from magpie.seams import Asking, Chat, Columns, Completion, Message, Request, Row, SamplingParams
from magpie.stages.follow_up.farewell import is_farewell
from magpie.stages.instruct.work import Clean, as_it_is, sample_user, why_not_user
from magpie.stages.respond.work import Responder, as_entry

ENDED = "turns"
"""Why a conversation ended that has all its turns."""


@dataclass(frozen=True, slots=True)
class Asker:
    """A model that writes as the user."""

    chat: Chat
    sampling: SamplingParams
    banned: tuple[int, ...] = ()
    """Ids that its messages may not begin with."""
    divisor: float = 1.0
    """What the logits of a message's first token are divided by."""
    clean: Clean = as_it_is
    engine: str = "model"
    """The name that its requests give."""

    def request(self, messages: Sequence[Message]) -> Request:
        return Request(self.chat.next_user(messages), self.sampling, self.engine, banned=self.banned)


@dataclass(frozen=True, slots=True)
class Rules:
    """When a conversation ends."""

    turns: Callable[[int], int]
    """How many pairs a row's conversation is to have, the first one counted."""
    end_with_user: bool = False
    end_at_farewell: bool = True
    why_screened: Callable[[str], str | None] = lambda _: None
    """The rule that a user's message breaks, or None."""


@dataclass(frozen=True, slots=True)
class Last:
    """How the user's last message is answered several times."""

    responder: Responder
    count: int


@dataclass(frozen=True, slots=True)
class Systems:
    """The system prompts of the later turns, from a row."""

    user: Callable[[Row], str | None] = lambda _: None
    assistant: Callable[[Row], str | None] = lambda _: None


class _Ended(Exception):
    """The conversation goes no further, and why."""


def follow_up(
    row: Row,
    asker: Asker,
    responder: Responder,
    rules: Rules,
    systems: Systems = Systems(),
    last: Last | None = None,
) -> Asking:
    """Sample later turns (Magpie, section 2.1, and appendix on multi-turn data).

    No row is dropped: `turns` holds whole pairs, possibly none, and `ended_by` says why there are no more. `turns`: the
    conversation has as many as the settings say. `farewell`, `repeats`: the user says goodbye or repeats a message.
    `context_full`, `template_refused`: the next prompt was not possible. `user: REASON`, `assistant: REASON`: that
    message is unusable, see `judge` and the rules of `screen`.

    last: the user's last message gets several responses, side by side. `responses_prompt` is the conversation that
    they answer; where a conversation ended before, both are null.
    """
    said = [Message("user", row["instruction"]), Message("assistant", row["response"])]
    to_user, to_assistant = _opening(systems.user(row)), _opening(systems.assistant(row))
    pairs, why = rules.turns(row["row"]), ENDED
    several: Columns = {} if last is None else {"responses": None, "unusable": None, "responses_prompt": None}
    try:
        for turn in range(2, pairs + 1):
            asked = yield from _next_user(asker, to_user, said, rules)
            if last is not None and turn == pairs:
                several = yield from _last_responses(last, to_assistant, [*said, asked])
                answer = Message("assistant", _first_usable(several))
            else:
                answer = yield from _next_assistant(responder, to_assistant, [*said, asked])
            said += [asked, answer]
        if rules.end_with_user:
            said.append((yield from _next_user(asker, to_user, said, rules)))
    except _Ended as ended:
        why = str(ended)
    return {**_columns(said[2:], why), **several}


def _columns(turns: Sequence[Message], why: str) -> Columns:
    return {"turns": [turn._asdict() for turn in turns], "ended_by": why}


def _opening(system: str | None) -> tuple[Message, ...]:
    return () if system is None else (Message("system", system),)


def _next_user(
    asker: Asker, opening: Sequence[Message], said: Sequence[Message], rules: Rules
) -> Generator[Request, Any, Message]:
    with _template_may_refuse():
        request = asker.request([*opening, *said])
    completion = yield from _fitting(sample_user(asker.chat, request, asker.divisor))
    text, _ = asker.clean(asker.chat.user_text(completion.text))
    reason = why_not_user(completion, text, asker.chat, asker.sampling)
    if reason is not None:
        raise _Ended(_of("user", reason))
    if rules.end_at_farewell and is_farewell(text):
        raise _Ended("farewell")
    if _bare(text) in {_bare(message.content) for message in said}:
        raise _Ended("repeats")
    if screened := rules.why_screened(text):
        raise _Ended(_of("user", screened))
    return Message("user", text)


def _next_assistant(
    responder: Responder, opening: Sequence[Message], said: Sequence[Message]
) -> Generator[Request, Any, Message]:
    with _template_may_refuse():
        prompt = responder.chat.next_assistant([*opening, *said])
    completion = yield from _fitting(_once(Request(prompt, responder.sampling, responder.engine)))
    columns, reason = responder.read(completion)
    if reason is not None:
        raise _Ended(_of("assistant", reason))
    return Message("assistant", columns["response"])


def _last_responses(
    last: Last, opening: Sequence[Message], said: Sequence[Message]
) -> Generator[Sequence[Request], Any, Columns]:
    """Several responses to the last message of `said`; unusable ones are left out, with their reasons in `unusable`."""
    responder = last.responder
    with _template_may_refuse():
        prompt = responder.chat.next_assistant([*opening, *said])
    request = Request(prompt, responder.sampling, responder.engine)
    try:
        completions: Sequence[Completion] = yield [request] * last.count
    except ContextFull as error:
        raise _Ended("context_full") from error
    read = [(completion, *responder.read(completion)) for completion in completions]
    return {
        "responses": [as_entry(responder, completion, columns) for completion, columns, why in read if why is None],
        "unusable": [why for _, _, why in read if why is not None],
        "responses_prompt": [message._asdict() for message in said],
    }


def _first_usable(several: Columns) -> str:
    if not several["responses"]:
        raise _Ended(_of("assistant", several["unusable"][0]))
    text: str = several["responses"][0]["response"]
    return text


def _once(request: Request) -> Generator[Request, Any, Completion]:
    completion: Completion = yield request
    return completion


def _fitting(asking: Generator[Request, Any, Completion]) -> Generator[Request, Any, Completion]:
    """What it says; a prompt that leaves no room in the context ends the conversation, and does not fail the row."""
    try:
        return (yield from asking)
    except ContextFull as error:
        raise _Ended("context_full") from error


@contextmanager
def _template_may_refuse() -> Iterator[None]:
    """Some chat templates interpret control words in messages, or require turns that are not there."""
    try:
        yield
    except TemplateError as error:
        raise _Ended("template_refused") from error


def _of(who: str, reason: str) -> str:
    return reason if reason == "context_full" else f"{who}: {reason}"


def _bare(text: str) -> str:
    """The words alone, to compare two messages."""
    return " ".join(re.findall(r"\w+", text.casefold())) or text.strip()
