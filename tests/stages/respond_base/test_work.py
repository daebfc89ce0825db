"""An unaligned model answers: what it is shown, where its response ends, and that whatever it writes is kept."""

from __future__ import annotations

from typing import Any

import pytest

from magpie.errors import RecipeError
from magpie.seams import Completion, Request, SamplingParams, Text, Tokens
from magpie.stages.judging.prompts import JudgePrompt, package_prompt
from magpie.stages.respond_base.work import few_shot_text, headings, respond_base

SHIPPED = package_prompt("respond_base/base_few_shot")
ROW = {"row": 0, "instruction": "Why?"}
SAMPLING = SamplingParams(temperature=0.0)


def written(text: str, reason: Any = "stop") -> Any:
    asking = respond_base(ROW, Text, SAMPLING)
    assert next(asking) == Request(Text("Why?"), SAMPLING)
    with pytest.raises(StopIteration) as stopped:
        asking.send(Completion(text, (1,), reason, 3, 2))
    return stopped.value.value


@pytest.mark.parametrize(("text", "reason"), [("\nSo it is.\n\n", "stop"), ("So it is.", "length")])
def test_whatever_it_writes_is_kept(text: str, reason: str) -> None:
    assert written(text, reason) == {"base_response": "So it is."}
    assert written("\n ", reason) == {"base_response": ""}


def test_an_instruction_that_fills_the_context_is_not_asked() -> None:
    asking = respond_base(ROW, lambda text: Tokens(tuple(range(len(text)))), SAMPLING, most_tokens=4)
    with pytest.raises(StopIteration) as stopped:
        next(asking)
    assert stopped.value.value == {"base_response": None}
    next(respond_base(ROW, lambda text: Tokens(tuple(range(len(text)))), SAMPLING, most_tokens=5))


def test_the_model_is_shown_some_instructions_with_responses_and_then_the_one_to_answer() -> None:
    text = few_shot_text(SHIPPED, "Why {{ is }} it so?")
    assert text.count("# Instruction\n") == text.count("# Response\n") == 4
    assert text.endswith("\n\n# Instruction\nWhy {{ is }} it so?\n\n# Response\n")
    assert not text.startswith(("{#", "\n"))


def test_a_response_ends_where_the_model_begins_either_heading_again() -> None:
    assert headings(SHIPPED) == ("\n# Instruction", "\n# Response")
    assert headings(JudgePrompt("own", "Talk.\nQ: {{ instruction }}\nA:")) == ("\nQ:", "\nA:")


@pytest.mark.parametrize("text", ["{{ instruction }}", "{{ instruction }}\nA:", "Q:\n{{ instruction }}", "Nothing."])
def test_a_prompt_that_does_not_say_where_a_response_ends_is_refused(text: str) -> None:
    with pytest.raises(RecipeError, match="needs a line before the instruction and one after it"):
        headings(JudgePrompt("own", text))
