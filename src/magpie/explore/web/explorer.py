"""Everything that the page asks for, as plain values: counts, a part of the map, a page of the table, one row.

Each question is answered from arrays in memory; only a row that is opened is read from its run. Knows no HTTP.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from threading import Lock
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from magpie.columns import labels_of
from magpie.explore.web import fields, filters
from magpie.explore.web.density import Legend, inside_polygon, legend_of, part_of_map
from magpie.explore.web.encoding import Encoded
from magpie.explore.web.filters import Filter, Finite, condition, field_of, key_of, searched
from magpie.explore.web.index import SEARCHED, Index
from magpie.explore.web.joined import Joined, joined
from magpie.explore.web.search import rows_with
from magpie.explore.web.topics import Layout, Topics, topics_of
from magpie.runs import Run

PAGE_ROWS = 200
"""The most rows of a page of the table."""
_MOST_KEPT = 24
"""Filters whose marks are kept: each takes a byte a row."""


Cells = Annotated[int, Field(ge=1, le=1000)]
"""On one side of a part of the map."""


class Asked(BaseModel):
    """Filters, one of a kind and field at most."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    filters: tuple[Filter, ...] = Field(default=(), max_length=60, strict=False)


class AskedMap(Asked):
    """A part of the map, cut into cells."""

    box: tuple[Finite, Finite, Finite, Finite] = Field(strict=False)
    cells: tuple[Cells, Cells] = Field(strict=False)
    color: str | None = Field(None, max_length=200)


class AskedRows(Asked):
    """A page of the table."""

    sort: str | None = Field(None, max_length=200)
    descending: bool = False
    offset: int = Field(0, ge=0)
    count: int = Field(50, ge=1, le=PAGE_ROWS)


class AskedPlace(Asked):
    """A place on the map."""

    at: tuple[Finite, Finite] = Field(strict=False)
    within: float = Field(gt=0, allow_inf_nan=False)


