"""What several metrics need: intervals, paired tests, the sample size that a difference needs. NumPy alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, comb
from statistics import NormalDist
from typing import Any

import numpy as np

Interval = tuple[float, float]

LEVEL = 0.95
"""Of every interval."""
ALPHA, POWER = 0.05, 0.8
"""Of the sample size: how often a difference is seen where there is none, and how often one that is there is seen."""
_FLIPS = 10_000
"""Sign flips of a paired test."""
_BLOCK = 1 << 22
"""Numbers at once, of sign flips and resamples: 32 MB."""


def quantile(level: float = LEVEL) -> float:
    """The normal quantile of a two-sided interval: 1.96 at 95%."""
    return NormalDist().inv_cdf((1 + level) / 2)


def interval_of(mean: float, error: float, least: float, most: float) -> Interval:
    """A normal interval, cut at the values that are possible."""
    reach = quantile() * error
    return max(least, mean - reach), min(most, mean + reach)


def percentiles(draws: np.ndarray, level: float = LEVEL) -> Interval:
    """The interval of bootstrap draws of one number."""
    tail = 100 * (1 - level) / 2
    low, high = np.percentile(draws, [tail, 100 - tail])
    return float(low), float(high)


def prompt_weights(prompts: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """How often each row is drawn when prompts are drawn with replacement, all rows of a prompt together.

    prompts: the number of each row's prompt, from 0, [rows]. Gives an array [resamples, rows].
    """
    count = int(prompts.max()) + 1
    generator = np.random.default_rng(seed)
    drawn = generator.multinomial(count, np.full(count, 1 / count), size=resamples)
    weights: np.ndarray = drawn[:, prompts].astype(float)
    return weights


@dataclass(frozen=True, slots=True)
class Paired:
    """Two models on the same prompts: the mean difference, in the unit of what was given."""

    difference: float
    standard_error: float
    interval: Interval
    p_value: float
    """By random sign flips of the prompts' differences (two-sided): no normal distribution is assumed."""
    prompts: int
    unpaired_error: float
    """What the standard error would be if the prompts were not shared: what pairing gains."""

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "difference": self.difference,
            "standard_error": self.standard_error,
            "interval": list(self.interval),
            "p_value": self.p_value,
            "prompts": self.prompts,
            "unpaired_standard_error": self.unpaired_error,
        }


def paired(first: Mapping[str, float], second: Mapping[str, float], seed: int = 0) -> Paired | None:
    """Compare two models by prompt. None where they share fewer than two prompts.

    first, second: prompt to the value of each.

    >>> found = paired({"1": 1.0, "2": 1.0, "3": 0.0}, {"1": 0.0, "2": 1.0, "3": 0.0})
    >>> round(found.difference, 3), found.prompts
    (0.333, 3)
    """
    shared = [prompt for prompt in first if prompt in second]
    if len(shared) < 2:
        return None
    one = np.array([first[prompt] for prompt in shared])
    other = np.array([second[prompt] for prompt in shared])
    differences = one - other
    mean = float(differences.mean())
    error = float(differences.std(ddof=1) / np.sqrt(len(shared)))
    apart = float(np.sqrt((one.var(ddof=1) + other.var(ddof=1)) / len(shared)))
    reach = quantile() * error
    return Paired(mean, error, (mean - reach, mean + reach), sign_flips(differences, seed), len(shared), apart)


def sign_flips(differences: np.ndarray, seed: int = 0) -> float:
    """The share of sign flips whose mean is as far from 0 as the one found; the one found is one of them."""
    found = abs(differences.sum())
    nonzero = differences[differences != 0]
    if not len(nonzero):
        return 1.0
    generator = np.random.default_rng(seed)
    at_once = max(1, _BLOCK // len(nonzero))
    as_far = done = 0
    while done < _FLIPS:
        count = min(at_once, _FLIPS - done)
        signs = generator.integers(0, 2, (count, len(nonzero)), dtype=np.int8) * 2.0 - 1.0
        as_far += int((abs(signs @ nonzero) >= found - 1e-9).sum())
        done += count
    return (as_far + 1) / (_FLIPS + 1)


def wilson(right: int, total: int) -> Interval:
    """The interval of a share, by Wilson: never outside 0 and 1, and not of no width where all are right.

    >>> round(wilson(0, 10)[0], 6)
    0.0
    """
    z = quantile()
    share = right / total
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    reach = z / (1 + z * z / total) * ((share * (1 - share) + z * z / (4 * total)) / total) ** 0.5
    return max(0.0, middle - reach), min(1.0, middle + reach)


def mcnemar(only_first: int, only_second: int) -> float:
    """The exact two-sided p-value that two models solve equally many prompts.

    only_first, only_second: prompts that one of them alone solves.

    >>> mcnemar(10, 2)
    0.03857421875
    """
    total = only_first + only_second
    fewer = min(only_first, only_second)
    # Python's integers are exact: no sum of tiny numbers is lost
    tail = sum(comb(total, count) for count in range(fewer + 1))
    return float(min(1.0, 2 * tail / 2**total))


def prompts_needed(difference: float, deviation: float) -> int:
    """How many prompts are needed to detect a difference in four of five experiments, at the 5% level.

    difference: in the unit of the deviation. deviation: the standard deviation over prompts, of one model's preferences
    against a fixed opponent, or of the differences of two models.

    >>> prompts_needed(0.05, 0.5)
    785
    """
    normal = NormalDist()
    reach = normal.inv_cdf(1 - ALPHA / 2) + normal.inv_cdf(POWER)
    return max(2, ceil((reach * deviation / difference) ** 2))
