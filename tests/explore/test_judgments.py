"""What a run's rows were judged to be, and how far the run is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from magpie.explore.judgments import Judgment, judgments, plain
from magpie.explore.state import state_of
from magpie.imports import import_dataset
from magpie.runs import Run, RunFolder, open_run
from tests.runs.kept import kept_run


def imported(place: Path, *rows: Mapping[str, object]) -> Run:
    (place / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    import_dataset(place / "rows.jsonl", place / "run")
    return open_run(place / "run")


def by_column(run: Run, stage: str | None = None) -> dict[str, Judgment]:
    return {judgment.column: judgment for judgment in judgments(run, stage)}


def test_every_figure_is_the_one_that_a_query_gives(tmp_path: Path) -> None:
    run = open_run(kept_run("mini", tmp_path))
    found = by_column(run)
    assert {"input_quality", "difficulty", "task_category", "safety", "instruct_reward"} <= set(found)
    for column in ("input_quality", "difficulty", "task_category", "language"):
        counted = run.sql(
            f"SELECT {column} AS value, count(*) AS n, count(*) FILTER (row IN (SELECT row FROM kept)) AS kept "
            f"FROM rows WHERE {column} IS NOT NULL GROUP BY ALL"
        ).to_pylist()
        if counted:
            expected = {line["value"]: (line["n"], line["kept"]) for line in counted}
            assert {value.value: (value.rows, value.kept) for value in found[column].values} == expected
    median = run.sql("SELECT quantile_cont(instruct_reward, 0.5) AS m FROM rows").to_pylist()[0]["m"]
    assert found["instruct_reward"].quantiles[2] == pytest.approx(median)


def test_labels_with_an_order_come_best_first_and_others_by_count(tmp_path: Path) -> None:
    rows = [("good", "Math"), ("excellent", "Editing"), ("very poor", "Math"), ("good", "Math")]
    run = imported(
        tmp_path, *({"instruction": f"{n}?", "input_quality": q, "task_category": c} for n, (q, c) in enumerate(rows))
    )
    found = by_column(run)
    assert [value.value for value in found["input_quality"].values] == ["excellent", "good", "very poor"]
    assert [(value.value, value.rows) for value in found["task_category"].values] == [("Math", 3), ("Editing", 1)]


def test_flags_kinds_and_numbers_count_only_rows_that_were_judged(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"instruction": "a", "pii": ["email", "email", "phone"], "is_repeat": True, "instruct_reward": 1.0},
        {"instruction": "b", "pii": ["email"], "is_repeat": False, "instruct_reward": 3.0},
        {"instruction": "c", "pii": [], "is_repeat": None, "instruct_reward": None},
        {"instruction": "d", "pii": None, "is_repeat": None},
    ]
    found = by_column(imported(tmp_path, *rows))
    assert (found["pii"].rows, found["pii"].flagged) == (3, 2)
    assert [(value.value, value.rows) for value in found["pii"].values] == [("email", 2), ("phone", 1)]
    assert (found["is_repeat"].rows, found["is_repeat"].flagged) == (2, 1)
    assert (found["instruct_reward"].rows, found["instruct_reward"].quantiles[2]) == (2, 2.0)
    assert "safety" not in found, "what nobody judged is left out"


def test_thousands_of_labels_and_long_ones_are_counted_in_short(tmp_path: Path) -> None:
    rows = [{"instruction": f"{n}?", "task_category": f"{n} " + "x" * 5_000} for n in range(300)]
    (judgment,) = judgments(imported(tmp_path, *rows))
    assert (judgment.rows, len(judgment.values)) == (300, 50)
    assert max(len(value.value) for value in judgment.values) == 200


def test_one_stage_is_judged_by_its_own_rows(tmp_path: Path) -> None:
    run = open_run(kept_run("mini", tmp_path))
    assert set(by_column(run, "tag")) == {"input_quality", "difficulty", "task_category"}
    tagged = run.sql("SELECT count(*) AS n FROM tag").to_pylist()[0]["n"]
    assert by_column(run, "tag")["input_quality"].rows == tagged
    assert judgments(run, "dedup") == ()


def test_as_json_each_judgment_has_its_figures(tmp_path: Path) -> None:
    found = plain(judgments(open_run(kept_run("mini", tmp_path))))
    assert json.loads(json.dumps(found)) == found
    assert next(each for each in found if each["column"] == "instruct_reward")["quantiles"].keys() == {
        "0.05", "0.25", "0.5", "0.75", "0.95"
    }  # fmt: skip


def test_a_run_in_the_middle_says_which_stage_is_how_far(tmp_path: Path) -> None:
    state = state_of(open_run(kept_run("killed-tag", tmp_path)))
    assert state.current is not None
    assert (state.current.counts.stage, state.current.position) == ("tag", 2)
    assert (state.current.done, state.current.wanted, state.current.pending) == (15, 40, 25)
    assert not state.working


def test_a_run_that_is_complete_has_nothing_pending(tmp_path: Path) -> None:
    assert state_of(open_run(kept_run("mini", tmp_path))).current is None


def test_a_run_that_a_process_works_on_is_known_by_its_lock(tmp_path: Path) -> None:
    folder = RunFolder(kept_run("killed-tag", tmp_path))
    with folder.locked():
        assert state_of(open_run(folder.path)).working
    assert not folder.is_locked()
