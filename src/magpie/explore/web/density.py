"""A part of the map: rows counted in cells, and the rows themselves where they are few.

4 bytes   length of the head
head      JSON: cells, points, inside; padded to four bytes
uint32    [cells] place of the cell (line by line from the least y) x 16 + group
uint32    [cells] how many rows
uint32    [points] place of the row
float32   [points] x, then [points] y
uint8     [points] group
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from magpie.explore.web.encoding import Encoded

GROUPS = 7
"""Colors. Rows of another label are of group 7, those without one of group 8."""
OTHERS, NONE, REST = 7, 8, 15
"""`REST`: rows that the filters leave out."""
MOST_POINTS = 8000


@dataclass(frozen=True, slots=True)
class Legend:
    """How rows are colored by a field."""

    groups: Any
    """uint8[size + 1]: the group of each code."""
    names: tuple[str, ...]
    """Of groups 0 to 6, as far as there are."""
    others: bool
    nothing: bool


def legend_of(encoded: Encoded, totals: Any) -> Legend:
    """The groups of a field: its labels, the seven most frequent where there are more, or its numbers in seven parts
    with about as many rows each. totals: rows of each code."""
    field = encoded.field
    nothing = bool(totals[field.size])
    groups = np.full(field.size + 1, OTHERS, np.uint8)
    groups[field.size] = NONE
    if field.kind == "numbers":
        before = np.cumsum(totals[: field.size]) - totals[: field.size]
        parts = np.minimum(before * GROUPS // max(1, totals[: field.size].sum()), GROUPS - 1)
        groups[: field.size] = np.unique(parts, return_inverse=True)[1]
        firsts = [int(np.flatnonzero(groups[: field.size] == g)[0]) for g in np.unique(groups[: field.size])]
        names = tuple(f"from {field.edges[first - 1]:g}" if first else f"below {field.edges[0]:g}" for first in firsts)
        return Legend(groups, names, False, nothing)
    order = list(range(field.size))
    if field.size > GROUPS:
        order = sorted(np.argsort(-totals[: field.size], kind="stable")[:GROUPS].tolist())
    for group, code in enumerate(order):
        groups[code] = group
    return Legend(groups, tuple(field.labels[code] for code in order), field.size > GROUPS, nothing)


def part_of_map(
    xy: Any, matching: Any | None, groups: Any | None, box: tuple[float, float, float, float], cells: tuple[int, int]
) -> bytes:
    """A part of the map. matching: marks of the rows that filters let through, None for all. groups: of each row."""
    x0, y0, x1, y1 = box
    wide, high = cells
    column = np.floor((xy[:, 0] - np.float32(x0)) * np.float32(wide / (x1 - x0)))
    line = np.floor((xy[:, 1] - np.float32(y0)) * np.float32(high / (y1 - y0)))
    inside = np.flatnonzero((column >= 0) & (column < wide) & (line >= 0) & (line < high))
    at_cell = line[inside].astype(np.int64) * wide + column[inside].astype(np.int64)
    group = np.zeros(len(inside), np.int64) if groups is None else groups[inside].astype(np.int64)
    shown = np.ones(len(inside), bool) if matching is None else matching[inside]
    points = inside[shown] if int(shown.sum()) <= MOST_POINTS else inside[:0]
    group[~shown] = REST
    keys = at_cell * 16 + group
    if len(points):
        keys = keys[~shown]
    counts = np.bincount(keys, minlength=1)
    filled = np.flatnonzero(counts)
    head = orjson.dumps({"cells": len(filled), "points": len(points), "inside": len(inside), "shown": int(shown.sum())})
    head += b" " * (-len(head) % 4)
    return b"".join(
        (
            struct.pack("<I", len(head)),
            head,
            filled.astype("<u4").tobytes(),
            counts[filled].astype("<u4").tobytes(),
            points.astype("<u4").tobytes(),
            xy[points, 0].astype("<f4").tobytes(),
            xy[points, 1].astype("<f4").tobytes(),
            (np.zeros(len(points), np.uint8) if groups is None else groups[points].astype(np.uint8)).tobytes(),
        )
    )


def inside_polygon(xy: Any, points: tuple[tuple[float, float], ...]) -> Any:
    """Whether each row lies inside a polygon, by the even-odd rule."""
    corners = np.array(points, np.float64)
    low, high = corners.min(axis=0), corners.max(axis=0)
    marks = np.zeros(len(xy), bool)
    near = np.flatnonzero((xy[:, 0] >= low[0]) & (xy[:, 0] <= high[0]) & (xy[:, 1] >= low[1]) & (xy[:, 1] <= high[1]))
    x, y = xy[near, 0].astype(np.float64), xy[near, 1].astype(np.float64)
    odd = np.zeros(len(near), bool)
    for (ax, ay), (bx, by) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if ay == by:
            continue
        crosses = (ay > y) != (by > y)
        odd ^= crosses & (x < (bx - ax) * (y - ay) / (by - ay) + ax)
    marks[near] = odd
    return marks
