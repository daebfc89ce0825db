"""How fast work went: `timeline.parquet` of a run, a few hundred points of rows and tokens over time.

A point covers a span of seconds since its session began. It is written whole with `run.json`, and what a kill loses is
the last half minute. Nothing depends on it: without it a report has no curve.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from magpie.runs.files import write_whole

TIMELINE = "timeline.parquet"
MOST_POINTS = 2000
"""Of a run: when there are more, neighbors of one stage and session become one point."""
POINT_SECONDS = 5.0
"""How long a point is at least, unless its stage ends before."""

_SCHEMA = pa.schema(
    [
        pa.field("session", pa.int32(), metadata={"meaning": "the place of the session in run.json, from 0"}),
        pa.field("stage", pa.string()),
        pa.field("from", pa.float64(), metadata={"unit": "seconds since the session began"}),
        pa.field("to", pa.float64(), metadata={"unit": "seconds since the session began"}),
        pa.field("rows", pa.int64(), metadata={"meaning": "rows that ended in this span"}),
        pa.field("prompt_tokens", pa.int64()),
        pa.field("completion_tokens", pa.int64(), metadata={"meaning": "sampled, those past a stop included"}),
    ]
)

Point = dict[str, Any]
"""A row of the file."""


class Timeline:
    """The points of a run, those of earlier sessions included, while a session adds to them.

    timeline = Timeline(Path("runs/air"), session=0)
    timeline.add("instruct", 12.5, rows=100, prompt_tokens=300, completion_tokens=2400)
    timeline.write()
    """

    def __init__(self, run: Path, session: int) -> None:
        self._path = run / TIMELINE
        self._points = [point for point in read_timeline(run) if point["session"] < session]
        self._session = session
        self._stage: str | None = None
        self._begun = 0.0
        self._before = (0, 0, 0)

    def add(
        self, stage: str, seconds: float, *, rows: int, prompt_tokens: int, completion_tokens: int, ended: bool = False
    ) -> None:
        """Take note of what the stage has come to in this session, `seconds` after the session began."""
        now = (rows, prompt_tokens, completion_tokens)
        if stage != self._stage:
            self._stage, self._begun, self._before = stage, seconds, now
        elif seconds - self._begun >= POINT_SECONDS or (ended and now != self._before):
            made = [value - before for value, before in zip(now, self._before, strict=True)]
            spans = {"session": self._session, "stage": stage, "from": self._begun, "to": seconds}
            counts = dict(zip(("rows", "prompt_tokens", "completion_tokens"), made, strict=True))
            self._points.append(spans | counts)
            self._begun, self._before = seconds, now

    def write(self) -> None:
        """Put the file as it stands now, where there is a point."""
        while len(self._points) > MOST_POINTS:
            self._points = _halved(self._points)
        if self._points:
            sink = BytesIO()
            pq.write_table(pa.Table.from_pylist(self._points, schema=_SCHEMA), sink, compression="zstd")
            write_whole(self._path, sink.getvalue())


def _halved(points: Sequence[Point]) -> list[Point]:
    """Half as many points: two neighbors of one stage and session become one."""
    found: list[Point] = []
    merged = True
    for point in points:
        last = found[-1] if found else None
        if last is not None and not merged and all(last[name] == point[name] for name in ("session", "stage")):
            sums = {name: last[name] + point[name] for name in ("rows", "prompt_tokens", "completion_tokens")}
            found[-1] = {**last, "to": point["to"], **sums}
            merged = True
        else:
            found.append(point)
            merged = False
    return found if len(found) < len(points) else list(points[-MOST_POINTS:])


def read_timeline(run: Path) -> list[Point]:
    """The points of a run in order; none where there is no such file, or one that is not what magpie writes."""
    path = run / TIMELINE
    try:
        table = pq.read_table(path, partitioning=None)
        points: list[Point] = table.select(_SCHEMA.names).cast(_SCHEMA).to_pylist()
    except (OSError, KeyError, ValueError, pa.ArrowException):
        return []
    return [point for point in points if _is_one(point)]


def _is_one(point: Point) -> bool:
    """Whether a point has every value, and none below 0: anybody may have written the file."""
    return all(value is not None for value in point.values()) and all(
        value >= 0 and value == value and value < 1e15 for name, value in point.items() if name != "stage"
    )
