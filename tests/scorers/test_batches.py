"""Texts go through a classifier together by their lengths: every one once, and no batch too large."""

from __future__ import annotations

import random

import pytest

from magpie.scorers.batches import batches


@pytest.mark.parametrize("most", [None, 1, 3])
def test_every_text_is_in_one_batch_and_none_holds_more_than_it_may(most: int | None) -> None:
    dice = random.Random(0)
    lengths = [dice.randint(1, 60) for _ in range(500)]
    found = list(batches(lengths, 200, most))
    assert sorted(place for batch in found for place in batch) == list(range(500))
    assert all(max(lengths[place] for place in batch) * len(batch) <= 200 for batch in found)
    assert all(len(batch) <= (most or 200) for batch in found)


def test_the_longest_come_first_and_share_a_batch_with_their_like() -> None:
    assert list(batches([1, 9, 2, 8, 2], 18)) == [[1, 3], [2, 4, 0]]


def test_a_text_that_is_longer_than_a_batch_is_alone() -> None:
    assert list(batches([5, 50, 5], 20)) == [[1], [0, 2]]


def test_no_texts_are_no_batches() -> None:
    assert list(batches([], 20)) == []
