"""Stages that compute: over the rows of a shard, and over all rows of a run. Rows come from the scripted engine."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from magpie.columns import Column
from magpie.errors import StageBug, StorageError, UserError
from magpie.executors.local import execute_plan
from magpie.executors.stopping import Stopped
from magpie.plan.plan import Covered, Plan, PlannedStage, make_plan
from magpie.plan.resolve import resolve
from magpie.runs import Run, RunFolder, open_run
from magpie.seams import AnyStage, Corpus, CorpusStage, TableStage
from magpie.stages.spec import BoundStage

LENGTH = Column("length", "int64", "characters of the instruction")
VECTOR = Column("vector", "list<float>", "some numbers")
RANK = Column("length_rank", "int64", "place among all by length")

Calls = list[list[int]]


def table_stage(calls: Calls, compute: Callable[[pa.Table], pa.Table] | None = None) -> TableStage:
    """Measures instructions, drops those of an odd length, and notes the rows of each call."""

    def measure(rows: pa.Table) -> pa.Table:
        calls.append(rows.column("row").to_pylist())
        lengths = pc.utf8_length(rows.column("instruction")).cast(pa.int64())
        odd = pc.equal(pc.bit_wise_and(lengths, 1), 1)
        reasons = pc.if_else(odd, pa.scalar("odd"), pa.scalar(None, pa.string()))
        vectors = pa.array([[float(n), 0.5] for n in lengths.to_pylist()], pa.list_(pa.float32()))
        return pa.table({"row": rows.column("row"), "length": lengths, "vector": vectors, "drop_reason": reasons})

    @contextmanager
    def opened() -> Iterator[Callable[[pa.Table], pa.Table]]:
        yield compute or measure

    return TableStage("screen", ("instruction",), (LENGTH, VECTOR), opened)


def rank(corpus: Corpus) -> Iterator[pa.Table]:
    """Ranks all rows by length, through a file of its own; gives them in tables of seven."""
    rows = pa.Table.from_batches(list(corpus.batches()))
    assert rows.num_rows == corpus.count
    (corpus.scratch / "held").write_text("as long as it works")
    corpus.report({"longest": pc.max(rows.column("length")).as_py()})
    ranked = rows.sort_by([("length", "ascending"), ("row", "ascending")]).append_column(
        "length_rank", pa.array(range(rows.num_rows), pa.int64())
    )
    for batch in ranked.select(["row", "length_rank"]).sort_by("row").to_batches(7):
        yield pa.Table.from_batches([batch])


def corpus_stage(make: Callable[[Corpus], Iterator[pa.Table]] = rank) -> CorpusStage:
    return CorpusStage("neighbors", ("length",), (RANK,), make)


def plan_of(out: Path, size: int, *stages: AnyStage, shard_rows: int = 16) -> Plan:
    """Instructions of the scripted engine, then the stages."""
    settings = ("engine=scripted", "name=computed", "respond=null", f"size={size}", f"shard_rows={shard_rows}")
    plan = make_plan(resolve(None, out, settings))
    more = [
        PlannedStage(place, BoundStage(stage, {}), Covered(), f"{place:08d}")
        for place, stage in enumerate(stages, start=2)
    ]
    return replace(plan, stages=(*plan.stages, *more))


def run(out: Path, size: int, *stages: AnyStage, shard_rows: int = 16) -> Run:
    execute_plan(plan_of(out, size, *stages, shard_rows=shard_rows), RunFolder(out))
    return open_run(out)


def files(out: Path, stage: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(out.glob(f"*-{stage}-*/*"))}


def test_a_table_stage_sees_the_rows_alive_above_and_its_drops_are_counted(tmp_path: Path) -> None:
    calls: Calls = []
    made = run(tmp_path, 60, table_stage(calls))
    instruct, screen = made.counts()
    assert sum(map(len, calls)) == screen.made == 60 - sum(instruct.dropped.values())
    rows = [row for row in made.table().to_pylist() if row["length"] is not None]
    assert all(row["length"] == len(row["instruction"]) and row["vector"] == [row["length"], 0.5] for row in rows)
    assert screen.dropped == {"odd": sum(row["length"] % 2 for row in rows)}
    assert {row["dropped_by"] for row in rows if row["length"] % 2} == {"screen"}


def test_a_table_stage_made_in_parts_has_the_files_that_it_has_made_at_once(tmp_path: Path) -> None:
    run(tmp_path / "parts", 21, table_stage([]))
    calls: Calls = []
    run(tmp_path / "parts", 60, table_stage(calls))
    assert min(row for call in calls for row in call) >= 21, "rows made before are not made again"
    run(tmp_path / "whole", 60, table_stage([]))
    assert files(tmp_path / "parts", "screen") == files(tmp_path / "whole", "screen")


def test_a_finished_table_stage_is_not_opened(tmp_path: Path) -> None:
    run(tmp_path, 20, table_stage([]))
    calls: Calls = []
    run(tmp_path, 20, table_stage(calls))
    assert calls == []


def test_rows_at_which_a_table_stage_fails_are_tried_again(tmp_path: Path) -> None:
    def fail(rows: pa.Table) -> pa.Table:
        numbers = rows.column("row").to_pylist()
        return pa.table(
            {
                "row": rows.column("row"),
                "length": pa.array([1] * len(numbers), pa.int64()),
                "vector": pa.nulls(len(numbers), pa.list_(pa.float32())),
                "error": pa.array(["the scorer gave NaN" if n % 2 else None for n in numbers], pa.string()),
            }
        )

    made = run(tmp_path, 20, table_stage([], fail))
    assert made.counts()[1].failed > 0
    calls: Calls = []
    assert run(tmp_path, 20, table_stage(calls)).counts()[1].failed == 0
    assert all(row % 2 for call in calls for row in call)


def test_a_corpus_stage_sees_all_rows_and_is_cut_into_shards(tmp_path: Path) -> None:
    made = run(tmp_path, 60, table_stage([]), corpus_stage())
    kept = list(made.rows())
    order = sorted(kept, key=lambda row: (row["length"], row["row"]))
    assert [row["length_rank"] for row in order] == list(range(len(kept))) != []
    assert made.info["sessions"][-1]["stages"]["neighbors"]["report"] == {"longest": order[-1]["length"]}
    assert not list(tmp_path.glob("*/scratch"))


def test_a_corpus_stage_is_made_anew_when_rows_come_and_until_then_it_stands(tmp_path: Path) -> None:
    made = run(tmp_path, 40, table_stage([]), corpus_stage())
    before = made.kept()
    execute_plan(plan_of(tmp_path, 60, table_stage([]), corpus_stage()), RunFolder(tmp_path), only=["instruct"])
    assert open_run(tmp_path).kept() == before > 0
    assert open_run(tmp_path).stale() == {}  # the new rows have not reached it
    again = run(tmp_path, 60, table_stage([]), corpus_stage())
    assert again.stale() == {}
    run(tmp_path / "whole", 60, table_stage([]), corpus_stage())
    assert files(tmp_path, "neighbors") == files(tmp_path / "whole", "neighbors")
    assert again.kept() > before


def test_a_finished_corpus_stage_is_left_as_it_is(tmp_path: Path) -> None:
    def refuse(corpus: Corpus) -> Iterator[pa.Table]:
        raise AssertionError("nothing is missing")

    run(tmp_path, 40, table_stage([]), corpus_stage())
    before = files(tmp_path, "neighbors")
    run(tmp_path, 40, table_stage([]), corpus_stage(refuse))
    assert files(tmp_path, "neighbors") == before


@pytest.mark.parametrize(
    "make",
    [
        lambda _: iter([pa.table({"row": [999], "length_rank": [1]})]),
        lambda _: iter([]),
        lambda corpus: (table.select(["row"]) for table in rank(corpus)),
        lambda corpus: iter([*rank(corpus), pa.table({"row": [999], "length_rank": [1]})]),
    ],
)
def test_a_corpus_stage_that_gives_other_rows_is_a_bug_that_is_named(
    make: Callable[[Corpus], Iterator[pa.Table]], tmp_path: Path
) -> None:
    with pytest.raises(StageBug, match=r"gave"):
        run(tmp_path, 40, table_stage([]), corpus_stage(make))


def test_stopping_a_corpus_stage_loses_nothing_that_was_paid_for(tmp_path: Path) -> None:
    def stop(corpus: Corpus) -> Iterator[pa.Table]:
        signal.raise_signal(signal.SIGINT)
        return rank(corpus)

    with pytest.raises(Stopped):
        run(tmp_path, 40, table_stage([]), corpus_stage(stop))
    calls: Calls = []
    made = run(tmp_path, 40, table_stage(calls), corpus_stage())
    assert calls == []
    assert made.kept() > 0


def test_what_a_kill_left_in_the_scratch_folder_is_swept(tmp_path: Path) -> None:
    run(tmp_path, 40, table_stage([]), corpus_stage())
    scratch = next(tmp_path.glob("*-neighbors-*")) / "scratch"
    scratch.mkdir()
    (scratch / "vectors").write_bytes(b"half")
    run(tmp_path, 40, table_stage([]), corpus_stage())
    assert not scratch.exists()


def test_a_stage_may_refuse_in_words(tmp_path: Path) -> None:
    def refuse(corpus: Corpus) -> Iterator[pa.Table]:
        raise UserError("nothing is shortlisted")

    with pytest.raises(UserError, match="nothing is shortlisted"):
        run(tmp_path, 40, table_stage([]), corpus_stage(refuse))


def test_a_disk_that_refuses_is_named(tmp_path: Path) -> None:
    run(tmp_path, 20, table_stage([]))
    (tmp_path / "3-neighbors-00000003").write_text("a file in the way")
    with pytest.raises(StorageError, match="neighbors"):
        run(tmp_path, 20, table_stage([]), corpus_stage())
