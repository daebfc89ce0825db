"""Tagging, driven by hand: what is asked, what is read, what is asked again, what stays null."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from math import log
from typing import Any

import pytest

from magpie.errors import ContextFull, RequestFailed, TemplateError
from magpie.seams import Asking, Completion, JsonSchema, Logprob, Message, Messages, Request, SamplingParams
from magpie.stages.judging.prompts import package_prompt
from magpie.stages.respond.work import Responder
from magpie.stages.tag.questions import NAMES, question, schema
from magpie.stages.tag.work import Judge, tag, tag_fast
from magpie.stages.text.reasoning import Thoughts
from magpie.templates import MessagesChat

ROW = {"row": 0, "instruction": "Why?"}
SPEAKER = Responder(MessagesChat(), SamplingParams(temperature=0.0, max_tokens=99), engine="judge")
FULL = tuple(question(name, fast=False) for name in NAMES)
FAST = tuple(question(name, fast=True) for name in NAMES)
QUALITY = '{"explanation": "It is short.", "input_quality": "good"}'
DIFFICULTY = '{"intent": "to know why", "knowledge": "none", "difficulty": "very easy"}'
CATEGORY = '{"task_category": "Information seeking", "other_tags": ["Reasoning"]}'


def said(text: str) -> Completion:
    return Completion(text, (1,), "stop", 9, 2)


def told(**shares: float) -> Completion:
    ranked = tuple(Logprob(n, text, log(share)) for n, (text, share) in enumerate(shares.items()))
    return Completion(next(iter(shares)), (0,), "length", 9, 1, logprobs=(ranked,))


def talk(asking: Asking, *rounds: Sequence[Completion | RequestFailed]) -> tuple[Any, list[list[Request]]]:
    """What the stage returns, and the requests of each round."""
    asked: list[list[Request]] = []
    answers: Any = None
    try:
        for replies in (*rounds, None):
            requests = asking.send(answers)
            assert not isinstance(requests, Request)
            asked.append(list(requests))
            answers = replies
    except StopIteration as stop:
        return stop.value, asked
    raise AssertionError(f"asked once more: {asked[-1]}")


def test_the_three_questions_are_asked_side_by_side_by_the_package_s_prompts() -> None:
    columns, asked = talk(tag(ROW, Judge(SPEAKER), FULL), [said(QUALITY), said(DIFFICULTY), said(CATEGORY)])
    texts = [package_prompt(f"tag/{name}").render({"instruction": "Why?"}) for name in NAMES]
    assert asked == [[Request(Messages((Message("user", text),)), SPEAKER.sampling, "judge") for text in texts]]
    assert columns == {
        "input_quality": "good",
        "quality_explanation": "It is short.",
        "difficulty": "very easy",
        "intent": "to know why",
        "knowledge": "none",
        "task_category": "Information seeking",
        "other_task_category": ["Reasoning"],
        "tag_raw": None,
    }


def test_only_what_cannot_be_read_is_asked_again_and_then_sampled() -> None:
    rounds = [said(QUALITY), said("Let me think."), said(CATEGORY)], [said(DIFFICULTY)]
    columns, asked = talk(tag(ROW, Judge(SPEAKER), FULL), *rounds)
    assert asked[1] == [replace(asked[0][1], sampling=replace(SPEAKER.sampling, temperature=0.7))]
    assert (columns["difficulty"], columns["tag_raw"]) == ("very easy", None)


def test_what_is_asked_again_is_held_to_the_schema_where_the_engine_can() -> None:
    judge = Judge(SPEAKER, structured_from=1)
    _, asked = talk(tag(ROW, judge, FULL[:1]), [said("Hm.")], [said("Hm")], [said(QUALITY)])
    held = JsonSchema(schema(FULL[0].form))
    assert [requests[0].structure for requests in asked] == [None, held, held]
    assert [requests[0].sampling.temperature for requests in asked] == [0.0, 0.0, 0.7]


def test_what_can_never_be_read_is_null_with_the_judge_s_words_and_the_row_goes_on() -> None:
    columns, asked = talk(tag(ROW, Judge(SPEAKER), FULL[:1]), *[[said(f"No {n}.")] for n in range(3)])
    assert len(asked) == 3
    assert columns == {
        "input_quality": None,
        "quality_explanation": None,
        "tag_raw": ["quality: No 0.", "quality: No 1.", "quality: No 2."],
    }


def test_a_row_that_no_engine_could_serve_is_an_error_and_no_null() -> None:
    asking = tag(ROW, Judge(SPEAKER), FULL[:1])
    next(asking)
    with pytest.raises(RequestFailed, match="gone"):
        asking.throw(RequestFailed("gone"))


def test_a_prompt_that_does_not_fit_the_judge_leaves_its_tags_null() -> None:
    for asking in (tag(ROW, Judge(SPEAKER), FULL[:1]), tag_fast(ROW, Judge(SPEAKER), FAST[:1])):
        next(asking)
        with pytest.raises(StopIteration) as ended:
            asking.throw(ContextFull("too long"))
        assert ended.value.value["input_quality"] is None


def test_what_the_judge_thought_before_is_not_read() -> None:
    speaker = replace(SPEAKER, thoughts=Thoughts("<think>", "</think>", opened=True))
    rounds = [said(f'{{"input_quality": "poor"}}</think>{QUALITY}')]
    assert talk(tag(ROW, Judge(speaker), FULL[:1]), rounds)[0]["input_quality"] == "good"
    unended = [said('{"input_quality": "poor"}')]
    assert talk(tag(ROW, Judge(speaker, again=0), FULL[:1]), unended)[0]["input_quality"] is None


def test_a_text_that_the_judge_s_template_refuses_has_no_tags_and_is_not_asked() -> None:
    class Refusing(MessagesChat):
        def next_assistant(self, messages: Sequence[Message]) -> Messages:
            raise TemplateError("a control word")

    judge = Judge(replace(SPEAKER, chat=Refusing()))
    assert talk(tag(ROW, judge, FULL[:1]))[0] == {"input_quality": None, "quality_explanation": None, "tag_raw": None}
    columns = talk(tag_fast(ROW, judge, FAST[:1]))[0]
    assert columns == dict.fromkeys(("input_quality", "quality_score", "input_quality_probs", "tag_raw"))


def test_fast_tags_are_one_letter_with_the_probability_of_each_label() -> None:
    rounds = [told(D=0.5, E=0.5), told(B=0.9, A=0.1), told(L=0.6, A=0.2)]
    columns, asked = talk(tag_fast(ROW, Judge(SPEAKER), FAST), rounds)
    assert [request.sampling.max_tokens for request in asked[0]] == [1, 1, 1]
    assert (columns["input_quality"], columns["quality_score"]) == ("good", pytest.approx(4.5))
    assert columns["difficulty_probs"] == pytest.approx([0.1, 0.9, 0, 0, 0])
    assert (columns["task_category"], columns["task_category_probs"][-1]) == ("Others", pytest.approx(0.75))
    assert columns["tag_raw"] is None


def test_a_judge_that_is_about_to_say_more_than_a_letter_has_not_tagged() -> None:
    columns, _ = talk(tag_fast(ROW, Judge(SPEAKER), FAST[:1]), [told(Sure=0.9, A=0.1)])
    assert (columns["input_quality"], columns["tag_raw"]) == (None, ["quality: Sure"])


@pytest.mark.parametrize("name", NAMES)
def test_the_schema_asks_for_what_the_prompt_shows_in_its_order(name: str) -> None:
    shown = json.loads(package_prompt(f"tag/{name}").render({"instruction": "Why?"}).splitlines()[-1])
    told_ = json.loads(schema(question(name, fast=False).form))
    assert list(told_["properties"]) == list(shown) == told_["required"]
