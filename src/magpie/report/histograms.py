"""Histograms of real numbers: equal bins between round edges, counted by the database."""

from __future__ import annotations

from math import floor, isfinite, log10
from typing import Any

from magpie.report.narrow import Narrow, plain_number

BINS = 30
"""About how many bins."""


def histogram(narrow: Narrow, field: str, *, lowest: float | None = None) -> dict[str, Any] | None:
    """Rows and kept rows in equal bins, from about the 0.1th to the 99.9th percentile: what lies beyond is in the first
    and the last. lowest: where the first bin begins in any case. None where no row has a finite number."""
    number = f'(CASE WHEN isfinite("{field}") THEN "{field}" END)'
    low, high = narrow.one(f"SELECT quantile_cont({number}, 0.001), quantile_cont({number}, 0.999) FROM narrow")
    if low is None:
        return None
    low = low if lowest is None else lowest
    if not isfinite(high - low):
        return None  # numbers so far apart that no bin is wide enough
    first, width, count = bins(low, high)
    place = f"greatest(least(floor(({number} - {first!r}) / {width!r}), {count - 1}), 0)::INTEGER"
    found = {
        place_: (rows, kept)
        for place_, rows, kept in narrow.ask(
            f"SELECT {place}, count(*), count(*) FILTER (state = 'kept') FROM narrow WHERE {number} IS NOT NULL "
            "GROUP BY 1"
        )
    }
    counted = [found.get(at, (0, 0)) for at in range(count)]
    return {
        "from": plain_number(first),
        "width": plain_number(width),
        "rows": [rows for rows, _ in counted],
        "kept": [kept for _, kept in counted],
    }


def bins(low: float, high: float) -> tuple[float, float, int]:
    """Where bins of a round width begin, how wide they are, and how many.

    bins(0.0, 1.9)  # (0.0, 0.1, 20)
    """
    spread = max(high - low, 1e-9, abs(high) * 1e-6)
    rough = spread / BINS
    power = 10.0 ** floor(log10(rough))
    width = next(step * power for step in (1, 2, 5, 10) if step * power >= rough)
    first = floor(low / width + 1e-9) * width
    return round(first, 12), width, max(1, floor((high - first) / width + 1e-9) + 1)
