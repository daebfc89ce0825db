"""What is taken for a user's last word, and what is not."""

from __future__ import annotations

import time

import pytest

from fledgling.corpus import SMALL_TALK
from magpie.stages.follow_up.farewell import is_farewell


@pytest.mark.parametrize("text", [prompt for pairs in SMALL_TALK.values() for prompt, _ in pairs])
def test_the_small_talk_of_the_model_in_the_package_is(text: str) -> None:
    assert is_farewell(text)


@pytest.mark.parametrize(
    "text",
    [
        "Thanks!",
        "thank you",
        "Thank you so much for your help!",
        "Great, thanks. Bye!",
        "That's all for now, thank you.",
        "Thanks for the explanation.",
        "Perfect, that makes sense now. Thanks!",
        "Thank you and goodbye",
        "👍 thanks",
        "谢谢你！",
        "ありがとうございます。",
        "Merci beaucoup pour ton aide !",
        "Vielen Dank, das ist alles.",
        "Muchas gracias. ¡Adiós!",
        "До свидания!",
    ],
)
def test_thanks_praise_and_a_goodbye_are(text: str) -> None:
    assert is_farewell(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Yes.",
        "Thanks! Can you also give an example?",
        "Thank you, now write it in French.",
        "Great, make it shorter.",
        "Thanks for the code, add tests",
        "Thank you for that but I want it shorter",
        "Write a thank you note",
        "How do I say goodbye in French?",
        "What is good?",
        "请写一封感谢信",
        "Bye law of Ireland explained",
        "thanks " * 40,
    ],
)
def test_what_asks_for_more_is_not(text: str) -> None:
    assert not is_farewell(text)


@pytest.mark.parametrize(
    "text", ["thanks for " * 14, "thank you help " * 10, "ty " * 53, "very " * 32, "gracias de a " * 12]
)
def test_hostile_text_takes_no_time(text: str) -> None:
    began = time.process_time()
    is_farewell(text)
    assert time.process_time() - began < 0.1


@pytest.mark.parametrize("piece", ["спасибо за а ", "ty for a ", "thanks help "])
def test_thanks_upon_thanks_are_a_farewell_and_with_more_behind_them_none(piece: str) -> None:
    assert is_farewell(piece * 7)
    assert not is_farewell((piece * 30)[:98] + " " + "z" * 61)
