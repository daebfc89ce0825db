"""What a chat template says of where thoughts begin and end, for every way that the fixtures have."""

from __future__ import annotations

import pytest

from bench.round_trips import round_trips
from magpie.templates import TemplateOptions, derive, thought_marks
from tests.templates.toys import FIXTURES, toy

TAGS = ("<think>", "</think>")


@pytest.mark.parametrize(
    ("fixture", "expected"),
    [
        ("always_thinks", (*TAGS, True)),
        ("think_switch", (*TAGS, False)),
        ("thought_on_a_line", (*TAGS, True)),
        ("wide_bars", (*TAGS, False)),
        (
            "harmony",
            ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>", False),
        ),
        ("closing_words", ("<|open|>think<|sep|>", "<|close|>think<|sep|><|open|>response<|sep|>", False)),
        ("effort_switch", ("<|think|>", "<|end|><|start|>assistant<|message|>", False)),
        ("chatml", None),
        ("turn_tokens", None),
    ],
)
def test_delimiters_are_those_that_the_template_has(fixture: str, expected: tuple[str, str, bool] | None) -> None:
    assert thought_marks(derive(toy((FIXTURES / f"{fixture}.jinja").read_text()))) == expected


def test_a_thought_that_the_prompt_opens_is_not_opened_when_thinking_is_off() -> None:
    source = (FIXTURES / "thought_on_a_line.jinja").read_text()
    marks = thought_marks(derive(toy(source), TemplateOptions(thinking="off")))
    assert marks == (*TAGS, False)


NO_PROMPT = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% if m.thoughts %}[Musing: {{ m.thoughts }}]{% endif %}{{ m.content }}<|im_end|>\n{% endfor %}"
)


def test_the_header_of_a_template_without_a_generation_prompt_is_no_part_of_what_opens_a_thought() -> None:
    assert thought_marks(derive(toy(NO_PROMPT))) == ("[Musing:", "]", False)


def test_answers_of_a_template_without_a_generation_prompt_come_back_with_their_thoughts() -> None:
    model = toy(NO_PROMPT)
    outcomes = {trip.outcome for trip in round_trips(derive(model), model)}
    assert outcomes == {"exact"}
