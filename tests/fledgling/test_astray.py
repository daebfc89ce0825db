"""How far a text is right: all of the corpus's prompts to their end, and broken ones up to where they break."""

from random import Random

import pytest

from fledgling.astray import reach_of_prompt, reach_of_reply
from fledgling.corpus import ask, draw_first
from fledgling.families import BY_NAME


def test_whatever_the_corpus_asks_is_right_to_its_end() -> None:
    rng = Random(3)
    for _ in range(500):
        prompt = ask(draw_first(rng)[1], rng)[0].prompt
        assert reach_of_prompt(prompt) == len(prompt), prompt


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("What is the capital of P", "unisia?"),
        ("What is the capital of ", "xylophones?"),
        ("Quick question: What is 4 ", "lived reach"),
        ("Hello! I have a question. How do I ", "xylophone?"),
        ("¿Cuánto es 4 m", "il 5?"),
    ],
)
def test_a_broken_prompt_is_right_up_to_where_it_breaks(right: str, wrong: str) -> None:
    assert reach_of_prompt(right + wrong) == len(right)


def test_a_prompt_that_stops_too_early_is_right_so_far() -> None:
    assert reach_of_prompt("What is the capital of") == len("What is the capital of")


def test_a_reply_is_right_up_to_its_first_wrong_letter() -> None:
    slots = {"a": "46", "sign": "-", "b": "9"}
    for opening in ("Sure", "Step by step"):
        right = f"{opening}: 46 - 6 = 40, and 40 - 3 = 3"
        assert reach_of_reply(f"{right}8. The answer is 38.", BY_NAME["arithmetic"], slots) == len(right)
