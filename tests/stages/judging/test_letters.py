"""Judging by logprobs: what is asked, how sure the judge is, and when it has not judged at all."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from math import log
from typing import Any

import pytest

from magpie.engines.llamacpp.engine import open_llamacpp
from magpie.errors import TemplateError
from magpie.modelfiles.locate import find_model
from magpie.plan.load import parse
from magpie.plan.plan import make_plan
from magpie.runner import Talk, converse
from magpie.seams import Asking, Chat, Completion, Logprob, Message, Request, SamplingParams, Tokens
from magpie.stages.judging.letters import Distribution, distribution, expected, letter_request, likeliest
from magpie.templates import MessagesChat


class Refusing(MessagesChat):
    """A chat whose template reads control words in what a user says, and stops at them."""

    def next_assistant(self, messages: Sequence[Message]) -> Tokens:  # type: ignore[override]
        raise TemplateError("a control word")


def judge_by_logprob(
    chat: Chat, prompt: str, values: Mapping[str, str | None], labels: Sequence[str]
) -> Generator[Request, Any, Distribution | None]:
    """One judgment of a row, as the stages ask for several at once."""
    request = letter_request(chat, prompt, values)
    if request is None:
        return None
    completion: Completion = yield request
    return distribution(completion, labels)


def told(**shares: float) -> Completion:
    ranked = tuple(Logprob(n, text.replace("_", " "), log(share)) for n, (text, share) in enumerate(shares.items()))
    return Completion("", (0,), "length", 9, 1, logprobs=(ranked,))


def test_one_token_is_asked_for_with_its_likeliest_rivals() -> None:
    request = next(judge_by_logprob(MessagesChat(), "tag/quality_fast", {"instruction": "Why?"}, "ABCDE"))
    assert request.sampling == SamplingParams(temperature=0.0, max_tokens=1)
    assert (request.model, request.logprobs) == ("judge", 20)


def test_labels_share_what_they_have_together_with_or_without_a_space_before() -> None:
    assert distribution(told(A=0.3, _A=0.3, B=0.2, Sure=0.2), "ABC") == pytest.approx((0.75, 0.25, 0.0))


def test_a_judge_that_was_about_to_say_something_else_has_not_judged() -> None:
    assert distribution(told(Sure=0.6, A=0.4), "AB") is None
    assert distribution(Completion("A", (0,), "length", 9, 1), "AB") is None
    assert distribution(told(a=0.9, AB=0.1), "AB") is None


def test_the_expected_label_counts_from_one_and_the_likeliest_from_zero() -> None:
    assert expected((0.0, 0.5, 0.5)) == pytest.approx(2.5)
    assert likeliest((0.2, 0.4, 0.4)) == 1


def test_a_text_that_the_chat_template_refuses_is_not_judged() -> None:
    with pytest.raises(StopIteration) as stopped:
        next(judge_by_logprob(Refusing(), "tag/quality_fast", {"instruction": "Why?"}, "ABCDE"))
    assert stopped.value.value is None


def test_the_shipped_judge_tells_a_whole_instruction_from_one_that_says_nothing() -> None:
    plan = make_plan(parse("engine: llamacpp", "r"))
    texts = ("Convert 46 kilograms to grams.", "Do it again.")
    scores: dict[int, float] = {}

    def judged(row: int, chat: Chat) -> Asking:
        found = yield from judge_by_logprob(chat, "tag/quality_fast", {"instruction": texts[row]}, "ABCDE")
        assert found is not None
        scores[row] = expected(found)
        return {}

    with open_llamacpp(find_model("fledgling")) as engine:
        talks = (Talk(row, judged(row, plan.chat)) for row in range(len(texts)))
        for _ in converse(talks, {"judge": engine}, lambda _, n: n):
            pass
    assert scores[0] > 3.5 > 2 > scores[1]
