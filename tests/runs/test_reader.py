"""A run reads as one table, with every row accounted for."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from magpie.columns import COMPUTED, DROP_REASON, ERROR, ROW
from magpie.errors import RunError
from magpie.runs import OpenShard, Run, RunFolder, open_run
from magpie.runs.in_force import in_force, settled_shards
from magpie.runs.tally import NEEDED
from magpie.stages.instruct.columns import INSTRUCTION, INSTRUCTION_RAW, SANITIZED_BY
from magpie.stages.respond.columns import RESPONSE

BOOKKEEPING = {"error": None, "prompt_tokens": 5, "completion_tokens": 10, "wasted_tokens": 0, "input_digest": 0}


COLUMNS = {
    "instruct": (INSTRUCTION, INSTRUCTION_RAW, SANITIZED_BY),
    "respond": (RESPONSE,),
}


def write(folder: RunFolder, stage: str, position: int, rows: list[dict[str, Any]], *, seal: bool = True) -> None:
    place = folder.stage(position, stage, f"{position:08d}", COLUMNS[stage])
    place.path.mkdir(exist_ok=True)
    shard = OpenShard(place.shard(0), place.columns, {row["row"]: row for row in rows}, (), "")
    for row in rows:
        shard.record(
            {**dict.fromkeys((c.name for c in place.columns), None), "drop_reason": None, **BOOKKEEPING, **row}
        )
    shard.seal() if seal else shard.close()


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Run]:
    def make(
        instructions: list[dict[str, Any]], responses: list[dict[str, Any]], *, seal: bool = True, name: str = "air"
    ) -> Run:
        folder = RunFolder(tmp_path / name)
        folder.path.mkdir(exist_ok=True)
        stages = [folder.stage(p, s, f"{p:08d}", COLUMNS[s]) for p, s in ((1, "instruct"), (2, "respond"))]
        index = [
            {"stage": s.stage, "folder": s.path.name, "columns": [asdict(c) for c in s.columns], "reads": []}
            for s in stages
        ]
        folder.write_index({"name": "it's 100%", "size": 5, "shard_rows": 9, "stages": index, "sessions": []})
        write(folder, "instruct", 1, instructions)
        write(folder, "respond", 2, responses, seal=seal)
        return open_run(folder.path)

    return make


INSTRUCTIONS: list[dict[str, Any]] = [
    {"row": 0, "instruction": "Why?"},
    {"row": 1, "instruction": "", "drop_reason": "empty"},
    {"row": 2, "instruction": "How?"},
    {"row": 3, "instruction": None, "error": "too long"},
    {"row": 4, "instruction": "Who?"},
]
RESPONSES: list[dict[str, Any]] = [
    {"row": 0, "response": "Because."},
    {"row": 2, "response": "Like th", "drop_reason": "truncated"},
]


def test_every_row_is_there_with_its_fate(make_run: Callable[..., Run]) -> None:
    rows = make_run(INSTRUCTIONS, RESPONSES).table().to_pylist()
    fates = [(row["row"], row["drop_reason"], row["dropped_by"], row["error"], row["response"]) for row in rows]
    assert fates == [
        (0, None, None, None, "Because."),
        (1, "empty", "instruct", None, None),
        (2, "truncated", "respond", None, "Like th"),
        (3, None, None, "too long", None),
        (4, None, None, None, None),
    ]


def test_every_column_of_the_table_is_one_that_has_a_meaning(make_run: Callable[..., Run]) -> None:
    stages = {column.name for stage in ("instruct", "respond") for column in COLUMNS[stage]}
    known = {ROW.name, DROP_REASON.name, ERROR.name, "instruct_tokens", "respond_tokens"} | stages | set(COMPUTED)
    assert set(make_run(INSTRUCTIONS, RESPONSES).table().column_names) == known


def test_kept_rows_came_through_every_stage(make_run: Callable[..., Run]) -> None:
    run = make_run(INSTRUCTIONS, RESPONSES)
    (row,) = run.table(kept=True).to_pylist()
    assert row["messages"] == [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "Because."}]
    assert run.kept() == 1
    assert [kept["row"] for kept in run.rows()] == [0]


def test_an_id_is_the_run_s_name_and_the_row(make_run: Callable[..., Run]) -> None:
    ids = make_run(INSTRUCTIONS, RESPONSES).table().column("id").to_pylist()
    assert ids[:2] == ["it's 100%-00000000", "it's 100%-00000001"]


def test_rows_in_an_open_journal_are_read_too(make_run: Callable[..., Run]) -> None:
    assert make_run(INSTRUCTIONS, RESPONSES, seal=False).kept() == 1


def test_rows_beyond_the_size_are_not_shown(make_run: Callable[..., Run]) -> None:
    assert make_run([*INSTRUCTIONS, {"row": 5, "instruction": "Late?"}], RESPONSES).table().num_rows == 5


def test_counts_are_by_stage_reason_and_token(make_run: Callable[..., Run]) -> None:
    instruct, respond = make_run(INSTRUCTIONS, RESPONSES).counts()
    assert (instruct.made, instruct.dropped, instruct.failed) == (4, {"empty": 1}, 1)
    assert (respond.made, respond.dropped, respond.completion_tokens) == (2, {"truncated": 1}, 20)


def test_sql_sees_rows_kept_rows_and_the_stages_own_files(make_run: Callable[..., Run]) -> None:
    run = make_run(INSTRUCTIONS, RESPONSES)
    query = "SELECT (SELECT count(*) FROM rows), (SELECT count(*) FROM kept), (SELECT sum(prompt_tokens) FROM respond)"
    assert list(run.sql(query).to_pylist()[0].values()) == [5, 1, 10]


def test_a_wrong_query_is_a_user_s_mistake(make_run: Callable[..., Run]) -> None:
    with pytest.raises(RunError, match="the query failed"):
        make_run(INSTRUCTIONS, RESPONSES).sql("SELECT nothing FROM rows")


@pytest.mark.parametrize("name", ["row=3", "lr=3", "a[1]", "b*c", "d?", "it's"])
def test_a_folder_s_name_is_a_name_and_no_pattern(make_run: Callable[..., Run], name: str) -> None:
    make_run(INSTRUCTIONS, RESPONSES, name="a1")
    make_run(INSTRUCTIONS, RESPONSES, name="bc")
    run = make_run(INSTRUCTIONS, RESPONSES, name=name)
    assert (run.kept(), run.table().column("row").to_pylist()) == (1, [0, 1, 2, 3, 4])


def test_a_damaged_file_is_a_mistake_in_one_line(make_run: Callable[..., Run]) -> None:
    run = make_run(INSTRUCTIONS, RESPONSES)
    path = next(run.path.glob("2-*/*.parquet"))
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(RunError, match="cannot be read"):
        run.table()


def test_of_open_shards_only_what_is_counted_is_held(make_run: Callable[..., Run]) -> None:
    run = make_run(INSTRUCTIONS, [{"row": 0, "response": "x" * 1000}], seal=False)
    instruct, respond = run.stages
    assert settled_shards(instruct, (), run.size, run.shard_rows) == [0]
    assert settled_shards(respond, (instruct,), run.size, run.shard_rows) == []
    assert not in_force(instruct, (), run.size, run.shard_rows).others
    found = in_force(respond, (instruct,), run.size, run.shard_rows)
    assert [table.column_names for table in found.others.values()] == [list(NEEDED)]
    assert [stage.made for stage in run.counts()][1] == 1


def test_a_mistake_of_whoever_asks_is_none_of_the_run_s_files(make_run: Callable[..., Run]) -> None:
    run = make_run(INSTRUCTIONS, [])
    with pytest.raises(KeyError), run.connected():
        raise KeyError("theirs")
    with (
        pytest.raises(RunError, match="the query failed, or a file of the run cannot be read"),
        run.connected() as asked,
    ):
        asked.execute("SELECT nothing FROM rows")


@pytest.mark.parametrize("read", [Run.kept, Run.counts, Run.table, lambda run: list(run.rows())])
def test_a_file_with_other_columns_is_named_however_the_run_is_read(
    read: Callable[[Run], object], make_run: Callable[..., Run]
) -> None:
    run = make_run(INSTRUCTIONS, [{"row": 0, "response": "x"}], seal=False)
    path = run.stages[1].path / "00000.parquet"
    pq.write_table(pa.table({"row": ["a"], "response": [[1]]}), path)
    with pytest.raises(RunError, match=r"cannot be (read|counted)"):
        read(run)
