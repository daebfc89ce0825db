"""A perfect answer, cut from a template's own rendering, is read back as exactly its words; for the ways that fixtures
and the toys of this file write answers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.round_trips import THOUGHT, round_trips
from magpie.modelfiles.model import ModelFiles
from magpie.seams import Completion, Message, SamplingParams
from magpie.stages.respond.work import Responder
from magpie.stages.text.reasoning import Thoughts
from magpie.templates import OMIT_SYSTEM, ChatTemplate, TemplateOptions, derive, thought_marks
from tests.templates.test_derive import NAMES
from tests.templates.toys import FIXTURES, toy

TURNS = (
    "{{ bos_token }}{% for m in messages %}<|start|>{{ m.role }}\n{{ m.content }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant\n"
)
CHANNEL_WHEN_EMPTY = TURNS + "{% if not enable_thinking %}<|channel>thought\n<channel|>{% endif %}{% endif %}"
"""The only thought that it ever writes is the empty one of its prompt."""
UNSEEN_THOUGHT = (
    "{% if enable_thinking %}<|start|>system\nThink first.<|end|>\n{% endif %}" + TURNS.removeprefix("{{ bos_token }}")
) + "{% endif %}"
OPENED_ANSWER = (
    "{% for m in messages %}{% if m.role == 'assistant' %}<|CHATBOT_TOKEN|><|START_RESPONSE|>{{ m.content }}"
    "<|END_RESPONSE|>{% else %}<|USER_TOKEN|>{{ m.content }}{% endif %}<|END_OF_TURN_TOKEN|>{% endfor %}"
    "{% if add_generation_prompt %}<|CHATBOT_TOKEN|>{% endif %}"
)
BETWEEN_THOUGHT_AND_ANSWER = (
    "{% for m in messages %}{% if m.role == 'assistant' %}<|CHATBOT_TOKEN|>"
    "{% if m.thinking %}<|bom|>{{ m.thinking }}<|eom|>{% endif %}<|START_RESPONSE|>{{ m.content }}"
    "{% else %}<|USER_TOKEN|>{{ m.content }}{% endif %}<|END_OF_TURN_TOKEN|>{% endfor %}"
    "{% if add_generation_prompt %}<|CHATBOT_TOKEN|><|bom|>{% endif %}"
)
OWN_EMPTY_THOUGHT = (
    "{% for m in messages %}{% if m.role == 'assistant' %}<|assistant|><think></think>{% else %}<|user|>{% endif %}"
    "{{ m.content }}{% endfor %}{% if add_generation_prompt %}<|assistant|><think>\n{% endif %}"
)
BLOCKS = (
    "{% for m in messages %}<|start|>{{ m.role }}\n{% if m.content is mapping %}{% for b in m.content.blocks %}"
    "{% if b.type == 'thoughts' %}<|bom|>{{ b.text }}<|eom|>{% else %}{{ b.text }}{% endif %}{% endfor %}{% else %}"
    "{{ m.content }}{% endif %}<|end|>{% endfor %}{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
)
ONE_END = (
    "{% for m in messages %}{% if m.reasoning %}<|start|>{{ m.role }}<|think|>{{ m.reasoning }}<|end|>{% endif %}"
    "<|start|>{{ m.role }}<|message|>{{ m.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant{% endif %}"
)
INDENTED = (
    "{% for m in messages %}\n\n    {{ 'Asked' if m.role == 'user' else 'Told' }}: {{ m.content }}{% endfor %}"
    "{% if add_generation_prompt %}\n\n    Told:{% endif %}"
)
ALWAYS_A_SYSTEM_TURN = (
    "<|start|>system\n{{ messages[0].content if messages[0].role == 'system' else 'Be kind.' }}<|end|>\n"
    "{% for m in messages if m.role != 'system' %}<|start|>{{ m.role }}\n{{ m.content }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
)
TOYS = {
    "channel when empty": CHANNEL_WHEN_EMPTY,
    "unseen thought": UNSEEN_THOUGHT,
    "opened answer": OPENED_ANSWER,
    "between thought and answer": BETWEEN_THOUGHT_AND_ANSWER,
    "own empty thought": OWN_EMPTY_THOUGHT,
    "blocks": BLOCKS,
    "one end": ONE_END,
    "indented": INDENTED,
    "always a system turn": ALWAYS_A_SYSTEM_TURN,
}
SOURCES = {**{name: (FIXTURES / f"{name}.jinja").read_text() for name in NAMES}, **TOYS}
UNTRUE = {
    "harmony": "an earlier answer ends with <|end|> there, which no model writes: it writes <|return|>",
    "one end": "an answer ends with the token that a thought ends with, and the model then ends its generation",
}
SEEN = 8
"""Answers that every template shows at the least: two texts, one turn and two, special tokens shown and hidden."""


@pytest.mark.parametrize("name", SOURCES)
def test_a_perfect_answer_is_read_back_as_its_words(name: str) -> None:
    model = toy(SOURCES[name])
    chat = derive(model)
    trips = [trip for trip in round_trips(chat, model) if not (name in UNTRUE and "followed" in trip.case)]
    assert not [trip for trip in trips if trip.outcome not in ("exact", "unseen")]
    opened = chat.describe()["thinking"]["state"] == "always"
    assert opened or sum(trip.outcome == "exact" for trip in trips) >= SEEN


@pytest.mark.parametrize("name", ["channel when empty", "own empty thought", "think_switch", "thought_on_a_line"])
@pytest.mark.parametrize("thinking", ["on", "off"])
def test_so_it_is_with_thinking_switched(name: str, thinking: str) -> None:
    model = toy(SOURCES[name])
    options = TemplateOptions(thinking="on" if thinking == "on" else "off")
    trips = round_trips(derive(model, options), model)
    assert not [trip for trip in trips if trip.outcome not in ("exact", "unseen")]


def read(chat: ChatTemplate, model: ModelFiles, wrote: str) -> tuple[str | None, str, str | None]:
    marks = thought_marks(chat)
    responder = Responder(chat, SamplingParams(), None if marks is None else Thoughts(*marks))
    ids = tuple(model.tokenizer.encode(wrote))
    columns, reason = responder.read(Completion(wrote, ids, "stop", 1, len(ids)))
    return columns["reasoning"], columns["response"], reason


def test_a_thought_is_known_by_the_empty_one_of_the_prompt() -> None:
    model = toy(CHANNEL_WHEN_EMPTY)
    chat = derive(model, TemplateOptions(thinking="on"))
    assert thought_marks(chat) == ("<|channel>thought", "<channel|>", False)
    assert read(chat, model, f"<|channel>thought\n{THOUGHT}\n<channel|>Yes.") == (THOUGHT, "Yes.", None)
    assert derive(model).describe()["thinking"]["state"] == "off"


def test_a_thought_is_known_by_blocks_of_content() -> None:
    model = toy(BLOCKS)
    assert read(derive(model), model, f"<|bom|>{THOUGHT}<|eom|>Yes.") == (THOUGHT, "Yes.", None)


def test_a_thought_that_no_template_shows_is_warned_of() -> None:
    found = derive(toy(UNSEEN_THOUGHT), TemplateOptions(thinking="on")).describe()
    assert found["thinking"]["unseen"]
    assert any("respond.thought_tags" in warning for warning in found["warnings"])
    assert not derive(toy(UNSEEN_THOUGHT)).describe()["thinking"]["unseen"]


def test_a_token_that_opens_an_answer_is_no_leak_where_it_stands_and_one_elsewhere() -> None:
    model = toy(OPENED_ANSWER)
    chat = derive(model)
    assert read(chat, model, "<|START_RESPONSE|>Yes.") == (None, "Yes.", None)
    assert read(chat, model, "Yes.") == (None, "Yes.", None)
    assert read(chat, model, "<|START_RESPONSE|>Yes.<|START_RESPONSE|>No.")[2] == "role_leak"
    assert read(chat, model, "Yes.<|USER_TOKEN|>No.")[2] == "role_leak"


def test_what_stands_between_thought_and_answer_belongs_to_neither() -> None:
    model = toy(BETWEEN_THOUGHT_AND_ANSWER)
    assert read(derive(model), model, f"{THOUGHT}<|eom|><|START_RESPONSE|>Yes.") == (THOUGHT, "Yes.", None)


def test_thinking_off_writes_the_empty_thought_that_the_template_writes() -> None:
    model = toy(OWN_EMPTY_THOUGHT)
    chat = derive(model, TemplateOptions(thinking="off"))
    prompt = chat.text(chat.next_assistant([Message("user", "Why?")]).ids)
    assert prompt.endswith("Why?<|assistant|><think></think>")
    assert chat.script.conversation([Message("user", "Why?"), Message("assistant", "So.")]).startswith(prompt)


def test_an_end_that_a_thought_has_too_is_not_left_in_the_answer() -> None:
    model = toy(ONE_END)
    assert read(derive(model), model, "<|message|>Yes.<|end|>")[1:] == ("Yes.", None)


def test_tags_that_the_prompt_asks_for_are_taken_off_an_answer() -> None:
    asks = "<|start|>system\nWrite your answer between <response></response>.<|end|>\n" + TURNS + "{% endif %}"
    model = toy(asks)
    chat = derive(model)
    assert read(chat, model, "<response>Yes, <b>so</b>.</response>") == (None, "Yes, <b>so</b>.", None)
    assert read(chat, model, "An <response> of none.") == (None, "An <response> of none.", None)


def test_a_stop_text_keeps_its_indent() -> None:
    chat = derive(toy(INDENTED))
    assert chat.stop == ("\n    Told:", "\n    Asked:")
    assert not [warning for warning in chat.describe()["warnings"] if "without end" in warning]


def test_an_empty_system_turn_is_warned_of_and_omit_cuts_it() -> None:
    model = toy(ALWAYS_A_SYSTEM_TURN)
    empty, none = derive(model, TemplateOptions(system=None)), derive(model, TemplateOptions(system=OMIT_SYSTEM))
    assert empty.text(empty.next_user([]).ids) == "<|start|>system\n<|end|>\n<|start|>user\n"
    assert any("template.system: omit" in warning for warning in empty.describe()["warnings"])
    assert none.text(none.next_user([]).ids) == "<|start|>user\n"
    asked = [Message("user", "Why?")]
    assert none.text(none.next_assistant(asked).ids) == "<|start|>user\nWhy?<|end|>\n<|start|>assistant\n"
    told = [Message("system", "Be brief."), *asked]
    assert "Be brief." in none.text(none.next_assistant(told).ids)
    assert any("omit cuts" in warning for warning in none.describe()["warnings"])


def test_special_tokens_without_a_role_reach_the_template() -> None:
    source = "{{ additional_special_tokens[1] }}" + TURNS + "{% endif %}"
    model = replace(toy(source), more_special=("<|bom|>", "<|eom|>"))
    chat = derive(model)
    assert chat.text(chat.next_user([]).ids).startswith("<|eom|>")
