"""Chats for servers that take no token ids."""

from __future__ import annotations

import pytest

from magpie.errors import TemplateError
from magpie.modelfiles.locate import find_model
from magpie.modelfiles.model import open_model
from magpie.seams import Completion, Message, Messages, Text
from magpie.templates import ChatTemplate, MessagesChat, TextChat, derive


@pytest.fixture(scope="module")
def exact() -> ChatTemplate:
    return derive(open_model(find_model("fledgling")))


def test_a_prompt_as_text_is_the_text_of_the_exact_one(exact: ChatTemplate) -> None:
    chat = TextChat(exact)
    assert chat.next_user(()) == Text("<|im_start|>user\n")
    messages = (Message("user", "Hi!"), Message("assistant", "Hello."), Message("user", "And now?"))
    assert chat.next_assistant(messages).text == exact.text(exact.next_assistant(messages).ids)


def test_the_token_that_a_server_adds_itself_is_left_to_it(exact: ChatTemplate) -> None:
    assert TextChat(exact, "<|im_start|>").next_user(()) == Text("user\n")
    assert TextChat(exact, "<s>").next_user(()) == Text("<|im_start|>user\n")


def test_stops_are_texts_where_ids_are_of_no_use(exact: ChatTemplate) -> None:
    chat = TextChat(exact)
    assert (chat.stop_token_ids, chat.response_stop_token_ids) == ((), ())
    assert "<|im_end|>" in chat.stop
    assert "<|im_end|>" in chat.response_stop


def test_what_is_not_exact_is_among_the_warnings(exact: ChatTemplate) -> None:
    assert "takes text and no token ids" in TextChat(exact).describe()["warnings"][-1]


def test_a_text_is_continued_by_what_was_said() -> None:
    assert Text("a ") + Completion("b", (), "length", 1, 1) == Text("a b")


def test_messages_go_out_as_they_are_behind_the_system_prompt() -> None:
    question = Message("user", "Hi!")
    assert MessagesChat().next_assistant([question]) == Messages((question,))
    assert MessagesChat("Be brief.").next_assistant([question]).messages[0] == Message("system", "Be brief.")


def test_messages_cannot_ask_for_a_user_s_words() -> None:
    with pytest.raises(TemplateError, match="instructions need the raw prompt"):
        MessagesChat().next_user(())
    with pytest.raises(TypeError):
        _ = Messages(()) + Completion("b", (), "length", 1, 1)


def test_a_leak_is_told_where_there_is_a_tokenizer_on_this_side(exact: ChatTemplate) -> None:
    assert MessagesChat(None, exact).leaks((), "x <|im_start|> y")
    assert not MessagesChat().leaks((), "x <|im_start|> y")
