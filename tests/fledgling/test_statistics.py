import math
from collections import Counter
from random import Random

import pytest

from fledgling.statistics import (
    area,
    binomial_bounds,
    correlation,
    difference,
    divergence,
    entropy,
    mean,
    pearson,
    share,
)


def test_a_share_has_wilsons_interval() -> None:
    half = share(50, 100)
    assert half.value == 0.5
    assert [half.low, half.high] == pytest.approx([0.4038, 0.5962], abs=1e-4)
    assert share(100, 100).high == pytest.approx(1)
    assert share(100, 100).low == pytest.approx(0.963, abs=1e-3)
    assert math.isnan(share(0, 0).value)


def test_entropy_of_equal_counts_is_that_of_equal_shares_but_for_the_correction() -> None:
    counts = {str(kind): 1000 for kind in range(8)}
    assert entropy(counts).value == pytest.approx(3 + 7 / (2 * 8000 * math.log(2)))


def test_samples_of_the_truth_have_no_divergence_from_it_on_average_and_their_intervals_hold_zero() -> None:
    truth = {str(kind): (kind + 1) / 1275 for kind in range(50)}
    found = [divergence(drawn(truth, 2000, seed), truth) for seed in range(30)]
    assert sum(one.value for one in found) / 30 == pytest.approx(0, abs=0.002)
    assert sum(one.low <= 0 <= one.high for one in found) >= 25


def test_a_kind_that_is_twice_as_common_as_it_should_be_costs_its_known_divergence() -> None:
    truth = {"a": 0.25, "b": 0.25, "c": 0.5}
    counts = {"a": 50_000, "b": 25_000, "c": 25_000}
    assert divergence(counts, truth).value == pytest.approx(0.5 * 1 + 0.25 * 0 + 0.25 * -1, abs=1e-4)


def drawn(truth: dict[str, float], count: int, seed: int) -> Counter[str]:
    return Counter(Random(seed).choices(list(truth), list(truth.values()), k=count))


def test_bounds_hold_what_they_say_and_little_more() -> None:
    low, high = binomial_bounds(10_000, 0.02)
    assert (low, high) == (156, 248)
    assert binomial_bounds(0, 0.5) == (0, 0)


def test_rank_correlation_is_one_for_the_same_order_and_counts_ties_in_the_middle() -> None:
    assert correlation([1, 2, 3, 4, 5], [10, 20, 30, 40, 50]).value == pytest.approx(1)
    assert correlation([1, 2, 3, 4, 5], [5, 4, 3, 2, 1]).value == pytest.approx(-1)
    assert correlation([1, 1, 2, 2], [1, 2, 1, 2]).value == pytest.approx(0)
    assert correlation([1, 2, 2, 3], [1, 2, 3, 3]).value == pytest.approx(0.8333, abs=1e-4)
    assert correlation([1, 1, 1, 1], [1, 2, 3, 4]).n == 0


def test_an_area_is_the_share_of_pairs_in_order_and_its_interval_is_never_empty() -> None:
    assert area([3, 4], [1, 2]).value == 1.0
    assert area([1, 2], [1, 2]).value == 0.5
    assert area([1, 3], [2, 4]).value == 0.25
    apart = area(list(range(100, 150)), list(range(50)))
    assert apart.high == pytest.approx(1.0)
    assert apart.n == 100
    assert 0.92 < apart.low < 0.94, "Wilson's for fifty of fifty"
    assert area([], [1]).n == 0


def test_a_linear_correlation_and_its_interval() -> None:
    assert pearson([1, 2, 3, 4, 5], [2, 4, 6, 8, 10]).value == pytest.approx(1)
    found = pearson([1, 2, 3, 4, 5, 6], [1, -1, 1, -1, 1, -1])
    assert found.low < found.value < found.high
    assert pearson([1, 1, 1, 1], [1, 2, 3, 4]).n == 0


def test_a_difference_is_taken_case_by_case() -> None:
    found = difference([True] * 60 + [False] * 40, [True] * 50 + [False] * 50)
    assert found.value == pytest.approx(0.1)
    assert found.low < 0.1 < found.high
    assert found.high - found.low < 0.13, "narrower than of two series that have nothing to do with each other"
    same = difference([True, False], [True, False])
    assert (same.low, same.value, same.high) == (0, 0, 0)
    assert mean([3.0]).n == 0
