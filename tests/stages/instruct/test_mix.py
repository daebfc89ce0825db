"""Rows dealt out to variants: exact shares at every size, words used up before any comes again."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest

from magpie.stages.instruct.mix import Shares, Words, filled, tie

ULTRA = [0.125, 0.125, 0.125, 0.125, 0.10, 0.10, 0.10, 0.05, 0.05, 0.05, 0.05]


def shares(weights: list[float], seed: int = 0) -> Shares:
    return Shares(weights, [tie(seed, str(n)) for n, _ in enumerate(weights)])


def dealt(weights: list[float], rows: int, seed: int = 0) -> list[int]:
    found = shares(weights, seed)
    return [found[row].variant for row in range(rows)]


def farthest(weights: list[float], rows: int) -> float:
    """The farthest that any variant is from its share after any number of rows, in rows."""
    found, counts, worst = shares(weights), [0] * len(weights), Fraction(0)
    for row in range(rows):
        counts[found[row].variant] += 1
        of_all = [Fraction((row + 1) * weight, found.period) for weight in found.weights]
        worst = max(worst, *(abs(share - count) for share, count in zip(of_all, counts, strict=True)))
    return float(worst)


@pytest.mark.parametrize(
    "weights",
    [[1], [1, 1], [3, 1], [1, 1, 1, 1, 1], ULTRA, [3] * 9 + [1] * 3, [1e-3, 1], [0.1, 0.2, 0.7], [1, 1, 1, 997]],
)
def test_every_variant_is_within_one_row_of_its_share_after_any_number_of_rows(weights: list[float]) -> None:
    assert farthest(weights, 300) < 1


def test_so_it_is_with_weights_of_any_kind() -> None:
    dice = random.Random(7)
    for _ in range(60):
        weights = [
            dice.choice((0.05, 0.333, 1, 2, 3, 7, 50, dice.uniform(1e-3, 9))) for _ in range(dice.randint(2, 12))
        ]
        assert farthest(weights, 120) < 1


def test_shares_are_exact_once_the_weights_add_up() -> None:
    found = dealt(ULTRA, 40)
    assert [found.count(variant) for variant in range(len(ULTRA))] == [5, 5, 5, 5, 4, 4, 4, 2, 2, 2, 2]


def test_weights_need_not_add_up_to_one() -> None:
    assert dealt([0.3, 0.1], 40) == dealt([3, 1], 40) == dealt([60, 20], 40)


def test_a_larger_size_changes_no_row() -> None:
    assert dealt(ULTRA, 1000)[:100] == dealt(ULTRA, 100)


def test_a_row_asked_for_alone_is_where_it_is_among_all() -> None:
    together = shares(ULTRA)
    rows = [together[row] for row in range(500)]
    assert [shares(ULTRA)[row] for row in (499, 7, 123)] == [rows[row] for row in (499, 7, 123)]


def test_the_seed_decides_between_variants_that_are_due_alike() -> None:
    orders = {tuple(dealt([1, 1, 1, 1], 4, seed)) for seed in range(20)}
    assert len(orders) > 5
    assert all(sorted(order) == [0, 1, 2, 3] for order in orders)


def test_rows_of_a_variant_are_counted_without_a_gap() -> None:
    found = shares([0.7, 0.2, 0.1])
    for variant in range(3):
        nths = [found[row].nth for row in range(200) if found[row].variant == variant]
        assert nths == list(range(len(nths)))


def test_counts_are_those_of_the_rows_one_by_one() -> None:
    for rows in (0, 1, 39, 40, 41, 1003):
        one_by_one = dealt(ULTRA, rows)
        assert shares(ULTRA).counts(rows) == [one_by_one.count(variant) for variant in range(len(ULTRA))]


def test_words_are_all_used_before_any_comes_again() -> None:
    words = Words(tuple("abcdefg"), "seed")
    for times in range(4):
        assert sorted(words[times * 7 + n] for n in range(7)) == list("abcdefg")


def test_the_order_of_words_follows_from_the_seed_and_is_another_each_time_around() -> None:
    one, other = Words(tuple("abcdefghij"), "1"), Words(tuple("abcdefghij"), "2")
    first, again = [one[n] for n in range(10)], [one[n] for n in range(10, 20)]
    assert first == [Words(tuple("abcdefghij"), "1")[n] for n in range(10)]
    assert first != again
    assert first != [other[n] for n in range(10)]


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("You are {persona}.", {"persona": "a baker"}, "You are a baker."),
        ("{a} and {b}", {"a": "{b}", "b": "{a}"}, "{b} and {a}"),
        ('{"json": {persona}} {0} {persona.__class__} {unknown}', {"persona": "x"}, None),
        ("{persona!r} {persona:>9}", {"persona": "x"}, "{persona!r} {persona:>9}"),
        ("\\1 {p}", {"p": "\\g<0> \\n"}, "\\1 \\g<0> \\n"),
    ],
)
def test_a_placeholder_is_replaced_and_nothing_is_evaluated(text: str, words: dict[str, str], expected: str) -> None:
    assert filled(text, words) == (expected or '{"json": x} {0} {persona.__class__} {unknown}')
