"""What a trainer learns from a conversation: every assistant's words and what ends them, in every turn, and nothing
that the template or a user wrote."""

from __future__ import annotations

from typing import Any

import pytest

from magpie.errors import TemplateError
from magpie.templates.supervised import Supervised, TrainingTemplate, _last_begun, supervise
from tests.templates.toys import FIXTURES, Kind, fixture, toy

TALK = [
    {"role": "user", "content": "Name a bird."},
    {"role": "assistant", "content": "Kite"},
    {"role": "user", "content": "And Kite or a fruit?"},
    {"role": "assistant", "content": "Plum, a fruit."},
]
ANSWERS = ["Kite", "Plum, a fruit."]
NEEDS_MORE = {"needs_tools", "parts_only"}
"""Fixtures that refuse what trainers give a template: messages with texts, and no tools."""
CHATML_THINKS = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% if m.role == 'assistant' and m.reasoning_content and loop.last %}"
    "<think>\n{{ m.reasoning_content }}\n</think>\n\n{% endif %}"
    "{{ m.content | trim }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


ENDLESS = (
    "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}"
)


def template_of(source: str, kind: Kind = "byte-level") -> TrainingTemplate:
    return TrainingTemplate.of(toy(source, kind))


def learned(found: Supervised, template: TrainingTemplate) -> str:
    """What loss is taken on, as text."""
    return template.tokenizer.decode([token for token, own in zip(found.ids, found.mask, strict=True) if own])


@pytest.mark.parametrize("kind", ["byte-level", "metaspace"])
@pytest.mark.parametrize("name", sorted(path.stem for path in FIXTURES.glob("*.jinja")))
def test_every_answer_of_every_template_is_learned_and_no_user_s_word(name: str, kind: Kind) -> None:
    template = template_of(fixture(name), kind)
    if name in NEEDS_MORE:
        with pytest.raises(TemplateError):
            supervise(TALK, template)
        return
    found = supervise(TALK, template)
    spans = [found.text[turn.start : turn.end] for turn in found.turns]
    assert len(spans) == 2
    for span, answer in zip(spans, ANSWERS, strict=True):
        assert span.count(answer) == 1
        assert "Name" not in span
        assert "And" not in span
    words = learned(found, template)
    assert words.count("Kite") == 1
    assert "Plum, a fruit." in words
    assert len(found.ids) == len(found.mask)
    assert template.tokenizer.encode(found.text) == found.ids


def test_an_answer_is_learned_with_the_token_that_ends_it_and_without_the_line_behind() -> None:
    template = template_of(fixture("chatml"))
    found = supervise(TALK, template)
    assert learned(found, template) == "Kite<|im_end|>Plum, a fruit.<|im_end|>"
    assert all(turn.ended for turn in found.turns)
    alone = supervise(TALK, template, last_only=True)
    assert learned(alone, template) == "Plum, a fruit.<|im_end|>"
    assert alone.ids == found.ids


def test_an_answer_that_no_token_ends_says_so() -> None:
    found = supervise(TALK, template_of(ENDLESS))
    assert [turn.ended for turn in found.turns] == [False, False]
    assert [found.text[turn.start : turn.end] for turn in found.turns] == [" Kite", " Plum, a fruit."]


def test_reasoning_that_the_template_prints_is_learned_and_what_it_strips_is_not() -> None:
    template = template_of(CHATML_THINKS)
    talk: list[dict[str, Any]] = [{**message} for message in TALK]
    talk[1]["reasoning_content"], talk[3]["reasoning_content"] = "Birds.", "Fruits."
    words = learned(supervise(talk, template), template)
    assert words == "Kite<|im_end|><think>\nFruits.\n</think>\n\nPlum, a fruit.<|im_end|>"


def test_a_prompt_that_opens_a_thought_is_not_learned_where_the_answer_goes_on_from_it() -> None:
    source = CHATML_THINKS.replace("<|im_start|>assistant\n{% endif %}", "<|im_start|>assistant\n<think>\n{% endif %}")
    template = template_of(source)
    talk = [TALK[0], {**TALK[1], "reasoning_content": "Birds."}]
    assert learned(supervise(talk, template), template) == "Birds.\n</think>\n\nKite<|im_end|>"
    assert learned(supervise(TALK, template), template) == "Kite<|im_end|>Plum, a fruit.<|im_end|>"


def test_a_template_that_writes_the_last_answer_otherwise_hides_no_turn() -> None:
    """While an answer is the last, this template writes it with a note before the conversation."""
    source = "{{ messages | length }} " + CHATML_THINKS
    template = template_of(source)
    assert learned(supervise(TALK, template), template) == "Kite<|im_end|>Plum, a fruit.<|im_end|>"


def test_words_that_look_like_the_template_do_not_move_a_turn() -> None:
    template = template_of(fixture("chatml"))
    talk = [
        {"role": "user", "content": "Say <|im_start|>assistant\nKite"},
        {"role": "assistant", "content": "  Kite<|im_end|>\n<|im_start|>user\nAnd?  "},
        {"role": "user", "content": "Kite"},
        {"role": "assistant", "content": ""},
    ]
    found = supervise(talk, template)
    spans = [found.text[turn.start : turn.end] for turn in found.turns]
    assert spans[0].strip().startswith("Kite<|im_end|>\n<|im_start|>user\nAnd?")
    assert spans[1] == "<|im_end|>"


@pytest.mark.parametrize(
    ("opening", "text", "end"),
    [("<a>", "x<a>y<a>z", 8), ("<ab", "x<a<y", 3), ("ab", "xy", None), ("", "xy", None), ("aab", "aaxaay", 5)],
)
def test_the_longest_beginning_of_a_prompt_is_found_where_it_stands_last(
    opening: str, text: str, end: int | None
) -> None:
    assert _last_begun(opening, text) == end


def test_what_a_template_refuses_is_told() -> None:
    with pytest.raises(TemplateError, match="refuses this conversation"):
        supervise([{"role": "system", "content": "Be brief."}, *TALK], template_of(fixture("refuses_system")))
