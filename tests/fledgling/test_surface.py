from random import Random

import pytest

from fledgling.surface import (
    CASUAL_CLOSERS,
    CASUAL_OPENERS,
    CLOSERS,
    GREETINGS,
    LEAD_INS,
    dress,
    is_casual,
    undress,
    undressed,
)

PROMPTS = ("Name three birds.", "name three birds", "Anna has 3.\nWhat now?", "def f(x):\n```", "anna asks why she 3")


@pytest.mark.parametrize("prompt", PROMPTS)
def test_undressing_takes_off_what_dressing_puts_on(prompt: str) -> None:
    rng = Random(0)
    seen = {dress(prompt, rng) for _ in range(20_000)}
    assert {undress(text) for text in seen} == {prompt}
    assert all(prompt in undressed(text) for text in seen)


def test_a_careful_prompt_gets_every_greeting_lead_in_and_closer() -> None:
    rng = Random(1)
    seen = [dress("Name three birds.", rng) for _ in range(30_000)]
    starts = {text.partition("Name three")[0] for text in seen}
    assert starts >= {f"{text} " for text in (*GREETINGS, *LEAD_INS)}
    assert len(starts) > 100
    assert {text.partition("birds.")[2].strip() for text in seen} == {"", *CLOSERS}


def test_a_casual_prompt_is_dressed_casually() -> None:
    rng = Random(2)
    seen = [dress("name three birds", rng) for _ in range(10_000)]
    assert all(is_casual(text) for text in seen)
    assert {text.partition("name three")[0] for text in seen} == {"", *CASUAL_OPENERS}
    assert {text.partition("birds")[2] for text in seen} == {"", *CASUAL_CLOSERS}


def test_a_prompt_that_begins_as_an_opener_does_is_kept_as_one_reading() -> None:
    assert undressed("Can you help me? I am lost.") == ["I am lost.", "Can you help me? I am lost."]


@pytest.mark.parametrize("text", ["", " ", "Hi!", "Thanks!", "Hi! Thanks!", "um, "])
def test_text_of_nothing_but_dress_is_read_without_complaint(text: str) -> None:
    assert text.strip().startswith(undress(text)) or undress(text) in text
