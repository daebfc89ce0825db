"""Estimates with their intervals: shares, entropy, divergence, rank correlation. Knows counts and numbers only."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

Z95 = 1.959964
DRAWS = 1000  # of the bootstrap


@dataclass(frozen=True)
class Estimate:
    """A figure, the 95% interval around it, and the number of cases it rests on."""

    value: float
    low: float
    high: float
    n: int


NOTHING = Estimate(math.nan, math.nan, math.nan, 0)


def share(part: int, whole: int) -> Estimate:
    """`part` of `whole`, with Wilson's interval."""
    if whole == 0:
        return NOTHING
    return Estimate(part / whole, *wilson(part / whole, whole), whole)


def wilson(p: float, n: int) -> tuple[float, float]:
    """The interval of a share p of n cases."""
    z2 = Z95**2
    middle, width = p + z2 / (2 * n), Z95 * math.sqrt(p * (1 - p) / n + z2 / (4 * n**2))
    return max(0.0, (middle - width) / (1 + z2 / n)), min(1.0, (middle + width) / (1 + z2 / n))


def entropy(counts: Mapping[str, int]) -> Estimate:
    """Bits, with Miller and Madow's correction: counting n cases of k kinds loses (k - 1) / (2 n ln 2) on average."""

    def bits(found: np.ndarray) -> float:
        p = found[found > 0] / found.sum()
        return float(-(p * np.log2(p)).sum() + (len(p) - 1) / (2 * found.sum() * math.log(2)))

    return bootstrapped(bits, np.array(list(counts.values())))


def divergence(counts: Mapping[str, int], truth: Mapping[str, float]) -> Estimate:
    """KL of the counted shares to the true ones, in bits, corrected like `entropy`: a sample of the truth itself has
    (k - 1) / (2 n ln 2) on average, for k true kinds, so that is taken off. A small one may come out below zero."""
    kinds = list(truth)
    shares = np.array([truth[kind] for kind in kinds])

    def bits(found: np.ndarray) -> float:
        p = found / found.sum()
        seen = p > 0
        plain = float((p[seen] * np.log2(p[seen] / shares[seen])).sum())
        return plain - (len(kinds) - 1) / (2 * int(found.sum()) * math.log(2))

    return bootstrapped(bits, np.array([counts.get(kind, 0) for kind in kinds]))


def bootstrapped(figure: Callable[[np.ndarray], float], counts: np.ndarray) -> Estimate:
    """The basic bootstrap over counts: resampling moves a figure as sampling moved it from the truth.

    What resampling adds to the figure on average is bias, and the interval is moved back by it.
    """
    n = int(counts.sum())
    if n == 0:
        return NOTHING
    rng, value = np.random.default_rng(0), figure(counts)
    drawn = np.array([figure(rng.multinomial(n, counts / n)) for _ in range(DRAWS)])
    low, high = np.quantile(drawn - drawn.mean(), [0.025, 0.975])
    return Estimate(float(value), float(value + low), float(value + high), n)


def correlation(a: Sequence[float], b: Sequence[float]) -> Estimate:
    """Spearman's, ties at their middle rank, with Fisher's interval; nothing where one side never changes."""
    if len(a) < 4 or len(set(a)) < 2 or len(set(b)) < 2:
        return NOTHING
    rho = float(np.corrcoef(ranks(a), ranks(b))[0, 1])
    middle, width = math.atanh(max(-0.999999, min(rho, 0.999999))), Z95 * 1.03 / math.sqrt(len(a) - 3)
    return Estimate(rho, math.tanh(middle - width), math.tanh(middle + width), len(a))


def ranks(values: Sequence[float]) -> np.ndarray:
    _, place, times = np.unique(np.array(values), return_inverse=True, return_counts=True)
    last = np.cumsum(times)
    middle: np.ndarray = (last - (times - 1) / 2)[place]
    return middle


def binomial_bounds(n: int, p: float, level: float = 0.999) -> tuple[int, int]:
    """The central range of counts that holds a binomial count with at least probability `level`."""
    k = np.arange(n + 1)
    log_choose = math.lgamma(n + 1) - np.array([math.lgamma(i + 1) + math.lgamma(n - i + 1) for i in k])
    below = np.cumsum(np.exp(log_choose + k * math.log(p) + (n - k) * math.log1p(-p)))
    tail = (1 - level) / 2
    return int(np.searchsorted(below, tail, side="right")), int(np.searchsorted(below, 1 - tail))


def pearson(a: Sequence[float], b: Sequence[float]) -> Estimate:
    """The linear correlation, with Fisher's interval; nothing where one side never changes."""
    if len(a) < 4 or len(set(a)) < 2 or len(set(b)) < 2:
        return NOTHING
    r = float(np.corrcoef(a, b)[0, 1])
    middle, width = math.atanh(max(-0.999999, min(r, 0.999999))), Z95 / math.sqrt(len(a) - 3)
    return Estimate(r, math.tanh(middle - width), math.tanh(middle + width), len(a))


def area(higher: Sequence[float], lower: Sequence[float]) -> Estimate:
    """How often one of `higher` is above one of `lower`, ties half: the area under the ROC curve.

    The interval is Wilson's for as many cases as the smaller side has: the variance of an area A of n and m cases is at
    most A (1 - A) / min(n, m) (van Dantzig 1951), so it is wide enough, also where the two sides do not overlap.
    """
    n, m = len(higher), len(lower)
    if not n or not m:
        return NOTHING
    places = ranks([*higher, *lower])[:n]
    value = float((places.sum() - n * (n + 1) / 2) / (n * m))
    return Estimate(value, *wilson(value, min(n, m)), n + m)


def mean(values: Sequence[float]) -> Estimate:
    """The mean, with the normal interval."""
    if len(values) < 2:
        return NOTHING
    found = np.array(values, float)
    middle, width = float(found.mean()), Z95 * float(found.std(ddof=1)) / math.sqrt(len(found))
    return Estimate(middle, middle - width, middle + width, len(found))


def difference(first: Sequence[bool], second: Sequence[bool]) -> Estimate:
    """How much larger a share is in the first than in the second of two series over the same cases: the mean of the
    differences, case by case."""
    return mean([float(a) - float(b) for a, b in zip(first, second, strict=True)])
