"""Thoughts are told from answers by what real ways of templates to write them come out as, tokens and all."""

from __future__ import annotations

import pytest

from magpie.seams import Completion, SamplingParams
from magpie.stages.respond.work import Responder
from magpie.stages.text.reasoning import Thoughts
from magpie.templates import TemplateOptions, derive, thought_marks
from tests.templates.toys import FIXTURES, toy

WRITTEN = {
    "always_thinks": "Hm.\n</think>\n\nYes.",
    "think_switch": "<think>\nHm.\n</think>\n\nYes.",
    "thought_on_a_line": "Hm.\n</think>\n\nYes.",
    "glued_switch": "<think>Hm.</think>Yes.",
    "harmony": "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Yes.",
    "effort_switch": "<|think|>Hm.<|end|><|start|>assistant<|message|>Yes.",
    "closing_words": "<|open|>think<|sep|>Hm.<|close|>think<|sep|><|open|>response<|sep|>Yes.<|close|>response<|sep|>"
    "<|close|>message<|sep|>",
}


def responder(fixture: str, options: TemplateOptions) -> Responder:
    chat = derive(toy((FIXTURES / f"{fixture}.jinja").read_text()), options)
    marks = thought_marks(chat)
    assert marks is not None
    return Responder(chat, SamplingParams(), Thoughts(*marks))


def read(fixture: str, text: str, seen: str | None = None, options: TemplateOptions = TemplateOptions()) -> object:  # noqa: B008
    """What is read in `text` where the engine's text is `seen`."""
    one = responder(fixture, options)
    ids = tuple(one.chat.tokenizer.encode(text))  # type: ignore[attr-defined]
    return one.read(Completion(text if seen is None else seen, ids, "stop", 1, len(ids) + 1))


@pytest.mark.parametrize("fixture", WRITTEN)
def test_a_thought_is_told_from_the_answer(fixture: str) -> None:
    assert read(fixture, WRITTEN[fixture]) == ({"response": "Yes.", "reasoning": "Hm."}, None)


@pytest.mark.parametrize("fixture", ["harmony", "effort_switch"])
def test_it_is_where_the_engine_s_text_leaves_special_tokens_out(fixture: str) -> None:
    assert read(fixture, WRITTEN[fixture], "Hm.assistantYes.") == ({"response": "Yes.", "reasoning": "Hm."}, None)


@pytest.mark.parametrize("fixture", ["think_switch", "harmony", "effort_switch"])
def test_an_answer_without_a_thought_is_an_answer(fixture: str) -> None:
    answer = "<|channel|>final<|message|>Yes." if fixture == "harmony" else "Yes."
    assert read(fixture, answer) == ({"response": "Yes.", "reasoning": None}, None)


def test_with_thinking_off_what_the_prompt_closed_is_not_looked_for_in_the_answer() -> None:
    off = TemplateOptions(thinking="off")
    assert read("thought_on_a_line", "Yes.", options=off) == ({"response": "Yes.", "reasoning": None}, None)
