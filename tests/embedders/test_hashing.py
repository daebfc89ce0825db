"""Embedding without a model: what is near, what is far, and that it is the same everywhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from magpie.embedders.hashing import HashingEmbedder, features


def distance(one: str, other: str, dimension: int = 384) -> float:
    a, b = HashingEmbedder(dimension).embed([one, other]).astype(float)
    return float(((a - b) ** 2).sum())


def test_vectors_have_length_one_and_the_dimension_that_was_asked_for() -> None:
    vectors = HashingEmbedder(100).embed(["What is a fox?", "Why?", "x"])
    assert vectors.shape == (3, 100)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-6)


def test_no_texts_are_no_vectors() -> None:
    assert HashingEmbedder(100).embed([]).shape == (0, 100)


@pytest.mark.parametrize("other", ["what  is a\nFOX?", "What is a fox?", " What is a ｆｏｘ? "])
def test_case_spaces_and_compatible_forms_make_no_difference(other: str) -> None:
    assert distance("What is a fox?", other) == 0.0


def test_a_copy_with_one_other_word_is_nearer_than_another_question() -> None:
    one = "Write a short story about a red fox that lives in the snow."
    near = distance(one, "Write a short story about a gray fox that lives in the snow.")
    far = distance(one, "Which planet is the largest in the solar system, and how far is it?")
    assert 0.05 < near < 0.5
    assert far > 1.5


def test_the_order_of_words_counts() -> None:
    assert distance("dog bites man", "man bites dog") > 0.3


def test_texts_with_nothing_in_common_are_about_at_two() -> None:
    """Give or take what falls together."""
    pairs = [(f"{chr(97 + n) * 3} {chr(98 + n) * 4}", f"{chr(110 + n) * 5} {chr(111 + n) * 3}") for n in range(10)]
    assert np.mean([distance(*pair) for pair in pairs]) == pytest.approx(2.0, abs=0.15)


@pytest.mark.parametrize("text", ["", "  \n\t"])
def test_a_text_without_a_visible_character_is_zeros(text: str) -> None:
    assert not HashingEmbedder(32).embed([text]).any()


@pytest.mark.parametrize("text", ["?", "a", "\ud800 half", "日本語の質問です", "🦊", "x" * 100_000])
def test_any_other_text_has_a_vector(text: str) -> None:
    assert np.linalg.norm(HashingEmbedder().embed([text])) == pytest.approx(1.0, abs=1e-6)


def test_a_feature_counts_once_however_often_it_occurs() -> None:
    assert features("go go go go").tolist() == features("go go go go go").tolist()


def test_a_word_is_another_feature_than_its_letters_and_than_a_pair() -> None:
    """`abc` has runs ` ab`, `abc`, `bc `, ` abc`, `abc `, ` abc ` and one word."""
    assert features("abc").size == 7


def test_the_same_text_has_the_same_features_on_every_machine() -> None:
    """Written down once: rows of one run may be made on two machines."""
    found: Any = features("What is a fox?")
    assert found.size == 46
    assert int(np.bitwise_xor.reduce(found)) == 0x556EAD7083507116
