"""The map: where each row lies, which topic it is of, and which rows lie nearest to it, from a layout of embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from magpie.explore.web.encoding import Encoded
from magpie.explore.web.fields import TOPIC, Field
from magpie.explore.web.joined import Joined, unique

MOST_TOPICS = 250


class Layout(Protocol):
    """What is used of a layout: rows of runs with their coordinates, clusters and neighbors."""

    @property
    def run(self) -> Any: ...
    @property
    def row(self) -> Any: ...
    @property
    def xy(self) -> Any: ...
    @property
    def cluster(self) -> Any: ...
    @property
    def names(self) -> Sequence[str]: ...
    @property
    def neighbors(self) -> Any | None: ...


@dataclass(frozen=True)
class Topics:
    """A layout by the places of joined rows."""

    xy: Any
    """float32[n, 2]; NaN for a row without a place."""
    field: Encoded
    box: tuple[float, float, float, float]
    """Where rows lie: the least x and y, the greatest x and y, with a margin."""
    centers: tuple[tuple[float, float, int], ...]
    """Of each topic: x, y, and how many rows it has."""
    _at: Any
    """int64[m]: the place of each row of the layout, -1 for one that is not shown."""
    _of: Any
    """int64[n]: the row of the layout at each place, -1 for none."""
    _neighbors: Any | None

    def neighbors(self, at: int) -> list[int]:
        """The places of the rows that are nearest to the one at a place, nearest first."""
        if self._neighbors is None or (own := int(self._of[at])) < 0:
            return []
        found = [int(self._at[each]) for each in self._neighbors[own] if each >= 0]
        return [each for each in found if each >= 0 and each != at]


def topics_of(rows: Joined, layout: Layout) -> Topics:
    """The layout of joined rows: `layout.run` counts the runs in the same order."""
    at = np.full(len(layout.row), -1, np.int64)
    for number, (first, end) in enumerate(zip(rows.starts, rows.starts[1:], strict=False)):
        here = np.flatnonzero(layout.run == number)
        own = rows.row[first:end]
        if not len(here) or not len(own):
            continue
        places = np.minimum(np.searchsorted(own, layout.row[here]), len(own) - 1)
        found = own[places] == layout.row[here]
        at[here[found]] = first + places[found]
    shown = np.flatnonzero(at >= 0)
    xy = np.full((len(rows), 2), np.nan, np.float32)
    xy[at[shown]] = layout.xy[shown]
    names = unique([name or "untitled" for name in list(layout.names)[:MOST_TOPICS]])
    codes = np.full(len(rows), len(names), np.uint8)
    clusters = np.asarray(layout.cluster)[shown]
    codes[at[shown]] = np.where((clusters >= 0) & (clusters < len(names)), clusters, len(names))
    of = np.full(len(rows), -1, np.int64)
    of[at[shown]] = shown
    field = Field(TOPIC, "Topic", "", "labels", "clusters of the embeddings", names)
    return Topics(xy, Encoded(field, codes), _box(xy), _centers(xy, codes, len(names)), at, of, layout.neighbors)


def _box(xy: Any) -> tuple[float, float, float, float]:
    if not np.isfinite(xy[:, 0]).any():
        return 0.0, 0.0, 1.0, 1.0
    low, high = np.nanmin(xy, axis=0), np.nanmax(xy, axis=0)
    margin = np.maximum((high - low) * 0.04, 1e-6)
    (x0, y0), (x1, y1) = low - margin, high + margin
    return float(x0), float(y0), float(x1), float(y1)


def _centers(xy: Any, codes: Any, count: int) -> tuple[tuple[float, float, int], ...]:
    """The median place of each topic's rows."""
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=count + 1))
    found = []
    for topic in range(count):
        own = order[(ends[topic - 1] if topic else 0) : ends[topic]]
        middle = np.median(xy[own], axis=0) if len(own) else np.zeros(2)
        found.append((float(middle[0]), float(middle[1]), len(own)))
    return tuple(found)
