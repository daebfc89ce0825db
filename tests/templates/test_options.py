"""What a user decides: system prompt, thinking, date, arguments, another template, a pre-query by hand."""

from __future__ import annotations

import pytest

from magpie.errors import TemplateError
from magpie.seams import Message
from magpie.templates import ChatTemplate, Switch, TemplateOptions, derive
from tests.templates.toys import assistant, fixture, system, toy, user


def chat_with(name: str, **options: object) -> ChatTemplate:
    given = {"date": "2026-01-02", **options}
    return derive(toy(fixture(name)), TemplateOptions(**given))  # type: ignore[arg-type]


def text_before_user(chat: ChatTemplate, *messages: Message) -> str:
    return chat.tokenizer.decode(chat.next_user(messages).ids)


def prompt(chat: ChatTemplate, *messages: Message) -> str:
    return chat.tokenizer.decode(chat.next_assistant(messages).ids)


def test_a_system_text_stands_where_the_template_puts_it() -> None:
    chat = chat_with("default_system", system="Be brief.")
    assert text_before_user(chat) == "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n"
    assert prompt(chat, user("Why?")).startswith("<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nWhy?")


def test_a_system_message_of_the_conversation_wins() -> None:
    chat = chat_with("chatml", system="Be brief.")
    assert "Be long." in text_before_user(chat, system("Be long."))
    assert "Be brief." not in text_before_user(chat, system("Be long."))


def test_the_default_system_prompt_is_reported_and_kept() -> None:
    chat = chat_with("default_system")
    assert chat.describe()["default_system"] == "You are Magnet. You are a helpful assistant."
    assert "You are Magnet" in text_before_user(chat)


def test_a_default_that_only_the_last_user_turn_tells_is_reported() -> None:
    assert chat_with("told_in_last_turn").describe()["default_system"] == "You may call a function."


def test_a_header_that_counts_the_turns_is_no_default_system_prompt() -> None:
    assert chat_with("counted_rounds").describe()["default_system"] is None


def test_a_default_ends_before_the_token_that_closes_its_turn_otherwise() -> None:
    source = fixture("default_system").replace("assistant.<|im_end|>", "assistant.<|im_end|><|endoftext|>")
    assert source != fixture("default_system")
    assert derive(toy(source)).describe()["default_system"] == "You are Magnet. You are a helpful assistant."


def test_no_system_prompt_takes_the_default_away_where_the_template_lets_it() -> None:
    chat = chat_with("default_system", system=None)
    assert "Magnet" not in text_before_user(chat)
    (warning,) = chat.describe()["warnings"]
    assert "leaves an empty system turn" in warning


def test_no_system_prompt_is_a_warning_where_the_template_insists_on_one() -> None:
    chat = chat_with("header_date", system=None)
    assert "Knowledge until" in text_before_user(chat)
    assert any("cannot be taken away" in note for note in chat.describe()["warnings"])


@pytest.mark.parametrize("name", ["refuses_system", "always_prompts", "folds_system", "inst_sys"])
def test_a_system_text_reaches_the_model_whatever_the_template_does(name: str) -> None:
    chat = chat_with(name, system="Be brief.")
    assert "Be brief." in text_before_user(chat)
    assert "Be brief." in prompt(chat, user("Why?"), assistant("So."), user("And then?"))


def test_a_refused_system_text_is_told_in_the_first_user_message_and_said_so() -> None:
    chat = chat_with("refuses_system", system="Be brief.")
    assert text_before_user(chat) == "<s><start_of_turn>user\nBe brief.\n\n"
    assert any("before the first user message" in note for note in chat.describe()["warnings"])


def test_a_system_text_in_the_last_user_turn_moves_with_the_conversation() -> None:
    chat = chat_with("system_in_last_turn", system="Be brief.")
    said = prompt(chat, user("Why?"), assistant("So."), user("And then?"))
    assert said == "<s>[INST] Why?[/INST] So.</s>[INST] Be brief.\n\nAnd then?[/INST]"
    assert text_before_user(chat, user("Why?"), assistant("So.")).endswith("[INST] Be brief.\n\n")


@pytest.mark.parametrize(
    ("name", "switch", "end"),
    [
        ("think_switch", "on", "<|im_start|>assistant\n"),
        ("think_switch", "off", "<|im_start|>assistant\n<think>\n\n</think>\n\n"),
        ("wide_bars", "on", "<｜Assistant｜><think>"),
        ("wide_bars", "off", "<｜Assistant｜></think>"),
        ("glued_switch", "off", "/nothink<|assistant|>\n<think></think>"),
        ("always_thinks", "on", "<｜Assistant｜><think>\n"),
        ("always_thinks", "off", "<｜Assistant｜><think>\n\n</think>\n\n"),
        ("bracket_tags", "off", "]~b]ai\n<think>\n\n</think>\n\n"),
        ("chatml", "off", "<|im_start|>assistant\n"),
        ("system_flags", "off", "<|im_start|>assistant\n<think>\n\n</think>\n"),
        ("thought_on_a_line", "on", "<|im_start|>assistant\n<think>\n"),
        ("thought_on_a_line", "off", "<|im_start|>assistant\n<think></think>"),
        ("effort_switch", "on", "<|end|><|start|>assistant"),
        ("effort_switch", "off", "<|start|>assistant<|think|><|end|><|start|>assistant"),
    ],
)
def test_thinking_is_switched_as_the_template_switches_it(name: str, switch: Switch, end: str) -> None:
    assert prompt(chat_with(name, thinking=switch), user("Why?")).endswith(end)


