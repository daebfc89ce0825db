"""The beginning of an instruction as ids: the same whatever comes next, or refused."""

from __future__ import annotations

import pytest

from magpie.errors import RecipeError
from magpie.stages.instruct.prefill import prefill_ids
from tests.templates.toys import Kind, chat_of, system, user

CHATS = [(name, kind) for name in ("chatml", "inst_sys", "wide_bars") for kind in ("byte-level", "metaspace")]


@pytest.mark.parametrize(("name", "kind"), CHATS)
@pytest.mark.parametrize("text", ["Write a letter about", "Translate:", "Translate this:\n"])
@pytest.mark.parametrize("more", [" rivers", " 17 cats and (a) dog"])
def test_the_prompt_s_ids_begin_those_of_the_whole_instruction(name: str, kind: Kind, text: str, more: str) -> None:
    chat = chat_of(name, kind)
    ids = (*chat.next_user(()).ids, *prefill_ids(chat, None, text, "here"))
    whole = chat.tokenizer.encode(
        chat.script.bare_prompt([user(text + more.lstrip() if text[-1] == "\n" else text + more)])
    )
    assert tuple(whole[: len(ids)]) == ids
    assert chat.tokenizer.decode(ids).endswith(text)


def test_it_stands_behind_the_system_prompt_too() -> None:
    chat = chat_of("chatml")
    ids = (*chat.next_user([system("Be brief.")]).ids, *prefill_ids(chat, "Be brief.", "Write a letter", "here"))
    whole = chat.tokenizer.encode(chat.script.bare_prompt([system("Be brief."), user("Write a letter to me")]))
    assert tuple(whole[: len(ids)]) == ids


@pytest.mark.parametrize("text", ["Write a ", "Write a  ", "1. "])
def test_a_space_at_the_end_would_merge_with_the_next_word_and_is_refused(text: str) -> None:
    with pytest.raises(RecipeError) as refused:
        prefill_ids(chat_of("chatml"), None, text, "instruct.mix.a.prefill")
    told = str(refused.value)
    assert told.startswith("instruct.mix.a.prefill: the tokenizer merges the end of")
    assert told.endswith(f"expected {text.rstrip()!r}, which the model continues with the space itself")


def test_so_is_a_letter_that_merges_with_the_next_where_words_have_no_space_between() -> None:
    with pytest.raises(RecipeError, match=r"expected '请写一'$"):
        prefill_ids(chat_of("chatml"), None, "请写一个", "here")


def test_what_a_template_trims_cannot_begin_an_instruction() -> None:
    with pytest.raises(RecipeError, match="expected another end"):
        prefill_ids(chat_of("inst_sys"), None, " ", "here")
