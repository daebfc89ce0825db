"""Several runs as one: their rows one after another, their fields under one name, with the same labels and edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from magpie.explore.web.bins import codes_of, edges_of
from magpie.explore.web.encoding import Encoded
from magpie.explore.web.fields import RUN, Field, merged_labels
from magpie.explore.web.index import Index
from magpie.runs import Run


@dataclass(frozen=True)
class Joined:
    """Rows of one run or several: row `at` is `row[at]` of run `run[at]`."""

    run: Any
    """uint8[n]."""
    row: Any
    """int64[n], ascending in each run."""
    starts: tuple[int, ...]
    """The first row of each run, and the number of rows of all."""
    fields: dict[str, Encoded]
    previews: pa.ChunkedArray
    search: tuple[pa.Table, ...]

    def __len__(self) -> int:
        return self.starts[-1]


def joined(runs: Sequence[Run], indexes: Sequence[Index]) -> Joined:
    """The rows of all runs."""
    sizes = [len(index.rows) for index in indexes]
    starts = tuple(int(each) for each in np.concatenate([[0], np.cumsum(sizes)]))
    which = np.repeat(np.arange(len(runs), dtype=np.uint8), sizes)
    rows = indexes[0].rows if len(runs) == 1 else np.concatenate([index.rows for index in indexes])
    names = dict.fromkeys(encoded.field.name for index in indexes for encoded in index.fields)
    found = {name: _field(name, indexes, sizes) for name in names}
    if len(runs) > 1:
        field = Field(RUN, "Run", "", "labels", "the run that a row is of", unique([run.name for run in runs]))
        found = {RUN: Encoded(field, which), **found}
    previews = pa.chunked_array([chunk for index in indexes for chunk in index.previews.chunks], pa.string())
    return Joined(which, rows, starts, found, previews, tuple(index.search for index in indexes))


def unique(names: Sequence[str]) -> tuple[str, ...]:
    """The names, with a number after each repeated one.

    >>> unique(["air", "pro", "air"])
    ('air', 'pro', 'air (2)')
    """
    found: list[str] = []
    for name in names:
        number, told = 1, name
        while told in found:
            number += 1
            told = f"{name} ({number})"
        found.append(told)
    return tuple(found)


def _field(name: str, indexes: Sequence[Index], sizes: Sequence[int]) -> Encoded:
    parts = [next((e for e in index.fields if e.field.name == name), None) for index in indexes]
    there = [part for part in parts if part is not None]
    if len(indexes) == 1:
        return there[0]
    if there[0].field.kind == "numbers":
        return _numbers(parts, there, sizes)
    labels = merged_labels([part.field for part in there])
    kind = np.uint8 if len(labels) < 255 else np.uint16
    codes = []
    for part, size in zip(parts, sizes, strict=True):
        if part is None or part.field.kind == "numbers":
            codes.append(np.full(size, len(labels), kind))
        else:
            renamed = np.array([*(labels[label] for label in part.field.labels), len(labels)], kind)
            codes.append(renamed[part.codes])
    field = replace(there[0].field, labels=tuple(labels), others=any(part.field.others for part in there))
    return Encoded(field, np.concatenate(codes))


def _numbers(parts: Sequence[Encoded | None], there: Sequence[Encoded], sizes: Sequence[int]) -> Encoded:
    values, known = [], []
    for part, size in zip(parts, sizes, strict=True):
        absent = part is None or part.values is None
        values.append(np.zeros(size, there[0].values.dtype) if part is None or absent else part.values)
        known.append(np.zeros(size, bool) if part is None or absent else part.codes != part.field.size)
    every, is_known = np.concatenate(values), np.concatenate(known)
    whole = all(part.field.whole for part in there if part.field.kind == "numbers")
    lengths = there[0].field.name.endswith("_characters")
    edges, grows = edges_of(every[is_known], whole=whole, lengths=lengths)
    field = replace(there[0].field, edges=edges, logarithmic=grows, whole=whole)
    return Encoded(field, codes_of(every, is_known, edges), every)
