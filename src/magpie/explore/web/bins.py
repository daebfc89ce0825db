"""Bins for the histogram of a number: at most 40 or so, with round edges, the outer ones open.

Lengths and counts of tokens, whose values lie far apart, get bins that grow.
"""

from __future__ import annotations

from math import ceil, floor, log10
from typing import Any

import numpy as np

MOST = 36
PER_OCTAVE = 4
SKEWED = 6.0
"""Counts whose 98th percentile is so many times the median, and more, get bins that grow."""


def edges_of(values: Any, *, whole: bool, lengths: bool = False) -> tuple[tuple[float, ...], bool]:
    """The edges between bins, and whether they grow. values: NumPy numbers, none of them null.

    edges_of(np.array([1, 2, 3]), whole=True)[0]  # (2, 3)
    """
    finite = values[np.isfinite(values)] if not whole else values
    if not len(finite):
        return (), False
    sample = finite if len(finite) <= 200_000 else finite[:: len(finite) // 100_000]
    low, middle, high = (float(each) for each in np.quantile(sample, (0.002, 0.5, 0.998)))
    if lengths or (whole and low >= 0 and high > SKEWED * max(middle, 1) and high > 4 * MOST):
        return _growing(max(low, 1), max(high, 2)), True
    if whole and high - low <= MOST:
        return tuple(range(floor(low) + 1, floor(high) + 1)), False
    step = _round_step((high - low) / MOST, whole=whole)
    if step <= 0:
        return (), False
    first, last = floor(low / step) + 1, floor(high / step)
    digits = max(0, -floor(log10(step)) + 1)
    edges = [each * step for each in range(first, last + 1)]
    return tuple(int(each) if whole else round(each, digits) for each in edges), False


def _growing(low: float, high: float) -> tuple[float, ...]:
    """Whole numbers from low to high, `PER_OCTAVE` for each doubling."""
    first, last = floor(PER_OCTAVE * np.log2(low)) + 1, ceil(PER_OCTAVE * np.log2(high))
    step = max(1, (last - first) // MOST + 1)
    found = {round(2 ** (each / PER_OCTAVE)) for each in range(first, last, step)}
    return tuple(sorted(found))


def _round_step(step: float, *, whole: bool) -> float:
    if step <= 0:
        return 0.0
    power = 10.0 ** floor(log10(step))
    found = next(size * power for size in (1, 2, 2.5, 5, 10) if size * power >= step * 0.999)
    return max(1.0, float(ceil(found))) if whole else found


def codes_of(values: Any, known: Any, edges: tuple[float, ...]) -> Any:
    """The bin of each value as a small integer; one past the last where nothing is known. NaN lies in the last bin, as
    DuckDB sorts it above all numbers."""
    found = np.searchsorted(np.array(edges, values.dtype), values, side="right").astype(np.uint8)
    found[~known] = len(edges) + 1
    return found
