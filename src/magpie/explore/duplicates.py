"""How many distinct rows there will be among more rows than there are.

The share of duplicates grows with a set, so it cannot be taken over from a sample. Groups of equal rows are taken for a
draw of the Pitman-Yor process: the n-th row begins a new group with probability (theta + d * groups) / (theta + n - 1).
Its two numbers are fitted to the sizes of the groups, all of them over a grid weighted by their likelihood (Pitman
1995, "Exchangeable and partially exchangeable random partitions"), and the expected number of groups among more rows
is known in closed form (Favaro et al. 2009, "Bayesian non-parametric inference for species variety"). d above 0 gives
the power law that texts follow (Heaps). d below 0 is a source of a finite number of texts, -theta / d of them, equally
likely the more the lower d is (Fisher): the set then runs dry.

Knows numbers alone.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import exp, lgamma, log, log1p

_DISCOUNTS = (*(step / 20 for step in range(1, 20)), -0.3, -0.5, -1.0, -2.0, -5.0, -20.0)
_STRENGTHS = 96
"""Values of theta, or for d below 0 of the number of texts, evenly in the logarithm."""
_MOST_STRENGTH = 100.0
"""The largest is so many times the square of the rows: a set of n rows tells one from another up to about n squared,
where one pair of equal rows is expected."""
_STIRLING = 1e5
"""Above it, the logarithm of the gamma function is differenced by Stirling's formula."""
_TRUSTED = 300
"""The likelihood is raised to the power of 300 / (300 + rows): no source is quite of these shapes, and many rows are
otherwise sure of numbers that are wrong (Miller and Dunson 2019, "Robust Bayesian inference via coarsening")."""


@dataclass(frozen=True, slots=True)
class Fit:
    """One pair of numbers of the process, with how likely the groups make it."""

    weight: float
    discount: float
    strength: float


@dataclass(frozen=True, slots=True)
class Growth:
    """What the groups of equal rows say of more rows."""

    rows: int
    groups: int
    fits: tuple[Fit, ...]
    """Of the grid, those with any weight; the weights add up to 1."""

    def groups_at(self, rows: float, fit: Fit) -> float:
        """How many groups are expected among so many rows, by one fit. Among as many as there are or fewer, the share
        that there is."""
        more = rows - self.rows
        if more <= 0 or not self.rows:
            return rows * (self.groups / self.rows if self.rows else 1.0)
        d, theta, n = fit.discount, fit.strength, self.rows
        if d < 0:
            missed = exp(_rise(theta + n + d, more) - _rise(theta + n, more))
            return min(rows, self.groups + (-theta / d - self.groups) * (1 - missed))
        grown = exp(_rise(theta + n + d, more) - _rise(theta + n, more))
        return min(rows, max(self.groups, (self.groups + theta / d) * grown - theta / d))

    def share_at(self, rows: float, fit: Fit) -> float:
        """The share of rows that begin a group."""
        return self.groups_at(rows, fit) / rows if rows else 1.0

    def quantile(self, rows: float, share: float) -> float:
        """A quantile of the number of groups among so many rows, over the fits.

        Example: `growth_of(200, {2: 3}).quantile(100_000, 0.5)`.
        """
        counted = sorted((self.groups_at(rows, fit), fit.weight) for fit in self.fits)
        heavier = list(accumulate(weight for _, weight in counted))
        return counted[min(bisect_left(heavier, share * heavier[-1]), len(counted) - 1)][0]

    def median_fit(self, rows: float) -> Fit:
        """The fit whose number of groups among so many rows is the median one."""
        ordered = sorted(self.fits, key=lambda fit: self.groups_at(rows, fit))
        heavier = list(accumulate(fit.weight for fit in ordered))
        return ordered[min(bisect_left(heavier, heavier[-1] / 2), len(ordered) - 1)]


def growth_of(rows: int, larger: Mapping[int, int]) -> Growth:
    """Fit the groups of a set of rows. larger: how many groups have each size from 2 on; all other rows are alone."""
    repeated = sum((size - 1) * count for size, count in larger.items())
    groups = rows - repeated
    found = [
        (_likelihood(rows, groups, larger, d, theta) * _TRUSTED / (_TRUSTED + rows), d, theta)
        for d in _DISCOUNTS
        for theta in _strengths(d, rows, groups)
    ]
    best = max(likelihood for likelihood, _, _ in found)
    weighed = [(exp(likelihood - best), d, theta) for likelihood, d, theta in found if likelihood > best - 20]
    whole = sum(weight for weight, _, _ in weighed)
    return Growth(rows, groups, tuple(Fit(weight / whole, d, theta) for weight, d, theta in weighed))


def sizes_of(links: Sequence[tuple[int, int]]) -> dict[int, int]:
    """How many groups have each size, from pairs of rows that are alike: rows that are linked are one group."""
    parents: dict[int, int] = {}

    def root(row: int) -> int:
        at = row
        while (above := parents.setdefault(at, at)) != at:
            parents[at] = at = parents[above]
        return at

    for one, other in links:
        parents[root(one)] = root(other)
    members = Counter(root(row) for row in list(parents))
    return dict(Counter(size for size in members.values() if size > 1))


def _strengths(d: float, rows: int, groups: int) -> list[float]:
    """The values of theta to try: a finite source has more texts than were seen."""
    least = 1.0 if d > 0 else groups + 1.0
    top = log(_MOST_STRENGTH * max(2, rows) ** 2 / least)
    spread = [least * exp(top * step / (_STRENGTHS - 1)) for step in range(_STRENGTHS)]
    return spread if d > 0 else [-d * texts for texts in spread]


def _likelihood(rows: int, groups: int, larger: Mapping[int, int], d: float, theta: float) -> float:
    """The logarithm of the probability of these groups, up to what does not hang on d and theta."""
    if d > 0:
        begun = (groups - 1) * log(d) + _rise(theta / d + 1, groups - 1)
    else:
        begun = (groups - 1) * log(-d) + _rise(-theta / d - groups + 1, groups - 1)
    grown = sum(count * (lgamma(size - d) - lgamma(1 - d)) for size, count in larger.items())
    return begun + grown - _rise(theta + 1, rows - 1)


def _rise(value: float, more: float) -> float:
    """log gamma(value + more) - log gamma(value), without the loss of digits that the difference has."""
    if value < _STIRLING:
        return lgamma(value + more) - lgamma(value)
    whole = value + more
    return (value - 0.5) * log1p(more / value) + more * log(whole) - more + (1 / whole - 1 / value) / 12
