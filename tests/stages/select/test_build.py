"""Selections in recipes: found, held against the columns that there are, and what a run makes of them."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest

from magpie.columns import LABELS
from magpie.errors import RecipeError, UserError
from magpie.executors.local import execute
from magpie.imports import import_dataset
from magpie.plan.plan import make_plan
from magpie.plan.resolve import resolve
from magpie.runs import Run
from magpie.stages.select.building import selections
from magpie.stages.select.reading import read_selection
from magpie.stages.select.selection import Asked

TABLE_5 = {
    "air": (["input_quality >= 'good'", "difficulty >= 'medium'", "NOT is_repeat", "reward_difference > 0"], 300_000),
    "pro": (["input_quality >= 'average'", "NOT is_repeat", "instruct_reward > -12"], 300_000),
    "pro-2": (["input_quality >= 'good'", "difficulty >= 'easy'", "NOT is_repeat", "instruct_reward > -12"], 300_000),
    "pro-3": (["NOT is_repeat", "instruct_reward > -12"], 300_000),
    "pro-4": (["input_quality >= 'good'", "difficulty >= 'easy'", "NOT is_repeat", "reward_difference > 0"], 300_000),
    "pro-5": (["input_quality >= 'good'", "difficulty >= 'easy'", "NOT is_repeat", "instruct_reward > -12"], None),
}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Conversations that were judged elsewhere."""
    draw, path = Random(5), tmp_path_factory.mktemp("set") / "set.jsonl"
    rows = [
        {
            "instruction": f"What is {row} plus {row}?",
            "response": "word " * draw.randrange(1, 60) + "end",
            "input_quality": draw.choice(LABELS["input_quality"]),
            "difficulty": draw.choice(LABELS["difficulty"]),
            "instruct_reward": draw.gauss(-8, 5),
            "is_repeat": draw.random() < 0.1,
            "min_neighbor_distance": draw.random(),
            "task_category": draw.choice(["Math", "Planning"]),
            "embedding": [draw.random() for _ in range(8)],
        }
        for row in range(200)
    ]
    path.write_bytes(b"\n".join(orjson.dumps(row) for row in rows))
    return path


@pytest.fixture
def imported(dataset: Path, tmp_path: Path) -> Path:
    import_dataset(dataset, tmp_path / "run")
    return tmp_path / "run"


def selected(path: Path, *settings: str) -> Run:
    return execute(resolve(None, path, settings), path)


def plan_error(path: Path, *settings: str) -> str:
    with pytest.raises(RecipeError) as raised:
        make_plan(resolve(None, path, settings))
    return str(raised.value)


@pytest.mark.parametrize("name", TABLE_5)
def test_the_shipped_selections_are_those_of_the_papers_table(name: str) -> None:
    clauses, limit = TABLE_5[name]
    selection = read_selection(Asked(selections()[name]))
    assert [clause.words for clause in selection.clauses] == clauses
    assert selection.limit == limit
    assert ("length(response) DESC NULLS LAST" in selection.settings()["order"]) == (limit is not None)


