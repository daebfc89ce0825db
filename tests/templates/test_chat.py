"""The chat object: shortcuts that equal the long way, what models write around words, leaks, samples."""

from __future__ import annotations

import pytest

from magpie.modelfiles.probe import probe_texts
from magpie.seams import Chat, Tokens
from magpie.templates import derive, sample
from tests.templates.toys import FIXTURES, Kind, assistant, chat_of, fixture, system, toy, user

NAMES = tuple(sorted(path.stem for path in FIXTURES.glob("*.jinja")))


def test_a_chat_template_is_a_chat() -> None:
    chat: Chat = chat_of("chatml")
    assert isinstance(chat.next_user([]), Tokens)


@pytest.mark.parametrize("name", NAMES)
def test_the_shortcut_to_a_prompt_equals_the_long_way_on_varied_texts(name: str) -> None:
    chat = chat_of(name)
    assert chat.frame(None) is not None
    for text in (*probe_texts, "/no_think", "x /nothink", "<think>a</think>b", "role user"):
        if text.strip():
            assert list(chat.next_assistant([user(text)]).ids) == chat.prompt_ids([user(text)])[1]


def test_the_shortcut_holds_for_each_system_prompt() -> None:
    chat = chat_of("default_system")
    for told in ("Be brief.", "Be long.", "Be brief."):
        messages = [system(told), user("Why?")]
        assert list(chat.next_assistant(messages).ids) == chat.prompt_ids(messages)[1]
    assert chat.next_user([system("Be brief.")]) is chat.next_user([system("Be brief.")])


def test_control_words_in_a_message_are_left_to_the_template() -> None:
    chat = chat_of("system_flags")
    frame = chat.frame(None)
    assert frame is not None
    assert not frame.fits("tell me /no_think")
    assert "no_think" not in chat.tokenizer.decode(chat.next_assistant([user("tell me /no_think")]).ids)


def test_earlier_thoughts_are_dropped_as_the_template_drops_them() -> None:
    chat = chat_of("think_switch")
    said = [user("Why?"), assistant("<think>\nhm\n</think>\n\nSo."), user("And?")]
    assert "hm" not in chat.tokenizer.decode(chat.next_assistant(said).ids)


def test_a_token_that_only_the_template_writes_is_a_leak() -> None:
    chat = chat_of("chatml")
    start = toy("").tokenizer.added["<|im_start|>"].id
    assert chat.leaks([5, start, 6], "")
    assert chat.leaks([], "so <|im_start|> it is")
    assert not chat.leaks([5, 6], "im_start is a word")


def test_a_plain_header_is_a_leak() -> None:
    assert chat_of("plain_colon").leaks([], "Why? USER: because")
    assert chat_of("instruction_blocks").leaks([], "a\n### Instruction:\nb")


def test_tokens_that_stand_inside_an_answer_are_no_leak_and_no_end() -> None:
    chat = chat_of("harmony")
    added = toy("").tokenizer.added
    assert added["<|end|>"].id in chat.stop_token_ids
    assert added["<|end|>"].id not in chat.response_stop_token_ids
    assert not chat.leaks([added["<|channel|>"].id, added["<|end|>"].id], "thought and answer")


def test_words_that_end_a_turn_are_cut_from_what_a_model_wrote() -> None:
    assert chat_of("newline_before_end").user_text("Why?\n") == "Why?"
    chat = chat_of("closing_words")
    whole = "<|open|>response<|sep|>Because.<|close|>response<|sep|><|close|>message<|sep|>"
    assert chat.assistant_text(whole) == "Because."
    assert chat.assistant_text("responseBecause.responsemessage") == "Because."
    assert chat_of("harmony").assistant_text("<|channel|>final<|message|>Because.") == "Because."


@pytest.mark.parametrize(
    ("name", "sampled", "words"),
    [
        ("harmony", "finalThe answer is 4.", "The answer is 4."),
        ("harmony", "final42", "42"),
        ("harmony", "final**Yes**", "**Yes**"),
        ("harmony", "final\u7b54\u6848", "\u7b54\u6848"),
        ("harmony", "finals week is in May", "finals week is in May"),
        ("harmony", "final exams are in May", "final exams are in May"),
        ("harmony", "final: 4", "final: 4"),
        ("harmony", "final-year students", "final-year students"),
        ("harmony", "final_score = 4", "final_score = 4"),
        ("harmony", "<|channel|>final<|message|>final exams", "final exams"),
        ("harmony", "<|channel|>final<|message|>finalThe", "finalThe"),
        ("message_to", "to=user<|message|>Because.", "Because."),
        ("message_to", "to=userBecause.", "Because."),
        ("message_to", "to=users of this", "to=users of this"),
        ("always_thinks", "Do numbats wear hats on Sundays?No.", "Do numbats wear hats on Sundays?No."),
        ("closing_words", "responses vary", "responses vary"),
        ("closing_words", "responseParisresponsemessage", "Paris"),
        ("closing_words", "It is a responsemessage", "It is a responsemessage"),
        ("closing_words", "<|open|>response<|sep|>A responsemessage", "A responsemessage"),
    ],
)
def test_words_that_only_look_like_what_opens_an_answer_are_kept(name: str, sampled: str, words: str) -> None:
    assert chat_of(name).assistant_text(sampled) == words


def test_a_sample_shows_who_writes_what() -> None:
    shown = [(part.who, part.text) for part in sample(chat_of("chatml"))]
    assert shown[:4] == [
        ("template", "<|im_start|>user\n"),
        ("user model", "Why is the sky blue?"),
        ("template", "<|im_end|>\n<|im_start|>assistant\n"),
        ("assistant model", "Air scatters blue light more than red."),
    ]
    assert shown[-1] == ("template", "<|im_end|>\n")


@pytest.mark.parametrize("kind", ["byte-level", "metaspace"])
@pytest.mark.parametrize("name", NAMES)
def test_the_segments_of_a_sample_are_the_whole_conversation(name: str, kind: Kind) -> None:
    chat = chat_of(name, kind)
    parts = sample(chat)
    whole = chat.tokenizer.encode(chat.script.conversation([user("Why is the sky blue?")]))
    assert [who for who in (part.who for part in parts) if who != "template"] == [
        *("user model", "assistant model", "user model", "assistant model")
    ]
    assert list(parts[0].ids) == whole[: len(parts[0].ids)]


def test_bans_on_first_tokens_come_with_the_family() -> None:
    source = fixture("header_date").replace("Knowledge until:", "Cutting Knowledge Date:")
    chat = derive(toy(source))
    assert chat.family.name == "llama-3.1"
    assert {chat.tokenizer.token(n) for n in chat.first_token_bans} == {"#", "##"}
    assert chat_of("chatml").first_token_bans == ()
