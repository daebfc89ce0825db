"""What a selection finds is what plain DuckDB finds; every other row knows the first step that dropped it."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from magpie.columns import LABELS
from magpie.errors import RecipeError, UserError
from magpie.stages.select.costs import costs, in_words
from magpie.stages.select.reading import read_selection
from magpie.stages.select.rows import Judged, check_selection
from magpie.stages.select.sandbox import sandbox
from magpie.stages.select.selection import Asked, Quota

SCHEMA = pa.schema(
    {
        "row": pa.int64(),
        "input_quality": pa.string(),
        "difficulty": pa.string(),
        "is_repeat": pa.bool_(),
        "instruct_reward": pa.float64(),
        "response": pa.string(),
        "task_category": pa.string(),
    }
)


def made(count: int) -> pa.RecordBatch:
    """Rows in which everything happens, nothing among it."""
    draw = Random(7)
    return pa.RecordBatch.from_pylist(
        [
            {
                "row": row * 3,
                "input_quality": draw.choice([*LABELS["input_quality"], None]),
                "difficulty": draw.choice([*LABELS["difficulty"], None]),
                "is_repeat": draw.choice([True, False, False, None]),
                "instruct_reward": draw.choice([None, draw.uniform(-20, 5)]),
                "response": draw.choice([None, "x" * draw.randrange(30)]),
                "task_category": draw.choice(["Math", "Planning", "Reasoning"]),
            }
            for row in range(count)
        ],
        SCHEMA,
    )


def fates(asked: Asked, batch: pa.RecordBatch) -> list[dict[str, Any]]:
    with Judged(read_selection(asked)) as judged:
        judged.take(batch.slice(at, 100) for at in range(0, batch.num_rows, 100))
        judged.settle()
        return [row for table in judged.fates("not_selected") for row in table.to_pylist()]


def kept(asked: Asked, batch: pa.RecordBatch) -> list[int]:
    """The rows that come through, by rank."""
    ranked = [row for row in fates(asked, batch) if row["drop_reason"] is None]
    return [row["row"] for row in sorted(ranked, key=lambda row: row["selection_rank"])]


def plain(query: str, batch: pa.RecordBatch) -> list[int]:
    """The same query, as DuckDB answers it where labels are numbers."""
    with duckdb.connect() as connection:
        connection.register("given", pa.Table.from_batches([batch]))
        for name, labels in LABELS.items():
            connection.execute(f"CREATE TYPE {name}_t AS ENUM {tuple(labels)}")
        connection.execute(
            "CREATE TABLE rows AS SELECT * REPLACE (input_quality::input_quality_t AS input_quality, "
            "difficulty::difficulty_t AS difficulty) FROM given"
        )
        return [row for (row,) in connection.sql(query).fetchall()]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT row FROM rows ORDER BY row",
        "SELECT row FROM rows WHERE input_quality >= 'good'::input_quality_t ORDER BY row",
        "SELECT row FROM rows WHERE input_quality BETWEEN 'poor'::input_quality_t AND 'good'::input_quality_t "
        "ORDER BY row",
        "SELECT row FROM rows WHERE input_quality NOT IN ('good', 'poor') ORDER BY difficulty DESC, row",
        "SELECT row FROM rows WHERE NOT is_repeat AND instruct_reward > -12 "
        "ORDER BY length(response) DESC, row LIMIT 40",
        "SELECT row FROM rows WHERE 'easy'::difficulty_t < difficulty OR is_repeat "
        "ORDER BY response NULLS FIRST, row LIMIT 9",
        "SELECT row FROM rows WHERE coalesce(input_quality, 'poor'::input_quality_t) >= 'average'::input_quality_t AND "
        "greatest(difficulty, 'easy'::difficulty_t) > 'easy'::difficulty_t ORDER BY row",
        "SELECT row FROM rows WHERE CASE WHEN is_repeat THEN difficulty END > 'easy'::difficulty_t ORDER BY row",
        "SELECT row FROM rows QUALIFY max(input_quality) OVER (PARTITION BY difficulty, is_repeat, task_category) <= "
        "'good'::input_quality_t ORDER BY row",
        "SELECT row FROM rows WHERE (input_quality, row) >= ('good'::input_quality_t, 30) ORDER BY row",
        "SELECT row FROM rows WHERE response <> 'good' AND task_category NOT IN ('good', 'easy') ORDER BY row",
        "SELECT row FROM rows WHERE instruct_reward > -15 QUALIFY row_number() OVER (PARTITION BY difficulty > "
        "'easy'::difficulty_t ORDER BY length(response) DESC, row) <= 20 ORDER BY length(response) DESC, row",
        "SELECT row FROM rows QUALIFY instruct_reward > avg(instruct_reward) OVER (PARTITION BY task_category) AND "
        "percent_rank() OVER (ORDER BY length(response), row) < 0.5 ORDER BY instruct_reward DESC, row LIMIT 25",
    ],
)
def test_the_rows_and_their_order_are_those_of_plain_sql(query: str) -> None:
    batch = made(700)
    written = query.replace("::input_quality_t", "").replace("::difficulty_t", "")
    assert kept(Asked(written), batch) == plain(query, batch)


def test_every_row_has_one_fate_in_row_order_and_the_first_step_that_drops_it_is_named() -> None:
    batch = made(500)
    found = fates(Asked("SELECT row FROM rows WHERE input_quality >= 'good' AND NOT is_repeat LIMIT 5"), batch)
    assert [row["row"] for row in found] == batch.column("row").to_pylist()
    for row, given in zip(found, batch.to_pylist(), strict=True):
        if given["input_quality"] not in ("good", "excellent"):
            assert row["drop_reason"] == "not_selected: input_quality >= 'good'"
        elif given["is_repeat"] is not False:
            assert row["drop_reason"] == "not_selected: NOT is_repeat"
        else:
            assert row["drop_reason"] in (None, "not_selected: limit")
        assert (row["selection_rank"] is None) == (row["drop_reason"] is not None)


def test_ties_go_to_the_earlier_row() -> None:
    rows = [{"row": row, "response": "same"} for row in range(50)]
    batch = pa.RecordBatch.from_pylist(rows, SCHEMA)
    assert kept(Asked("SELECT row FROM rows ORDER BY length(response) DESC LIMIT 7"), batch) == [*range(7)]


def test_quotas_keep_the_first_rows_of_each_value_in_order() -> None:
    batch = made(600)
    quotas = (Quota("task_category", 30), Quota("difficulty > 'easy'", 25))
    asked = Asked("SELECT row FROM rows WHERE instruct_reward > -18", order="instruct_reward DESC", quotas=quotas)
    found = fates(asked, batch)
    assert {row["drop_reason"] for row in found} == {
        None, "not_selected: instruct_reward > -18", "not_selected: quota of task_category",
        "not_selected: quota of difficulty > 'easy'",
    }  # fmt: skip
    given = {row["row"]: row for row in batch.to_pylist()}
    for category in ("Math", "Planning", "Reasoning"):
        of_it = [row for row in found if given[row["row"]]["task_category"] == category]
        through = [row for row in of_it if row["drop_reason"] not in ("not_selected: instruct_reward > -18",)]
        best = sorted(through, key=lambda row: -given[row["row"]]["instruct_reward"])
        assert all(row["drop_reason"] == "not_selected: quota of task_category" for row in best[30:])
        assert not any(row["drop_reason"] == "not_selected: quota of task_category" for row in best[:30])


def test_labels_are_read_in_any_case_and_what_is_no_label_is_null() -> None:
    rows = [
        {"row": at, "input_quality": label} for at, label in enumerate(("Excellent", " good ", "superb", None, "poor"))
    ]
    batch = pa.RecordBatch.from_pylist(rows, SCHEMA)
    with Judged(read_selection(Asked("SELECT row FROM rows WHERE input_quality >= 'good'"))) as judged:
        judged.take([batch])
        judged.settle()
        found = costs(judged)
    assert (found.kept, found.null) == (2, {"input_quality": 2})


def test_costs_are_alone_in_turn_and_only() -> None:
    batch = made(900)
    given = batch.to_pylist()
    misses = [
        {row["row"] for row in given if row["input_quality"] not in ("good", "excellent")},
        {row["row"] for row in given if row["is_repeat"] is not False},
        {row["row"] for row in given if row["instruct_reward"] is None or row["instruct_reward"] <= -12},
    ]
    query = "SELECT row FROM rows WHERE input_quality >= 'good' AND NOT is_repeat AND instruct_reward > -12 LIMIT 10"
    selection = read_selection(Asked(query))
    with Judged(selection) as judged:
        judged.take([batch])
        judged.settle()
        found = costs(judged)
    assert [cost.alone for cost in found.steps] == [*map(len, misses), 890]
    in_turn = [misses[0], misses[1] - misses[0], misses[2] - misses[1] - misses[0]]
    assert [cost.in_turn for cost in found.steps[:3]] == [*map(len, in_turn)]
    only = [misses[0] - misses[1] - misses[2], misses[1] - misses[0] - misses[2], misses[2] - misses[0] - misses[1]]
    assert [cost.only for cost in found.steps] == [*map(len, only), None]
    assert found.rows == found.kept + sum(cost.in_turn for cost in found.steps)
    assert found.null["input_quality"] == sum(row["input_quality"] is None for row in given)
    assert f"NOT is_repeat drops {len(misses[1]):,}" in in_words(selection, found)


def test_the_same_rows_in_other_batches_have_the_same_fates() -> None:
    batch = made(400)
    asked = Asked("SELECT row FROM rows WHERE difficulty >= 'easy'", order="response DESC", limit=50)
    with Judged(read_selection(asked)) as judged:
        judged.take([batch])
        judged.settle()
        at_once = [row for table in judged.fates("not_selected") for row in table.to_pylist()]
    assert fates(asked, batch) == at_once


def test_a_clause_that_fails_at_a_row_is_named() -> None:
    batch = pa.RecordBatch.from_pylist([{"row": 0, "response": "many"}], SCHEMA)
    with pytest.raises(UserError, match=r"CAST\(response AS INT\) > 3: .*'many'"):
        fates(Asked("SELECT row FROM rows WHERE NOT is_repeat AND CAST(response AS INT) > 3"), batch)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("SELECT row FROM rows WHERE NOT is_repeat AND lenth(response) > 3", r"lenth\(response\) > 3: .*length"),
        ("SELECT row FROM rows WHERE response + 1 > 3", r"response \+ 1 > 3: No function matches"),
        ("SELECT row FROM rows WHERE is_repeat = 'maybe'", "is_repeat = 'maybe': .*'maybe'"),
        ("SELECT row FROM rows ORDER BY lenth(response)", r"lenth\(response\): "),
        ("SELECT row FROM rows QUALIFY rank() OVER (ORDER BY response) < 'a'", "QUALIFY: .*'a'"),
        ("SELECT row FROM rows WHERE getenv('HOME') = response", "getenv"),
        ("SELECT row FROM rows WHERE read_text('/etc/passwd') = response", "read_text"),
    ],
)
def test_a_mistake_shows_before_any_row_is_read(query: str, told: str) -> None:
    with pytest.raises(RecipeError, match=told):
        check_selection(read_selection(Asked(query)), SCHEMA)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT content FROM read_text('/etc/passwd')",
        "COPY (SELECT 1) TO '{here}/out.csv'",
        "ATTACH '{here}/other.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET memory_limit = '64GB'",
        "SET temp_directory = '{here}'",
        "FROM '{here}/table.parquet'",
    ],
)
def test_the_database_reads_nothing_writes_nothing_and_stays_so(query: str, tmp_path: Path) -> None:
    with sandbox() as connection, pytest.raises(duckdb.Error):
        connection.execute(query.format(here=tmp_path))
    assert list(tmp_path.iterdir()) == []
