"""Rows of a run by condition, order and id: through the sandbox that selections go through."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from magpie.errors import RecipeError, RunError, UserError
from magpie.explore.rows import Search, find_rows, read_rows, twin_rows
from magpie.imports import import_dataset
from magpie.runs import Run, RunFolder, open_run, write_sealed
from magpie.stages.select.reading import read_selection
from magpie.stages.select.selection import Asked

QUALITIES = ("very poor", "good", "excellent", "poor", "average")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    place = tmp_path_factory.mktemp("rows")
    rows = [
        {"instruction": f"{n}?", "response": "x" * max(n, 1), "input_quality": QUALITIES[n % 5], "embedding": [n, 1.0]}
        for n in range(50)
    ]
    rows.append({"instruction": "", "response": "dropped"})
    return imported(place, *rows)


def imported(place: Path, *rows: Mapping[str, object]) -> Run:
    (place / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    import_dataset(place / "rows.jsonl", place / "run")
    return open_run(place / "run")


def test_labels_compare_by_their_order_and_not_as_text(run: Run) -> None:
    found = find_rows(run, Search(where=("input_quality >= 'good'", "length(response) < 8")), 10)
    assert found.rows == (1, 2, 6, 7)


@pytest.mark.parametrize("name", ["input_quality__second", "original_input_quality"])
def test_labels_of_a_second_instance_and_of_what_was_made_anew_compare_by_their_order(
    name: str, tmp_path: Path
) -> None:
    run = imported(tmp_path, *({"instruction": str(n), "input_quality": each} for n, each in enumerate(QUALITIES)))
    shard = run.stages[0].shard(0)
    table = shard.sealed()
    assert table is not None
    names = [name if column == "input_quality" else column for column in table.column_names]
    write_sealed(shard, table.rename_columns(names), "")
    told = (run.path / "run.json").read_text().replace('"input_quality"', f'"{name}"')
    RunFolder(run.path).write_index(json.loads(told))
    renamed = open_run(run.path)
    assert renamed.sql(f"SELECT row FROM rows WHERE {name} >= 'good' ORDER BY row")["row"].to_pylist() == [1, 2]
    assert find_rows(renamed, Search(where=(f"{name} >= 'good'",)), 10).rows == (1, 2)
    assert find_rows(renamed, Search(sort=f"{name} DESC"), 2).rows == (2, 1)
    selection = read_selection(Asked(f"SELECT row FROM rows WHERE {name.upper()} >= 'good'"))
    assert selection.labels == (name,)


def test_an_order_gives_the_first_rows_and_without_one_they_are_spread(run: Run) -> None:
    assert find_rows(run, Search(sort="input_quality DESC, length(response) DESC"), 3).rows == (47, 42, 37)
    assert find_rows(run, Search(), 5).rows == (0, 10, 20, 30, 40)
    found = find_rows(run, Search(where=("length(response) >= 40",)), 2)
    assert (found.rows, found.matching) == ((40, 45), 10)


def test_what_a_stage_dropped_can_be_asked_for_and_is_counted_beside(run: Run) -> None:
    where = ("drop_reason IS NOT NULL",)
    kept = find_rows(run, Search("kept", where), 5)
    assert (kept.rows, kept.elsewhere) == ((), 1)
    assert find_rows(run, Search("dropped", where), 5).rows == find_rows(run, Search("all", where), 5).rows == (50,)


@pytest.mark.parametrize("given", ["7", "run-00000007", " run-7 "])
def test_a_row_is_found_by_its_id_or_number(run: Run, given: str) -> None:
    assert find_rows(run, Search(ids=(given,)), 5).rows == (7,)


@pytest.mark.parametrize("given", ["51", "-1", "other-00000007", "7; DROP TABLE rows", "x\x1b[0m", "9" * 400])
def test_an_id_that_the_run_does_not_have_is_refused_with_those_it_has(run: Run, given: str) -> None:
    with pytest.raises(RunError, match="expected run-00000000 to run-00000050") as refused:
        find_rows(run, Search(ids=(given,)), 5)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    "condition",
    [
        "1=1) UNION SELECT row FROM rows --",
        "read_text('/etc/passwd') = 'x'",
        "row IN (SELECT row FROM rows)",
        "1; DROP TABLE rows",
        "getenv('HOME') <> ''",
        "quality = 'good'",
        "input_quality >= 'goood'",
        "difficulty = 'easy'",
    ],
)
def test_a_condition_that_does_more_than_look_at_a_row_is_refused(run: Run, condition: str) -> None:
    with pytest.raises(RecipeError):
        find_rows(run, Search(where=(condition,)), 5)
    with pytest.raises(UserError):
        find_rows(run, Search(sort=f"({condition})"), 5)


def test_a_column_that_is_not_there_is_named_with_what_makes_it(run: Run) -> None:
    with pytest.raises(RecipeError, match="the stage `tag` makes it"):
        find_rows(run, Search(where=("difficulty = 'easy'",)), 5)
    with pytest.raises(RecipeError, match="did you mean response"):
        read_rows(run, [1], ["respons"])


def test_raw_vectors_are_read_only_where_they_are_asked_for(run: Run) -> None:
    (row,) = read_rows(run, [3])
    assert "embedding" not in row
    assert row["instruction"] == "3?"
    assert read_rows(run, [4, 3], ["EMBEDDING"]) == [
        {"id": "run-00000004", "row": 4, "embedding": [4.0, 1.0]},
        {"id": "run-00000003", "row": 3, "embedding": [3.0, 1.0]},
    ]


def test_a_duplicate_has_the_first_one_as_its_twin_and_a_repeat_the_nearest() -> None:
    rows: list[dict[str, Any]] = [
        {"row": 1, "duplicate_of": 0, "is_repeat": None, "nearest_row": None},
        {"row": 2, "duplicate_of": None, "is_repeat": True, "nearest_row": 5},
        {"row": 3, "duplicate_of": None, "is_repeat": False, "nearest_row": 5},
        {"row": 4},
    ]
    assert twin_rows(rows) == {1: 0, 2: 5}
