"""What is derived from each style of chat template, on two kinds of tokenizer, and that it is exact."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from magpie.errors import TemplateError
from magpie.modelfiles.model import ModelFiles
from magpie.modelfiles.tokenizer import wrap
from magpie.seams import Message
from magpie.templates import derive
from tests.templates.toys import FIXTURES, Kind, assistant, chat_of, fixture, system, tokenizer_json, toy, user

NAMES = tuple(sorted(path.stem for path in FIXTURES.glob("*.jinja")))
KINDS: tuple[Kind, ...] = ("byte-level", "metaspace")
IM = ("<|im_end|>\n<|im_start|>user\n", "<|im_end|>\n<|im_start|>assistant\n")


@dataclass(frozen=True)
class Expected:
    """The texts around words, and the tokens or texts at which a turn ends."""

    pre_query: str
    follow_up: str
    pre_response: str
    user_end: str
    response_end: str
    role: str = "own turn"
    thinking: str = "none"


EXPECTED = {
    "always_prompts": Expected(
        *("<|bom|><|user|>", "<|eom|><|bom|><|user|>", "<|eom|><|bom|><|assistant|>", "<|eom|>", "<|eom|>")
    ),
    "always_thinks": Expected(
        "<s><｜User｜>",
        "<｜end▁of▁sentence｜><｜User｜>",
        "<｜Assistant｜><think>\n",
        "<｜Assistant｜>",
        "<｜end▁of▁sentence｜>",
        thinking="always",
    ),
    "bracket_tags": Expected(
        "]~!b[]~b]system\nYou are a helpful assistant called Maxine.[e~[\n]~b]user\n",
        *("[e~[\n]~b]user\n", "[e~[\n]~b]ai\n<think>\n", "[e~[", "[e~["),
        thinking="always",
    ),
    "budget_switch": Expected(*("<s>user\n", "</s><s>user\n", "</s><s>assistant\n", "</s>", "</s>"), thinking="on"),
    "chatml": Expected("<|im_start|>user\n", *IM, "<|im_end|>", "<|im_end|>"),
    "closing_words": Expected(
        '<|open|>message role="user"<|sep|>',
        '<|close|>response<|sep|><|close|>message<|sep|><|end_of_msg|><|open|>message role="user"<|sep|>',
        '<|close|>message<|sep|><|open|>message role="assistant"<|sep|>',
        *("<|close|>", "<|end_of_msg|>"),
        thinking="model",
    ),
    "counted_rounds": Expected(
        *("[Round 1]\n\nAsked:", "\n\n[Round 2]\n\nAsked:", "\n\nAnswered:", "\nAnswered:", "\n[Round ", "ignored")
    ),
    "default_system": Expected(
        "<|im_start|>system\nYou are Magnet. You are a helpful assistant.<|im_end|>\n<|im_start|>user\n",
        *(*IM, "<|im_end|>", "<|im_end|>"),
    ),
    "effort_switch": Expected(
        *("<|start|>user<|message|>", "<|return|><|start|>user<|message|>", "<|end|><|start|>assistant"),
        *("<|end|>", "<|return|>"),
        thinking="on",
    ),
    "folds_system": Expected(
        *("<s><start_of_turn>user\n", "<end_of_turn>\n<start_of_turn>user\n", "<end_of_turn>\n<start_of_turn>model\n"),
        *("<end_of_turn>", "<end_of_turn>", "first user turn"),
    ),
    "generation_tag": Expected("<|im_start|>user\n", *IM, "<|im_end|>", "<|im_end|>"),
    "glued_switch": Expected(
        *("[gMASK]<sop><|user|>\n", "<|user|>\n", "<|assistant|>", "<|assistant|>", "<|user|>"), thinking="on"
    ),
    "harmony": Expected(
        "<|start|>system<|message|>You are a talking machine.\nCurrent date: 2026-01-02\n\nReasoning: medium\n\n"
        "# Valid channels: analysis, final.<|end|><|start|>user<|message|>",
        *("<|end|><|start|>user<|message|>", "<|end|><|start|>assistant", "<|end|>", "<|return|>"),
        thinking="model",
    ),
    "header_always": Expected(
        "<s><|START_OF_TURN_TOKEN|><|USER_TOKEN|>",
        "<|END_RESPONSE|><|END_OF_TURN_TOKEN|><|START_OF_TURN_TOKEN|><|USER_TOKEN|>",
        "<|END_OF_TURN_TOKEN|><|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>",
        *("<|END_OF_TURN_TOKEN|>", "<|END_RESPONSE|>"),
    ),
    "header_date": Expected(
        "<s><|start_header_id|>system<|end_header_id|>\n\nKnowledge until: December 2023\nToday is: 02 Jan 2026\n\n"
        "<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n",
        "<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n",
        "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
        *("<|eot_id|>", "<|eot_id|>"),
    ),
    "inst_sys": Expected(
        *("<s>[INST]", " </s><s>[INST]", " [/INST]", " [/INST]", "</s>", "first user turn"),
    ),
    "instruction_blocks": Expected(
        *("### Instruction:\n", "</s>\n\n### Instruction:\n", "\n\n### Response:\n", "\n### Response:", "</s>")
    ),
    "message_to": Expected(
        *("<|start|>user<|message|>", "<|end|><|start|>user<|message|>", "<|end|><|start|>assistant<think>"),
        *("<|end|>", "<|end|>"),
        thinking="always",
    ),
    "needs_tools": Expected("<|im_start|>user\n", *IM, "<|im_end|>", "<|im_end|>"),
    "never_prompts": Expected(*("<|prompt|>", "</s><|prompt|>", "</s><|answer|>", "</s>", "</s>")),
    "newline_before_end": Expected(
        *("<|begin_user|>\n", "\n<|end|>\n<|begin_user|>\n", "\n<|end|>\n<|begin_assistant|>\n", "<|end|>", "<|end|>")
    ),
    "parts_only": Expected(
        *(
            "<s><|im_start|>User:",
            "<end_of_utterance>\n<|im_start|>User:",
            "<end_of_utterance>\n<|im_start|>Assistant:",
        ),
        *("<end_of_utterance>", "<end_of_utterance>"),
    ),
    "plain_colon": Expected(
        "<s>A chat between a curious user and a polite assistant. USER:",
        *("</s>USER:", " ASSISTANT:", " ASSISTANT:", "</s>"),
    ),
    "prompt_with_space": Expected(
        *("Human:", "\n\nHuman:", "\n\nAssistant:", "\nAssistant:", "\nHuman:"),
    ),
    "refuses_system": Expected(
        *("<s><start_of_turn>user\n", "<end_of_turn>\n<start_of_turn>user\n", "<end_of_turn>\n<start_of_turn>model\n"),
        *("<end_of_turn>", "<end_of_turn>", "refused"),
    ),
    "role_spans": Expected(
        "<|start_of_role|>system<|end_of_role|>Knowledge until April 2024.\nToday is January 02, 2026.\n"
        "You are Gravel, made to help.<|end_of_text|>\n<|start_of_role|>user<|end_of_role|>",
        "<|end_of_text|>\n<|start_of_role|>user<|end_of_role|>",
        "<|end_of_text|>\n<|start_of_role|>assistant<|end_of_role|>",
        *("<|end_of_text|>", "<|end_of_text|>"),
        thinking="off",
    ),
    "role_tags": Expected(
        *("<|user|>\n", "<|end|>\n<|user|>\n", "<|end|>\n<|assistant|>\n", "<|end|>", "<|end|>"),
    ),
    "separator_tags": Expected(
        "<|im_start|>system<|im_sep|>You think before you speak.<|im_end|><|im_start|>user<|im_sep|>",
        *("<|im_end|><|im_start|>user<|im_sep|>", "<|im_end|><|im_start|>assistant<|im_sep|>"),
        *("<|im_end|>", "<|im_end|>"),
    ),
    "system_flags": Expected(
        "<|im_start|>system\n## Metadata\n\nReasoning Mode: /think\n\n<|im_end|>\n<|im_start|>user\n",
        *(*IM, "<|im_end|>", "<|im_end|>"),
        thinking="on",
    ),
    "system_in_last_turn": Expected(
        *("<s>[INST]", "</s>[INST]", "[/INST]", "[/INST]", "</s>", "last user turn"),
    ),
    "think_switch": Expected("<|im_start|>user\n", *IM, "<|im_end|>", "<|im_end|>", thinking="on"),
    "thought_on_a_line": Expected(
        *("<|im_start|>user\n", IM[0], f"{IM[1]}<think>\n", "<|im_end|>", "<|im_end|>"), thinking="on"
    ),
    "told_in_last_turn": Expected(
        *("<s>[INST] You may call a function.\n\n", "</s>[INST] You may call a function.\n\n", "[/INST]"),
        *("[/INST]", "</s>", "last user turn"),
    ),
    "turn_tokens": Expected(
        "<s><|START_OF_TURN_TOKEN|><|USER_TOKEN|>",
        "<|END_OF_TURN_TOKEN|><|START_OF_TURN_TOKEN|><|USER_TOKEN|>",
        "<|END_OF_TURN_TOKEN|><|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>",
        *("<|END_OF_TURN_TOKEN|>", "<|END_OF_TURN_TOKEN|>"),
    ),
    "wide_bars": Expected(
        "<s><｜User｜>",
        *("<｜end▁of▁sentence｜><｜User｜>", "<｜Assistant｜></think>", "<｜Assistant｜>", "<｜end▁of▁sentence｜>"),
        thinking="off",
    ),
}


def test_every_fixture_is_expected() -> None:
    assert set(EXPECTED) == set(NAMES)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_the_prompts_of_every_style_are_found(name: str, kind: Kind) -> None:
    expected, report = EXPECTED[name], chat_of(name, kind).describe()
    assert report["pre_query"]["text"] == expected.pre_query
    assert report["follow_up"]["text"] == expected.follow_up
    assert report["pre_response"]["text"] == expected.pre_response
    assert report["system_role"] == expected.role
    assert report["thinking"]["state"] == expected.thinking


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_turns_end_where_the_template_ends_them(name: str, kind: Kind) -> None:
    expected, chat = EXPECTED[name], chat_of(name, kind)
    added = {text: token.id for text, token in toy("", kind).tokenizer.added.items()}
    for end, found in ((expected.user_end, chat.user_end), (expected.response_end, chat.assistant_end)):
        assert (added[end] in found.token_ids[:1]) if end in added else (end in found.texts)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_a_prompt_is_where_the_whole_conversation_goes_on(name: str, kind: Kind) -> None:
    chat = chat_of(name, kind)
    turns = [user("Why?"), assistant("Because."), user("- a\n- b"), assistant("3 things"), user("再见")]
    for count in (0, 2, 4):
        whole = tuple(chat.tokenizer.encode(chat.script.bare_prompt(turns[: count + 1])))
        opened = chat.next_user(turns[:count]).ids
        assert whole[: len(opened)] == opened
        assert whole[: len(opened)] != whole


@pytest.mark.parametrize("name", ["chatml", "header_date", "plain_colon", "inst_sys"])
def test_a_template_without_a_beginning_of_sequence_token_gets_none(name: str) -> None:
    report = chat_of(name, "byte-level", None).describe()
    assert not report["bos"]["inside"]
    assert not report["pre_query"]["text"].startswith("<s>")


def test_a_beginning_of_sequence_token_that_the_template_prints_is_reported() -> None:
    assert chat_of("header_date", "byte-level").describe()["bos"] == {"token": "<s>", "inside": True}


def test_a_beginning_of_sequence_token_after_white_space_is_inside_too() -> None:
    assert derive(toy("\n\n" + fixture("header_date"))).describe()["bos"]["inside"]


def test_a_switch_that_stands_at_neither_of_its_values_leaves_the_thought_to_the_model() -> None:
    source = fixture("think_switch") + (
        "{% if add_generation_prompt and enable_thinking is defined and enable_thinking %}{{ '<think>\\n' }}{% endif %}"
    )
    thinking = derive(toy(source)).describe()["thinking"]
    assert (thinking["state"], thinking["switch"]) == ("model", "enable_thinking")


def test_a_switch_that_forbids_thoughts_is_taken_before_one_that_forces_them() -> None:
    source = "{% for m in messages %}{{ '<|start|>' ~ m.role ~ ' ' ~ m.content ~ '<|end|>' }}{% endfor %}" + (
        "{% if add_generation_prompt %}{{ '<|start|>assistant' }}"
        "{{ '/think ' if force_reasoning else ' ' if skip_reasoning else '' }}{% endif %}"
    )
    thinking = derive(toy(source)).describe()["thinking"]
    assert (thinking["switch"], thinking["off"]) == ("skip_reasoning", True)


def test_the_tags_of_a_thought_are_those_that_the_template_writes_around_one() -> None:
    source = fixture("think_switch").replace("<think>", "<mm:think>").replace("</think>", "</mm:think>")
    source = "{# <thinking_instructions> </thinking_instructions> #}" + source
    assert derive(toy(source)).describe()["thinking"]["tags"] == ["<mm:think>", "</mm:think>"]


words = st.one_of(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40),
    st.sampled_from(
        ["What's 2 + 2?", "- one\n- two", "/no_think hi", "<think>x</think> y", "  a  ", "中文", "x /think"]
    ),
).filter(lambda text: bool(text.strip()))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    name=st.sampled_from(NAMES), kind=st.sampled_from(KINDS), told=st.none() | words, said=st.lists(words, max_size=4)
)
def test_pieces_equal_the_whole(name: str, kind: Kind, told: str | None, said: list[str]) -> None:
    """On random conversations: shortcuts, kept prompts and healing give what whole renderings give."""
    chat = chat_of(name, kind)
    opening = [] if told is None else [system(told)]
    turns = [Message("user" if n % 2 == 0 else "assistant", text) for n, text in enumerate([*said, "Then go on."])]
    turns = turns[: (len(turns) - 1) // 2 * 2 + 1]
    messages = [*opening, *turns]
    text = chat.script.prompt(messages)
    prompt = list(chat.next_assistant(messages).ids)
    assert prompt == chat.tokenizer.encode(text)[: len(prompt)] or chat.heals
    assert prompt == chat.prompt_ids(messages)[1]
    before = [*opening, *turns[:-1]]
    assert list(chat.next_user(before).ids) == chat.before_user(before)[1]


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("announces_length", "writes something before the user's words that depends on them"),
        ("no_boundary", "puts nothing between a user's words and the assistant's"),
        ("prints_nothing", "prints the user's words nowhere"),
        ("prints_twice", "prints the user's words more than once"),
    ],
)
def test_a_template_that_cannot_be_prompted_is_refused_with_the_rule(name: str, rule: str) -> None:
    with pytest.raises(TemplateError, match=rule) as caught:
        chat_of(f"refused/{name}", "byte-level")
    assert "\n" not in str(caught.value)


def test_a_model_without_a_chat_template_is_refused() -> None:
    model = toy("")
    with pytest.raises(TemplateError, match="there is no chat template"):
        derive(type(model)(model.name, model.tokenizer, {}))


def test_white_space_that_a_special_token_eats_is_in_no_prompt() -> None:
    """Phi-3's tokens take the newline behind them, so the template's text and the ids part there."""
    state = json.loads(tokenizer_json("byte-level"))
    for entry in state["added_tokens"]:
        entry["rstrip"] = entry["content"] in ("<|user|>", "<|end|>", "<|assistant|>")
    tokenizer = wrap(Tokenizer.from_str(json.dumps(state)))
    chat = derive(ModelFiles("eats", tokenizer, {"default": fixture("role_tags")}, {"eos_token": "</s>"}))
    assert [tokenizer.token(n) for n in chat.next_user([]).ids] == ["<|user|>"]
    for words in ("Why?", "- a", "再见"):
        assert list(chat.next_assistant([user(words)]).ids) == chat.prompt_ids([user(words)])[1]
