"""Many numbers into one of 64 bits, for whole NumPy arrays at once: the same on every machine and in every version.

Vectors and files rest on these numbers, so that neither a constant nor a step may change. Imports no NumPy: what it is
given brings its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import Any

GOLDEN = 0x9E3779B97F4A7C15
"""2^64 divided by the golden ratio (Knuth 6.4): odd, with its bits spread evenly."""

Steps = tuple[tuple[int, int], tuple[int, int], int]
SPLITMIX: Steps = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), 31)
"""The last step of SplitMix64 (Steele, Lea and Flood 2014), as Stafford tuned it."""
MURMUR: Steps = ((33, 0xFF51AFD7ED558CCD), (33, 0xC4CEB9FE1A85EC53), 33)
"""The last step of MurmurHash3 (Appleby)."""


def polynomial(coefficients: Iterable[Any]) -> Any:
    """A polynomial in `GOLDEN` modulo 2^64, highest coefficient first: uint64 arrays of one shape, as is the result."""
    return reduce(lambda total, coefficient: total * GOLDEN + coefficient, coefficients)


def runs(values: Any, n: int, first: int = 0) -> Any:
    """The polynomial of each run of `n` neighbors: shorter than `values` (uint64) by n - 1, or empty.

    first: a coefficient before each run's own, which tells runs of one length from those of another.

        runs(np.array([7, 8, 9], np.uint64), 2)  # two numbers: of (7, 8) and of (8, 9)
    """
    count = max(0, len(values) - n + 1)
    return polynomial(values[place : place + count] for place in range(n)) + first * GOLDEN**n % (1 << 64)


def mixed(values: Any, steps: Steps) -> Any:
    """Each number (uint64) for another, one for one, in which every bit depends on all bits."""
    *multiplied, last = steps
    for shift, factor in multiplied:
        values = (values ^ (values >> shift)) * factor
    return values ^ (values >> last)
