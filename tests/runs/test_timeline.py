"""`timeline.parquet`: rows and tokens over time, written by every run, and never in its way."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

import magpie
from magpie.runs import timeline
from magpie.runs.timeline import MOST_POINTS, TIMELINE, Timeline, read_timeline


def test_a_run_leaves_a_timeline_whose_tokens_are_those_of_its_rows(tmp_path: Path) -> None:
    run = magpie.run(size=60, out=tmp_path / "air", settings=("engine=scripted",))
    points = read_timeline(run.path)
    assert {point["stage"] for point in points} == {"instruct", "respond"}
    for counts in run.counts():
        of_stage = [point for point in points if point["stage"] == counts.stage]
        assert sum(point["completion_tokens"] for point in of_stage) == counts.completion_tokens + counts.wasted_tokens
        assert sum(point["rows"] for point in of_stage) == counts.made
    magpie.run(size=90, out=run.path, settings=("engine=scripted",))
    assert {point["session"] for point in read_timeline(run.path)} == {0, 1}


def test_points_are_few_however_long_a_run_is(tmp_path: Path) -> None:
    line = Timeline(tmp_path, 0)
    for second in range(0, 40_000, 5):
        line.add("instruct", float(second), rows=second, prompt_tokens=2 * second, completion_tokens=3 * second)
    line.write()
    points = read_timeline(tmp_path)
    assert len(points) <= MOST_POINTS
    assert sum(point["rows"] for point in points) == 39_995
    assert points[-1]["to"] == 39_995
    assert all(one["to"] == after["from"] for one, after in pairwise(points))


def test_a_file_that_magpie_did_not_write_is_no_timeline(tmp_path: Path) -> None:
    assert read_timeline(tmp_path) == []
    (tmp_path / TIMELINE).write_bytes(b"nothing of the kind")
    assert read_timeline(tmp_path) == []
    pq.write_table(pa.table({"session": [1]}), tmp_path / TIMELINE)
    assert read_timeline(tmp_path) == []
    columns = {name: [-1] for name in timeline._SCHEMA.names if name != "stage"}
    pq.write_table(pa.table({**columns, "stage": ["x"]}), tmp_path / TIMELINE)
    assert read_timeline(tmp_path) == []
