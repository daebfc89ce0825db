"""The grammar as a checker of `magpie evaluate`."""

from __future__ import annotations

from fledgling.checker import right


def test_the_grammar_says_whether_an_answer_is_right() -> None:
    assert right("How many minutes are in 8 hours?", "no") is False
    assert right("zorp", "x") is None


def test_what_the_model_was_taught_is_right() -> None:
    answer = "10 * 6 = 60, 4 * 6 = 24, and 60 + 24 = 84. So the product is 84."
    assert right("What is 14 times 6?", answer) is True
    assert right("What is 14 times 6?", answer.replace("84", "85")) is False