@pytest.mark.parametrize("limit", [7, 20, 200_000])
def test_half_of_pro_6_is_easy_and_half_is_harder_at_any_limit(imported: Path, limit: int) -> None:
    run = selected(imported, f"select={{keep: pro-6, limit: {limit}}}")
    rows = run.table().to_pylist()
    fit = [row for row in rows if not row["is_repeat"] and row["instruct_reward"] > -12]
    halves = [
        [row for row in fit if row["difficulty"] == "easy"],
        [row for row in fit if row["difficulty"] in ("medium", "hard", "very hard")],
    ]
    kept = [row["row"] for row in rows if row["selection_rank"] is not None]
    most = min(limit, 2 * min(map(len, halves)))
    assert len(kept) == most
    for half in halves:
        longest = sorted(half, key=lambda row: (-len(row["response"]), row["row"]))
        of_it = [row["row"] for row in half if row["row"] in kept]
        assert len(of_it) in (most // 2, most - most // 2)
        assert sorted(row["row"] for row in longest[: len(of_it)]) == of_it


def test_another_threshold_is_the_clause_left_out_and_one_added(imported: Path) -> None:
    """docs/selection.md: `--without instruct_reward --where "instruct_reward > -6"`."""
    run = selected(imported, "select={keep: pro-3, without: [instruct_reward], also: ['instruct_reward > -6']}")
    rows = run.table().to_pylist()
    wanted = [row["row"] for row in rows if not row["is_repeat"] and row["instruct_reward"] > -6]
    assert [row["row"] for row in rows if row["selection_rank"] is not None] == wanted
    assert 0 < len(wanted) < 100


@pytest.mark.parametrize(
    "clause",
    [
        "input_quality >= 'good'",
        "difficulty BETWEEN 'easy' AND 'hard'",
        "input_quality > 'poor' AND difficulty < 'hard'",
        "coalesce(input_quality, 'poor') <= 'average'",
        "'good' <= input_quality",
        "input_quality IN ('good', 'excellent')",
    ],
)
def test_a_selection_and_run_sql_mean_the_same(imported: Path, clause: str) -> None:
    run = selected(imported, f'select={{keep: "{clause}"}}')
    kept = run.sql("SELECT row FROM kept ORDER BY row").column("row").to_pylist()
    asked = run.sql(f"SELECT row FROM rows WHERE {clause} ORDER BY row").column("row").to_pylist()
    assert kept == asked
    assert 0 < len(kept) < 200


def test_a_judgment_that_all_rows_lack_is_told_with_what_makes_it(tmp_path: Path) -> None:
    rows = [{"instruction": f"Say {row}.", "response": "a", "input_quality": None} for row in range(5)]
    rows[0]["input_quality"] = "superb"
    rows.append({"instruction": "", "response": "dropped, with the only judgment", "input_quality": "good"})
    (tmp_path / "set.jsonl").write_bytes(b"\n".join(map(orjson.dumps, rows)))
    import_dataset(tmp_path / "set.jsonl", tmp_path / "run")
    with pytest.raises(UserError, match=r"input_quality is null in all 5 rows.*`magpie tag RUN` judges them"):
        selected(tmp_path / "run", "select={keep: \"input_quality >= 'good'\"}")
    assert selected(tmp_path / "run", "select={keep: input_quality IS NULL}").kept() == 5


def test_a_run_keeps_what_is_selected_and_the_rest_knows_why_it_is_not(imported: Path) -> None:
    run = selected(imported, "select={keep: pro, limit: 30}")
    rows = run.table().to_pylist()
    kept = sorted((row for row in rows if row["drop_reason"] is None), key=lambda row: row["selection_rank"])
    good = [
        row
        for row in rows
        if LABELS["input_quality"].index(row["input_quality"]) >= 2
        and not row["is_repeat"]
        and row["instruct_reward"] > -12
    ]
    good.sort(key=lambda row: (-len(row["response"]), row["row"]))
    assert [row["row"] for row in kept] == [row["row"] for row in good[:30]]
    assert len(rows) == 200
    assert {row["dropped_by"] for row in rows} == {None, "select"}


def test_the_papers_literal_distance_is_a_matter_of_two_settings(imported: Path) -> None:
    literal = "select={keep: pro, without: [is_repeat], also: ['min_neighbor_distance > 0']}"
    (planned,) = [p for p in make_plan(resolve(None, imported, (literal,))).stages if p.stage.name == "select"]
    assert planned.settings["clauses"] == [
        "input_quality >= 'average'", "instruct_reward > -12", "min_neighbor_distance > 0",
    ]  # fmt: skip
    assert planned.stage.reads == ("input_quality", "instruct_reward", "min_neighbor_distance", "response")


def test_a_smaller_limit_is_a_selection_of_its_own_and_going_back_makes_nothing(imported: Path) -> None:
    thirty = selected(imported, "select={keep: pro, limit: 30}").table()
    assert selected(imported, "select.limit=10").kept() == 10
    again = selected(imported, "select.limit=30")
    assert again.info["sessions"][-1]["stages"]["select"]["made"] == 0
    assert again.table().equals(thirty)


def test_the_run_says_what_each_clause_cost(imported: Path) -> None:
    run = selected(imported, "select={keep: pro, limit: 30}")
    report = run.info["sessions"][-1]["stages"]["select"]["report"]
    assert (report["rows"], report["kept"]) == (200, 30)
    assert sum(step["in_turn"] for step in report["steps"]) == 170


def test_diverse_rows_come_from_the_best_band_first(imported: Path) -> None:
    pytest.importorskip("numpy")
    run = selected(imported, "select={keep: NOT is_repeat, limit: 60, diverse: {bands: input_quality}}")
    query = "SELECT input_quality AS q, count(*) AS n FROM rows WHERE NOT is_repeat AND {0} GROUP BY q"
    there = {row["q"]: row["n"] for row in run.sql(query.format("true")).to_pylist()}
    kept = {row["q"]: row["n"] for row in run.sql(query.format("selection_rank IS NOT NULL")).to_pylist()}
    left = 60
    for label in reversed(LABELS["input_quality"]):
        assert kept.get(label, 0) == min(left, there[label])
        left -= min(left, there[label])


def test_a_shortlist_leaves_the_rest_without_a_response(tmp_path: Path) -> None:
    out = tmp_path / "run"
    clause = "length(instruction) % 2 = 0"
    run = execute(resolve(None, out, ("engine=scripted", "size=60", f"shortlist={{keep: {clause}}}")), out)
    rows = run.table().to_pylist()
    for row in rows:
        if row["instruction"] is not None and row["dropped_by"] != "instruct":
            even = len(row["instruction"]) % 2 == 0
            assert (row["response"] is not None) == even
            assert (row["drop_reason"] == f"not_shortlisted: {clause}") == (not even)
    assert any(row["response"] is None for row in rows)


def test_an_empty_shortlist_is_told_in_a_line_and_nothing_is_lost(tmp_path: Path) -> None:
    out = tmp_path / "run"
    empty = ("engine=scripted", "size=20", "shortlist={keep: \"length(instruction) > 9 AND instruction = 'no'\"}")
    with pytest.raises(UserError, match=r"the shortlist is empty: of \d+ rows .*instruction = 'no' drops \d+"):
        execute(resolve(None, out, empty), out)
    wider = execute(resolve(None, out, ("shortlist={keep: length(instruction) > 0}",)), out)
    assert wider.info["sessions"][-1]["stages"]["instruct"]["made"] == 0
    assert wider.kept() > 0


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ("shortlist={}", "input_quality is made by `tag`: add `tag: {}` to the recipe, or `magpie tag RUN`"),
        ("shortlist={keep: length(response) > 3}", "response is made by `respond`, after shortlist: a shortlist looks"),
        ("select={keep: pro}", "select: input_quality >= 'average': input_quality is made by `tag`"),
        ("select={keep: base_reward > 0}", "base_reward is made by `reward`"),
        ("select={keep: instuction = 'a'}", "no column is called 'instuction'; did you mean 'instruction'?"),
        ("select={keep: prro}", "no selection and no column is called 'prro'; did you mean 'pro'? (shipped: air"),
        ("select={keep: is_repeat}", "is_repeat is made by `neighbors`"),
        ("select={keep: \"id = 'x'\"}", "id is what readers of a run see"),
        ("select={limit: 5, diverse: {}}", "diverse: embedding is made by `embed`"),
        ("select={keep: 'lenth(response) > 3'}", "select: lenth(response) > 3: "),
        ("select={file: nowhere.sql}", "nowhere.sql: not a file of SQL that can be read"),
        ("select={keep: pro.sql}", "expected the file under file"),
        ("select={keep: pro, file: a.sql}", "two selections; expected one"),
    ],
)
def test_what_cannot_be_selected_by_is_told_before_anything_is_made(settings: str, told: str, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with pytest.raises(RecipeError) as raised:
        make_plan(resolve(None, out, ("engine=scripted", settings)))
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_column_that_a_stage_makes_only_when_asked_is_told_as_such(tmp_path: Path) -> None:
    settings = ("engine=scripted", "select={keep: reasoning IS NOT NULL}")
    assert "reasoning is made by `respond` only where its settings ask for it" in plan_error(
        tmp_path / "run", *settings
    )


def test_names_of_columns_are_understood_in_any_case(imported: Path) -> None:
    run: Any = selected(imported, "select={keep: Input_Quality >= 'excellent' AND not IS_REPEAT}")
    assert {row["input_quality"] for row in run.rows()} == {"excellent"}


@pytest.mark.parametrize("text", ["hunter2:x:0:0", "-- a note\nhunter2", "DROP hunter2", ""])
def test_an_error_quotes_nothing_of_a_file_that_is_no_selection(text: str, imported: Path, tmp_path: Path) -> None:
    path = tmp_path / "accounts"
    path.write_text(text)
    with pytest.raises(RecipeError, match="accounts: not a file of SQL; expected SELECT row") as refused:
        make_plan(resolve(None, imported, [f"select={{file: {path}}}"]))
    assert "hunter2" not in str(refused.value)


def test_a_file_of_sql_may_begin_with_comments(imported: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.sql"
    path.write_text("-- mine\n/* only\n these */ select row FROM rows WHERE NOT is_repeat LIMIT 3")
    assert make_plan(resolve(None, imported, [f"select={{file: {path}}}"])).stages[-1].name == "select"