def test_a_thinking_budget_of_nothing_is_off() -> None:
    assert "Answer at once." in prompt(chat_with("budget_switch", thinking="off"), user("Why?"))
    assert "Answer at once." not in prompt(chat_with("budget_switch", thinking="on"), user("Why?"))


def test_what_a_switch_glues_to_the_users_words_is_cut_from_instructions() -> None:
    chat = chat_with("glued_switch", thinking="off")
    assert chat.describe()["cut_from_instruction"] == "/nothink"
    assert chat.user_text(" Why is that?/nothink") == "Why is that?"
    assert chat.user_text("Why /nothink is that?") == "Why /nothink is that?"


def test_thinking_that_cannot_be_switched_is_said() -> None:
    assert any("no effect" in note for note in chat_with("chatml", thinking="on").describe()["warnings"])
    assert any("empty reasoning" in note for note in chat_with("always_thinks", thinking="off").describe()["warnings"])
    with pytest.raises(TemplateError, match="no switch and no closing tag"):
        chat_with("harmony", thinking="off")


def test_a_pinned_day_is_printed_and_an_open_one_is_a_warning() -> None:
    assert chat_with("harmony").describe()["date"] == "2026-01-02"
    free = derive(toy(fixture("harmony")))
    assert any("template.date" in note for note in free.describe()["warnings"])
    assert free.describe()["date"] in text_before_user(free)


def test_a_day_that_is_none_is_refused() -> None:
    with pytest.raises(TemplateError, match=r"template\.date is 'tomorrow'"):
        chat_with("harmony", date="tomorrow")


def test_arguments_reach_the_template_and_win_over_the_switch() -> None:
    assert "Reasoning: high" in text_before_user(chat_with("harmony", kwargs={"reasoning_effort": "high"}))


def test_another_template_replaces_the_models_own() -> None:
    chat = derive(toy(fixture("chatml")), TemplateOptions(chat_template=fixture("role_tags")))
    assert text_before_user(chat) == "<|user|>\n"


def test_a_named_template_is_chosen_by_name() -> None:
    model = toy(fixture("chatml"))
    named = type(model)("named", model.tokenizer, {"default": fixture("chatml"), "rag": fixture("role_tags")})
    assert text_before_user(derive(named, TemplateOptions(name="rag"))) == "<|user|>\n"
    with pytest.raises(TemplateError, match="'tools'; there are: default, rag"):
        derive(named, TemplateOptions(name="tools"))


def test_a_pre_query_by_hand_is_taken_and_its_trailing_space_left_to_the_model() -> None:
    chat = chat_with("plain_colon", pre_query="<s>A letter to an editor. USER: ")
    assert text_before_user(chat) == "<s>A letter to an editor. USER:"
    assert chat.describe()["pre_query"]["text"] == "<s>A letter to an editor. USER: "
    assert "ASSISTANT:" in prompt(chat, user("Why?"))


def test_a_pre_query_by_hand_serves_where_the_template_has_none() -> None:
    chat = chat_with("refused/announces_length", pre_query="<|im_start|>user 60\n")
    assert text_before_user(chat) == "<|im_start|>user 60\n"


AGENT = "You are Ferret. You use tools to read files, run bash commands and open pull requests in a repository."


@pytest.mark.parametrize(
    ("default", "kind", "warning"),
    [
        ("Reasoning Effort: Max", "settings", "settings and no system prompt"),
        ("Knowledge cutoff: 2025-01\n**Thinking**: off", "settings", "settings and no system prompt"),
        (AGENT, "agent", "an agent's"),
        ("You are Magnet. You are a helpful assistant.", "system prompt", None),
        ("Note: you must answer briefly", "system prompt", None),
    ],
)
def test_what_a_template_adds_by_itself_is_told_as_what_it_is(default: str, kind: str, warning: str | None) -> None:
    source = fixture("default_system").replace(
        "You are Magnet. You are a helpful assistant.", default.replace("\n", "\\n")
    )
    found = derive(toy(source)).describe()
    assert (found["default_system"], found["default_system_kind"]) == (default, kind)
    said = [one for one in found["warnings"] if "chat template" in one and ("settings" in one or "agent" in one)]
    assert [bool(warning and warning in one) for one in said] == ([] if warning is None else [True])


def test_of_a_default_that_was_replaced_nothing_is_warned() -> None:
    source = fixture("default_system").replace("You are Magnet. You are a helpful assistant.", AGENT)
    found = derive(toy(source), TemplateOptions(system="Be brief.")).describe()
    assert not [one for one in found["warnings"] if "agent" in one]
