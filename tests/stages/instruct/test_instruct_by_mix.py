"""Instructions by a mix, driven by hand: each row is asked as its variant has it, and says which that is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from magpie.errors import TemplateError
from magpie.seams import Completion, Drop, Request, SamplingParams, Tokens
from magpie.stages.instruct.mix import Mix, Shares, Start, Variant, Words
from magpie.stages.instruct.work import instruct_by_mix
from magpie.templates import ChatTemplate
from tests.templates.toys import chat_of


@pytest.fixture(scope="module")
def chat() -> ChatTemplate:
    return chat_of("chatml")


def mixed(chat: ChatTemplate, *variants: dict[str, Any]) -> Mix:
    given = {"chat": chat, "sampling": SamplingParams(), "start": lambda _: Start(Tokens((1,)))}
    made = [Variant(**{**given, "name": str(n), **variant}) for n, variant in enumerate(variants)]
    return Mix(made, Shares([1] * len(made), [variant.name for variant in made]))


def outcome(mix: Mix, row: int, text: str, finish: Any = "stop") -> Any:
    asking = instruct_by_mix({"row": row}, mix)
    request = next(asking)
    assert isinstance(request, Request)
    with pytest.raises(StopIteration) as stopped:
        asking.send(Completion(text, (7,), finish, 1, request.sampling.max_tokens if finish == "length" else 2))
    return stopped.value.value


def test_each_row_is_asked_as_its_variant_has_it(chat: ChatTemplate) -> None:
    hot = SamplingParams(temperature=1.25)
    mix = mixed(chat, {}, {"sampling": hot, "start": lambda _: Start(Tokens((2, 3)))})
    asked = [next(instruct_by_mix({"row": row}, mix)) for row in range(4)]
    assert asked == [Request(Tokens((1,)), SamplingParams()), Request(Tokens((2, 3)), hot)] * 2


def test_a_row_says_its_variant_and_the_system_prompt_that_it_got(chat: ChatTemplate) -> None:
    heard: list[str | None] = []

    def start(system: str | None) -> Start:
        heard.append(system)
        return Start(Tokens((1,)))

    words = Words(("a baker", "a sailor"), "s")
    mix = mixed(chat, {"name": "x", "system": "You are {who}.", "words": {"who": words}, "start": start})
    found = [outcome(mix, row, "Why?") for row in range(2)]
    assert {one["system"] for one in found} == {"You are a baker.", "You are a sailor."} == set(heard)
    assert [one["variant"] for one in found] == ["x", "x"]


def test_a_dropped_row_says_them_too(chat: ChatTemplate) -> None:
    dropped = outcome(mixed(chat, {"name": "x", "system": "S"}), 0, "Why", "length")
    assert isinstance(dropped, Drop)
    assert (dropped.reason, dropped.columns["variant"], dropped.columns["system"]) == ("truncated", "x", "S")


def test_the_given_beginning_is_part_of_the_instruction(chat: ChatTemplate) -> None:
    mix = mixed(chat, {"start": lambda _: Start(Tokens((1, 2)), "Write a")})
    made = outcome(mix, 0, " poem. ")
    assert (made["instruction"], made["instruction_raw"]) == ("Write a poem.", "Write a poem. ")


def test_words_that_the_chat_template_refuses_drop_their_row_and_no_other(chat: ChatTemplate) -> None:
    def start(system: str | None) -> Start:
        raise TemplateError("no such person")

    with pytest.raises(StopIteration) as stopped:
        next(instruct_by_mix({"row": 0}, mixed(chat, {"name": "x", "start": start})))
    assert stopped.value.value == Drop("template_refused", {"variant": "x", "system": None})


def test_a_variant_may_ban_first_tokens_of_its_own(chat: ChatTemplate) -> None:
    first = next(instruct_by_mix({"row": 0}, mixed(chat, {"banned": (4,)})))
    assert first == Request(Tokens((1,)), replace(SamplingParams(), max_tokens=1), banned=(4,))
