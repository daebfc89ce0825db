"""Responses: thoughts apart, several to an instruction, those of no use left out with their reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from magpie.errors import TemplateError
from magpie.seams import Completion, Drop, Message, Request, SamplingParams, Tokens
from magpie.stages.respond.work import Responder, respond, respond_several
from magpie.stages.text.reasoning import Thoughts

SAMPLING = SamplingParams(temperature=0.7, max_tokens=50, stop=("STOP",))
ROW = {"row": 3, "instruction": "Why?"}


class WordChat:
    """A chat whose prompts can be read: a token for each message, and one for who is next."""

    def leaks(self, token_ids: Sequence[int], text: str) -> bool:
        return "<|turn|>" in text

    def user_text(self, sampled: str) -> str:
        return sampled.strip()

    def assistant_text(self, sampled: str) -> str:
        return sampled.strip()

    def text(self, token_ids: Sequence[int]) -> str:
        return "<think>Hm.</think>Yes.STOP and more" if tuple(token_ids) == (1, 2) else ""

    def next_user(self, messages: Sequence[Message]) -> Tokens:
        return Tokens((len(messages), 1))

    def next_assistant(self, messages: Sequence[Message]) -> Tokens:
        return Tokens((*(len(message.content) for message in messages), 2))


class Refusing(WordChat):
    def next_assistant(self, messages: Sequence[Message]) -> Tokens:
        raise TemplateError("no")


THINKS = Responder(WordChat(), SAMPLING, Thoughts("<think>", "</think>"), name="thinker")
PLAIN = Responder(WordChat(), SAMPLING, engine="other", name="plain")


def said(text: str, reason: Any = "stop", ids: tuple[int, ...] = ()) -> Completion:
    return Completion(text, ids, reason, 3, 50 if reason == "length" else 7)


def outcome(responder: Responder, completion: Completion, row: dict[str, Any] = ROW) -> Any:
    asking = respond(row, responder)
    next(asking)
    with pytest.raises(StopIteration) as stopped:
        asking.send(completion)
    return stopped.value.value


def outcomes(responders: Sequence[Responder], texts: Sequence[str]) -> Any:
    asking = respond_several(ROW, responders, len(texts))
    next(asking)
    with pytest.raises(StopIteration) as stopped:
        asking.send([said(text) for text in texts])
    return stopped.value.value


def test_a_thought_has_a_column_of_its_own() -> None:
    found = outcome(THINKS, said("<think>\nHm.\n</think>\n\nYes."))
    assert found == {"response": "Yes.", "reasoning": "Hm."}


def test_a_thought_stays_in_the_response_where_that_is_asked_for() -> None:
    found = outcome(replace(THINKS, keeps_thoughts=True), said("<think>Hm.</think>Yes."))
    assert found == {"response": "<think>\nHm.\n</think>\n\nYes.", "reasoning": None}


@pytest.mark.parametrize(
    ("completion", "reason"),
    [
        (said("<think>Hm, and", "length"), "reasoning_truncated"),
        (Completion("<think>Hm, and", (), "length", 3, 9), "reasoning_truncated"),
        (said("<think>Hm.</think>Yes, and", "length"), "truncated"),
        (said("<think>Hm.</think>"), "empty"),
        (said("<think>Hm."), "empty"),
        (said("<think>Hm.</think>Yes.</think>No."), "reasoning_leak"),
        (said("<think>Hm.</think>Yes.<|turn|>"), "role_leak"),
        (said("<think>Hm.</think>Yes."), None),
    ],
)
def test_a_response_with_a_thought_is_dropped_for_what_is_wrong_with_it(
    completion: Completion, reason: str | None
) -> None:
    found = outcome(THINKS, completion)
    assert (found.reason if isinstance(found, Drop) else None) == reason


def test_a_dropped_response_keeps_its_thought() -> None:
    assert outcome(THINKS, said("<think>Hm, and", "length")).columns == {"response": "", "reasoning": "Hm, and"}


def test_delimiters_that_an_engine_leaves_out_of_the_text_are_read_from_the_tokens_up_to_the_stop() -> None:
    assert outcome(THINKS, said("Hm.Yes.", ids=(1, 2))) == {"response": "Yes.", "reasoning": "Hm."}


def test_the_row_s_system_prompt_goes_before_the_instruction() -> None:
    asked = next(respond({**ROW, "system": "Be brief."}, PLAIN))
    assert asked == Request(Tokens((9, 4, 2)), SAMPLING, "other")


def test_several_responses_are_asked_for_side_by_side_with_one_prompt_the_models_in_turn() -> None:
    asked: Any = next(respond_several(ROW, (THINKS, PLAIN), 3))
    assert [one.model for one in asked] == ["model", "other", "model"]
    assert {one.prompt for one in asked} == {Tokens((4, 2))}


def test_every_response_is_told_with_the_model_that_gave_it() -> None:
    found = outcomes((THINKS, PLAIN), ["<think>Hm.</think>Yes.", "No."])
    assert found["responses"] == [
        {"response": "Yes.", "reasoning": "Hm.", "model": "thinker", "finish_reason": "stop", "tokens": 7},
        {"response": "No.", "reasoning": None, "model": "plain", "finish_reason": "stop", "tokens": 7},
    ]
    assert found["unusable"] == []


def test_what_is_of_no_use_is_left_out_of_the_list_and_its_reason_kept() -> None:
    found = outcomes((PLAIN,), ["Yes.", " ", "<|turn|>"])
    assert [one["response"] for one in found["responses"]] == ["Yes."]
    assert found["unusable"] == ["empty", "role_leak"]


def test_a_row_is_dropped_when_no_response_is_left() -> None:
    found = outcomes((PLAIN,), [" ", "<|turn|>"])
    assert (found.reason, found.columns) == ("empty", {"responses": [], "unusable": ["empty", "role_leak"]})


def test_a_model_whose_template_refuses_the_instruction_leaves_the_turns_of_the_others() -> None:
    refusing = replace(PLAIN, chat=Refusing())
    asking = respond_several(ROW, (refusing, PLAIN), 2)
    assert len(next(asking)) == 1  # type: ignore[arg-type]
    with pytest.raises(StopIteration) as stopped:
        asking.send([said("Yes.")])
    assert stopped.value.value["unusable"] == ["template_refused"]
    with pytest.raises(StopIteration) as stopped:
        next(respond_several(ROW, (refusing,), 2))
    assert stopped.value.value.reason == "template_refused"
