"""The rows nearest to each, for a reader who looks around: found among the rows of the landmarks nearby.

Most of them, not all: what a figure rests on is the stage `neighbors`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from magpie.layout.placing import Landmarks, nearest

NEAR = 8
"""Rows that are found for each."""
_ROWS, _FEWEST, _MOST = 500, 16, 64
"""About how many rows each is compared with, and of how many landmarks at least and at most these are."""

_CROWD = 5000
"""The most rows that each is compared with: of a crowd that shares a landmark, evenly spaced ones."""


def near_rows(
    values: NDArray[np.float32], homes: NDArray[np.int64], landmarks: Landmarks, watch: Any
) -> NDArray[np.int32]:
    """[rows, NEAR]: the rows nearest to each, nearest first, without itself; -1 where fewer are nearby. homes: [rows]
    the landmark nearest to each."""
    count = len(landmarks.values)
    nearby = min(count, max(_FEWEST, min(_MOST, _ROWS * count // len(values))))
    around = nearest(landmarks.values, landmarks.values, nearby)[0]
    order = np.argsort(homes, kind="stable")
    starts = np.searchsorted(homes[order], np.arange(count + 1))
    found = np.full((len(values), NEAR), -1, np.int32)
    for landmark in range(count):
        own = order[starts[landmark] : starts[landmark + 1]]
        if not len(own):
            continue
        others = np.sort(np.concatenate([order[starts[near] : starts[near + 1]] for near in around[landmark].tolist()]))
        others = others[:: -(-len(others) // _CROWD)]
        at, _ = nearest(values[own], np.ascontiguousarray(values[others]), min(NEAR + 1, len(others)))
        rows = others[at]
        # a row itself goes to the end: of equal ones it need not be the first
        last = np.argsort(rows == own[:, None], axis=1, kind="stable")[:, : at.shape[1] - 1][:, :NEAR]
        found[own, : last.shape[1]] = np.take_along_axis(rows, last, axis=1)
        if landmark % 1000 == 0:
            watch(f"finding the nearest rows: {landmark:,} of {count:,} parts of the map")
    return found
