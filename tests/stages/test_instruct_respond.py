"""The first two stages, driven by hand: what they ask, what they keep, what they drop and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from magpie.seams import Asking, Completion, Drop, Message, Request, SamplingParams, Tokens
from magpie.stages import instruct, respond

SAMPLING = SamplingParams(temperature=0.7)
LEAK = 99


class WordChat:
    """A chat whose prompts can be read: a token for each message, and one for who is next."""

    def leaks(self, token_ids: Sequence[int], text: str) -> bool:
        return LEAK in token_ids or "<|turn|>" in text

    def user_text(self, sampled: str) -> str:
        return sampled.strip()

    def assistant_text(self, sampled: str) -> str:
        return sampled.strip()

    def next_user(self, messages: Sequence[Message]) -> Tokens:
        return Tokens((len(messages), 1))

    def next_assistant(self, messages: Sequence[Message]) -> Tokens:
        return Tokens((*(len(message.content) for message in messages), 2))


def said(text: str, reason: Any = "stop", ids: tuple[int, ...] = (5, 6)) -> Completion:
    return Completion(text, ids, reason, 3, len(ids) + 1)


def end(asking: Asking, completion: Completion) -> Any:
    next(asking)
    with pytest.raises(StopIteration) as stopped:
        asking.send(completion)
    return stopped.value.value


def instructed(completion: Completion) -> Any:
    return end(instruct({"row": 0}, WordChat(), SAMPLING), completion)


def responded(completion: Completion) -> Any:
    return end(respond({"row": 0, "instruction": "Why?"}, WordChat(), SAMPLING), completion)


def test_an_instruction_is_asked_with_the_pre_query_and_its_own_sampling() -> None:
    assert next(instruct({"row": 0}, WordChat(), SAMPLING)) == Request(Tokens((0, 1)), SAMPLING)


def test_a_response_is_asked_with_the_conversation() -> None:
    assert next(respond({"row": 0, "instruction": "Why?"}, WordChat(), SAMPLING)) == Request(Tokens((4, 2)), SAMPLING)


def test_a_clean_instruction_is_kept_and_has_no_raw_text() -> None:
    assert instructed(said("Why?")) == {"instruction": "Why?", "instruction_raw": None}


def test_a_stripped_instruction_keeps_its_raw_text() -> None:
    assert instructed(said(" Why?\n")) == {"instruction": "Why?", "instruction_raw": " Why?\n"}


@pytest.mark.parametrize(
    ("completion", "reason"),
    [
        (said("Why", "length"), "truncated"),
        (said("Why?", ids=(5, LEAK)), "role_leak"),
        (said("Why? <|turn|>"), "role_leak"),
        (said("Why?\nassistant\nBecause."), None),
        (said("Why?\nassistant"), "role_leak"),
        (said("User:\nWhy?"), "role_leak"),
        (said("Write a job ad for an assistant"), None),
        (said("assistant"), None),
        (said("  \n "), "empty"),
        (said("", ids=()), "empty"),
        (said("", "length", ids=()), "truncated"),
    ],
)
def test_an_instruction_of_no_use_is_dropped_with_its_reason(completion: Completion, reason: str | None) -> None:
    outcome = instructed(completion)
    assert (outcome.reason if isinstance(outcome, Drop) else None) == reason


def test_a_dropped_instruction_keeps_what_was_sampled() -> None:
    assert instructed(said("Why", "length")).columns["instruction"] == "Why"


@pytest.mark.parametrize(
    ("completion", "reason"),
    [
        (said("Because."), None),
        (said("Because", "length"), "truncated"),
        (said("Because.", ids=(LEAK,)), "role_leak"),
        (said(" "), "empty"),
    ],
)
def test_a_response_of_no_use_is_dropped_with_its_reason(completion: Completion, reason: str | None) -> None:
    outcome = responded(completion)
    assert (outcome.reason if isinstance(outcome, Drop) else None) == reason


def test_a_response_is_kept_without_outer_white_space() -> None:
    assert responded(said("\n\nBecause.\n")) == {"response": "Because."}