class Explorer:
    """The rows of one run, or of several beside each other.

    explorer = Explorer([run], [open_index(run)])
    explorer.view(Asked())["matching"]
    """

    def __init__(
        self, runs: Sequence[Run], indexes: Sequence[Index], layout: Layout | None = None, hint: str = ""
    ) -> None:
        """layout: of the runs' embeddings, which may lack some rows; without it there is no map, and `hint` says how to
        make one."""
        self.hint = hint
        self.runs = tuple(runs)
        self.rows: Joined = joined(runs, indexes)
        self.topics: Topics | None = None if layout is None else topics_of(self.rows, layout)
        self.fields: dict[str, Encoded] = dict(self.rows.fields)
        if self.topics is not None:
            self.fields[fields.TOPIC] = self.topics.field
        self.known: dict[str, fields.Field] = {name: encoded.field for name, encoded in self.fields.items()}
        self.texts = [column for column in SEARCHED if any(column in table.column_names for table in self.rows.search)]
        self._marks: OrderedDict[str, Any] = OrderedDict()
        self._orders: dict[str, tuple[Any, int]] = {}
        self._lock = Lock()

    # -- filters ------------------------------------------------------------------------------------------------------

    def marks(self, asked: Sequence[Any]) -> Any | None:
        """Whether each row passes all filters; None where there is none. Raises `UserError`."""
        found = None
        for each in asked:
            one = self._marks_of(each)
            found = one if found is None else found & one
        return found

    def _marks_of(self, asked: Any) -> Any:
        key = asked.model_dump_json()
        with self._lock:
            if key in self._marks:
                self._marks.move_to_end(key)
                return self._marks[key]
        found = self._marked(asked)
        with self._lock:
            self._marks[key] = found
            while len(self._marks) > _MOST_KEPT:
                self._marks.popitem(last=False)
        return found

    def _marked(self, asked: Any) -> Any:
        condition(asked, self.known, self.texts)  # raises for what there is not
        if isinstance(asked, filters.Text):
            return rows_with(self.rows.search, asked.text, searched(asked, self.texts))
        if isinstance(asked, filters.Area):
            if self.topics is None:
                return np.zeros(len(self.rows), bool)
            return inside_polygon(self.topics.xy, asked.points)
        encoded = self.fields[field_of(asked.field, self.known).name]
        if isinstance(asked, filters.Labels):
            wanted = np.zeros(encoded.field.size + 1, bool)
            codes: dict[str | None, int] = {label: code for code, label in enumerate(encoded.field.labels)}
            codes[None] = encoded.field.size
            for label in asked.labels:
                if label in codes:
                    wanted[codes[label]] = True
            return wanted[encoded.codes]
        found = encoded.codes != encoded.field.size
        if encoded.values is None:
            return np.zeros(len(self.rows), bool)
        if asked.low is not None:
            # DuckDB sorts NaN above all numbers.
            found &= ~(encoded.values < asked.low)
        if asked.high is not None:
            found &= encoded.values < asked.high
        return found

    # -- answers ------------------------------------------------------------------------------------------------------

    def about(self) -> dict[str, Any]:
        """What there is: runs, fields with the counts of all rows, the map."""
        return {
            "runs": [{"name": run.name, "rows": end - first} for run, first, end in self._parts()],
            "rows": len(self.rows),
            "fields": [self._about(encoded) for encoded in self.fields.values()],
            "texts": self.texts,
            "hint": self.hint,
            "map": None if self.topics is None else self._about_map(self.topics),
        }

    def _parts(self) -> list[tuple[Run, int, int]]:
        return list(zip(self.runs, self.rows.starts, self.rows.starts[1:], strict=False))

    def _about(self, encoded: Encoded) -> dict[str, Any]:
        field = encoded.field
        legend = self._legends[field.name]
        return {
            "name": field.name,
            "title": field.title,
            "about": field.about,
            "kind": field.kind,
            "labels": field.labels,
            "edges": field.edges,
            "whole": field.whole,
            "logarithmic": field.logarithmic,
            "ordered": field.kind == "numbers" or bool(labels_of(field.name)),
            "totals": self._totals[field.name].tolist(),
            "legend": {"names": legend.names, "others": legend.others, "nothing": legend.nothing},
        }

    def _about_map(self, topics: Topics) -> dict[str, Any]:
        names = topics.field.field.labels
        named = [
            {"name": name, "x": x, "y": y, "rows": rows}
            for name, (x, y, rows) in zip(names, topics.centers, strict=True)
            if rows
        ]
        return {"box": topics.box, "topics": named}

    @cached_property
    def _totals(self) -> dict[str, Any]:
        return {name: self._counts(encoded, None) for name, encoded in self.fields.items()}

    @cached_property
    def _legends(self) -> dict[str, Legend]:
        return {name: legend_of(encoded, self._totals[name].sum(axis=0)) for name, encoded in self.fields.items()}

    def _counts(self, encoded: Encoded, places: Any | None) -> Any:
        """Rows of each code, of each run: [runs, size + 1]. places: of the rows that count; None for all."""
        size = encoded.field.size + 1
        codes = encoded.codes if places is None else encoded.codes[places]
        if len(self.runs) == 1:
            return np.bincount(codes, minlength=size)[None]
        which = self.rows.run if places is None else self.rows.run[places]
        counts = np.bincount(which.astype(np.int64) * size + codes, minlength=size * len(self.runs))
        return counts.reshape(len(self.runs), size)

    def view(self, asked: Asked) -> dict[str, Any]:
        """How many rows match, and of each field how many rows each of its bars would have: as all filters but the
        field's own let them through."""
        marks = self.marks(asked.filters)
        own = {key_of(each) for each in asked.filters}
        places = None if marks is None else np.flatnonzero(marks)
        counts = {}
        for name, encoded in self.fields.items():
            if places is None:
                counts[name] = self._totals[name]
            elif name not in own:
                counts[name] = self._counts(encoded, places)
            else:
                others = self.marks([each for each in asked.filters if key_of(each) != name])
                counts[name] = self._totals[name] if others is None else self._counts(encoded, np.flatnonzero(others))
        if places is None:
            matching = [end - first for _, first, end in self._parts()]
        else:
            matching = np.diff(np.searchsorted(places, self.rows.starts)).tolist()
        return {
            "matching": sum(matching),
            "runs": matching,
            "counts": {name: each.tolist() for name, each in counts.items()},
        }

    def map(self, asked: AskedMap) -> bytes:
        """A part of the map, as `density` lays it out."""
        if self.topics is None:
            return b""
        x0, y0, x1, y1 = asked.box
        if not (x0 < x1 and y0 < y1):
            x0, y0, x1, y1 = self.topics.box
        groups = None
        if asked.color is not None:
            field_of(asked.color, self.known)
            groups = self._groups(asked.color)
        return part_of_map(self.topics.xy, self.marks(asked.filters), groups, (x0, y0, x1, y1), asked.cells)

    def _groups(self, name: str) -> Any:
        return self._legends[name].groups[self.fields[name].codes]

    def nearest(self, asked: AskedPlace) -> dict[str, Any] | None:
        """The row that lies nearest to a place on the map, among those that match; None where none is near."""
        if self.topics is None:
            return None
        x, y = asked.at
        away = (self.topics.xy[:, 0] - np.float32(x)) ** 2 + (self.topics.xy[:, 1] - np.float32(y)) ** 2
        marks = self.marks(asked.filters)
        away = np.where(np.isnan(away) if marks is None else np.isnan(away) | ~marks, np.inf, away)
        at = int(np.argmin(away)) if len(away) else 0
        if not len(away) or away[at] > asked.within**2:
            return None
        return {**self.brief(at), "x": float(self.topics.xy[at, 0]), "y": float(self.topics.xy[at, 1])}

    def page(self, asked: AskedRows) -> dict[str, Any]:
        """A page of the rows that match, in an order; rows without what they are sorted by come last."""
        marks = self.marks(asked.filters)
        order = self._order(asked.sort, descending=asked.descending)
        if order is None:
            places = np.arange(len(self.rows)) if marks is None else np.flatnonzero(marks)
        else:
            places = order if marks is None else order[marks[order]]
        shown = places[asked.offset : asked.offset + asked.count].tolist()
        return {"matching": len(places), "rows": [self.brief(at, values=True) for at in shown]}

    def _order(self, name: str | None, *, descending: bool) -> Any | None:
        if name is None or name == "row":
            return np.arange(len(self.rows) - 1, -1, -1) if name and descending else None
        encoded = self.fields[field_of(name, self.known).name]
        if name not in self._orders:
            there = np.flatnonzero(encoded.codes != encoded.field.size)
            keys = (encoded.codes if encoded.values is None else encoded.values)[there]
            absent = np.flatnonzero(encoded.codes == encoded.field.size)
            order = np.concatenate([there[np.argsort(keys, kind="stable")], absent])
            self._orders[name] = order, len(there)
        order, count = self._orders[name]
        return np.concatenate([order[:count][::-1], order[count:]]) if descending else order

    def place(self, run: int, row: int) -> int | None:
        """The place of a row of a run; None where it is not there."""
        if not 0 <= run < len(self.runs):
            return None
        first, end = self.rows.starts[run], self.rows.starts[run + 1]
        at = first + int(np.searchsorted(self.rows.row[first:end], row))
        return at if at < end and self.rows.row[at] == row else None

    def brief(self, at: int, *, values: bool = False) -> dict[str, Any]:
        """A row as lists show it: its place, its id and the start of its instruction; with `values` its fields too."""
        run, row = int(self.rows.run[at]), int(self.rows.row[at])
        found = {
            "at": at,
            "run": run,
            "row": row,
            "id": f"{self.runs[run].name}-{row:08d}",
            "preview": self.rows.previews[at].as_py(),
        }
        if values:
            found["values"] = {name: _value(encoded, at) for name, encoded in self.fields.items()}
        return found


def _value(encoded: Encoded, at: int) -> Any:
    code = int(encoded.codes[at])
    if code == encoded.field.size:
        return None
    return encoded.field.labels[code] if encoded.values is None else encoded.values[at].item()
