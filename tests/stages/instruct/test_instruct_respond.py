"""The first two stages, driven by hand: what they ask, what they keep, what they drop and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from magpie.errors import TemplateError
from magpie.seams import Asking, Completion, Drop, Message, Request, SamplingParams, Tokens
from magpie.stages.instruct.work import instruct
from magpie.stages.respond.work import Responder, respond
from magpie.templates import sanitize

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

    def text(self, token_ids: Sequence[int]) -> str:
        return " ".join(map(str, token_ids))

    def next_user(self, messages: Sequence[Message]) -> Tokens:
        return Tokens((len(messages), 1))

    def next_assistant(self, messages: Sequence[Message]) -> Tokens:
        return Tokens((*(len(message.content) for message in messages), 2))


def said(text: str, reason: Any = "stop", ids: tuple[int, ...] = (5, 6)) -> Completion:
    return Completion(text, ids, reason, 3, SAMPLING.max_tokens if reason == "length" else len(ids) + 1)


def end(asking: Asking, completion: Completion) -> Any:
    next(asking)
    with pytest.raises(StopIteration) as stopped:
        asking.send(completion)
    return stopped.value.value


def instructed(completion: Completion) -> Any:
    return end(instruct({"row": 0}, WordChat(), SAMPLING), completion)


def responded(completion: Completion) -> Any:
    return end(respond({"row": 0, "instruction": "Why?"}, Responder(WordChat(), SAMPLING)), completion)


def test_an_instruction_is_asked_with_the_pre_query_and_its_own_sampling() -> None:
    assert next(instruct({"row": 0}, WordChat(), SAMPLING)) == Request(Tokens((0, 1)), SAMPLING)


def test_a_response_is_asked_with_the_conversation() -> None:
    assert next(respond({"row": 0, "instruction": "Why?"}, Responder(WordChat(), SAMPLING))) == Request(
        Tokens((4, 2)), SAMPLING
    )


def test_a_clean_instruction_is_kept_and_has_no_raw_text() -> None:
    assert instructed(said("Why?")) == {"instruction": "Why?", "instruction_raw": None, "sanitized_by": None}


def test_a_stripped_instruction_keeps_its_raw_text() -> None:
    columns = instructed(said(" Why?\n"))
    assert (columns["instruction"], columns["instruction_raw"]) == ("Why?", " Why?\n")


def test_a_rule_that_cleans_is_named_and_the_raw_text_is_kept() -> None:
    asking = instruct({"row": 0}, WordChat(), SAMPLING, clean=lambda text: (text.removeprefix("Q: "), "label"))
    assert end(asking, said("Q: Why?")) == {
        "instruction": "Why?",
        "instruction_raw": "Q: Why?",
        "sanitized_by": "label",
    }


def test_an_instruction_of_which_nothing_remains_is_dropped_with_its_own_reason() -> None:
    asking = instruct({"row": 0}, WordChat(), SAMPLING, clean=partial(sanitize, rules=("no_request",)))
    outcome = end(asking, said("How can I help you today?"))
    assert outcome.reason == "no_request"
    assert outcome.columns["instruction_raw"] == "How can I help you today?"
    assert outcome.columns["sanitized_by"] == "no_request"


def test_a_banned_first_token_is_a_request_of_its_own_and_the_rest_goes_on_from_there() -> None:
    asking = instruct({"row": 0}, WordChat(), SAMPLING, banned=(7, 8))
    first = next(asking)
    assert first == Request(Tokens((0, 1)), replace(SAMPLING, max_tokens=1), banned=(7, 8))
    rest = asking.send(said("Wh", "length", ids=(5,)))
    assert rest == Request(Tokens((0, 1, 5)), replace(SAMPLING, max_tokens=SAMPLING.max_tokens - 1))
    with pytest.raises(StopIteration) as stopped:
        asking.send(said("y?", ids=(6,)))
    assert stopped.value.value["instruction"] == "Why?"


def test_a_first_token_whose_logits_are_divided_is_sampled_at_as_much_more_temperature() -> None:
    asking = instruct({"row": 0}, WordChat(), SAMPLING, divisor=1.2)
    first = next(asking)
    assert isinstance(first, Request)
    assert first.sampling.temperature == pytest.approx(SAMPLING.temperature * 1.2)
    assert first.sampling.max_tokens == 1
    rest = asking.send(said("Wh", "length", ids=(5,)))
    assert rest == Request(Tokens((0, 1, 5)), replace(SAMPLING, max_tokens=SAMPLING.max_tokens - 1))


def test_of_a_greedy_instruction_no_first_token_is_asked_for_alone() -> None:
    greedy = replace(SAMPLING, temperature=0.0)
    assert next(instruct({"row": 0}, WordChat(), greedy, divisor=1.2)) == Request(Tokens((0, 1)), greedy)


def test_a_turn_that_ends_at_its_first_token_is_empty_and_asks_no_more() -> None:
    asking = instruct({"row": 0}, WordChat(), SAMPLING, banned=(7,))
    assert end(asking, said("", ids=())).reason == "empty"


def test_a_character_broken_between_the_first_token_and_the_rest_is_made_whole() -> None:
    asking = instruct({"row": 0}, WordChat(), SAMPLING, banned=(7,))
    next(asking)
    asking.send(said("\ufffd", "length", ids=(20,)))
    with pytest.raises(StopIteration) as stopped:
        asking.send(said("\ufffdtre?", ids=(21,)))
    assert stopped.value.value["instruction"] == "20 21"


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
        (said("Why \ufffd?"), "broken_text"),
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


def test_what_the_context_cut_is_told_from_what_max_tokens_cut() -> None:
    completion = Completion("Becau", (5,), "length", 3, 1)
    assert instructed(completion).reason == responded(completion).reason == "context_full"


def test_an_instruction_that_the_template_refuses_is_dropped() -> None:
    class Refusing(WordChat):
        def next_assistant(self, messages: Sequence[Message]) -> Tokens:
            raise TemplateError("no Norway")

    with pytest.raises(StopIteration) as stopped:
        next(respond({"row": 0, "instruction": "Norway?"}, Responder(Refusing(), SAMPLING)))
    assert stopped.value.value == Drop("template_refused", {})


def test_a_response_is_kept_without_outer_white_space() -> None:
    assert responded(said("\n\nBecause.\n")) == {"response": "Because.", "reasoning": None}
