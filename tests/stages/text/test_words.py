"""Words in any script, and what leveling a text takes off."""

from __future__ import annotations

import pytest

from magpie.stages.text.words import between_words, level, words, words_and_signs


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Don't STOP, please!", ["don", "t", "stop", "please"]),
        ("Straße", ["strasse"]),
        ("写一首诗", ["写", "一", "首", "诗"]),
        ("ひらがなAI", ["ひ", "ら", "が", "な", "ai"]),
        ("바다에 관한 시", ["바다에", "관한", "시"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("اكتب قصيدة", ["اكتب", "قصيدة"]),
        ("Cafe\u0301", ["café"]),
        ("", []),
    ],
)
def test_words_are_told_apart_in_any_script(text: str, found: list[str]) -> None:
    assert words(text) == found


def test_signs_count_where_they_may_be_all_that_differs() -> None:
    assert words_and_signs("3 + 4, (x)") == ["3", "+", "4", "x"]
    assert words_and_signs("Hi! n! is n * (n - 1)!") == ["hi", "n", "!", "is", "n", "*", "n", "-", "1", "!"]


def test_leveling_keeps_what_changes_the_task() -> None:
    assert level("  What is\n\tTHE sum? ") == level("what is the sum")
    assert level("What is 3²?") != level("What is 32?")
    assert level("What is 5!") != level("What is 5")
    assert level("Stop!") == level("stop")


def test_a_span_is_cut_out_with_what_stands_between_its_words() -> None:
    assert between_words("Say: 'Hello, big world!' twice", 1, 3) == "Hello, big world"
    assert between_words("写一首诗", 1, 2) == "一首"
