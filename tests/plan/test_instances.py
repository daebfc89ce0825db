"""A judging stage twice: `tag@second` is an ordinary stage whose columns are `difficulty__second`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import magpie
from magpie.cli import main
from magpie.columns import labels_of
from magpie.errors import RecipeError
from magpie.plan.load import check, dump
from magpie.plan.plan import make_plan
from magpie.plan.recipe import Recipe

RECIPE: dict[str, Any] = {
    "size": 8,
    "engine": "scripted",
    "instruct": {},
    "tag": {},
    "tag@second": {"sampling": {"max_tokens": 40}},
    "tag@first": {},
}


def call(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    with pytest.raises(SystemExit) as left:
        main([str(word) for word in words])
    captured = capsys.readouterr()
    assert not left.value.code, captured.err
    return captured.out


def entries(run: magpie.Run) -> dict[str, str]:
    return {stage["stage"]: stage["folder"].rpartition("-")[2] for stage in run.info["stages"]}


def test_instances_follow_their_base_in_order_and_have_columns_of_their_own() -> None:
    plan = make_plan(check(RECIPE, "recipe"))
    assert [planned.name for planned in plan.stages] == ["instruct", "tag", "tag@first", "tag@second", "respond"]
    base, first, _ = plan.stages[1:4]
    assert [column.name for column in first.stage.writes] == [f"{c.name}__first" for c in base.stage.writes]
    assert labels_of("difficulty__first") == labels_of("difficulty")
    assert len({planned.fingerprint for planned in plan.stages}) == 5


def test_an_instance_changes_no_other_fingerprint() -> None:
    alone = make_plan(check({key: value for key, value in RECIPE.items() if "@" not in key}, "recipe"))
    both = {planned.name: planned.fingerprint for planned in make_plan(check(RECIPE, "recipe")).stages}
    assert all(both[planned.name] == planned.fingerprint for planned in alone.stages)


def test_a_recipe_without_it_says_nothing_of_it_although_another_had_it() -> None:
    assert "tag@first" in dump(check(RECIPE, "recipe"))
    assert "@" not in dump(Recipe())


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("respond@second", "respond cannot be in a recipe twice: only stages that judge rows can"),
        ("tag@Second", "expected a name of small letters and digits behind the @"),
        ("tag@", "expected a name of small letters"),
        ("tag@../x", "expected a name of small letters"),
        ("tga@second", "unknown setting 'tga@second'"),
    ],
)
def test_what_cannot_be_there_twice_is_one_line(key: str, told: str) -> None:
    with pytest.raises(RecipeError, match=told.replace("(", r"\(")):
        check({key: {}}, "recipe")


def test_a_mistake_in_its_settings_names_its_place() -> None:
    with pytest.raises(RecipeError, match=r"unknown setting 'tag@second\.fats'; did you mean 'fast'"):
        check({"tag@second": {"fats": True}}, "recipe")


def test_a_run_with_a_second_judge(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Created by a command, resumed, selected from, explained, shown, reported and exported."""
    path = tmp_path / "run"
    settings = {"tag": {"fast": True}}
    before = entries(magpie.run(size=12, out=path, settings=settings, progress=False))
    call(capsys, "tag@second", path, "--set", "tag@second.fast=true", "--model", "fledgling")
    run = magpie.open_run(path)
    assert [stage.stage for stage in run.stages] == ["instruct", "tag", "tag@second", "respond"]
    assert {name: entries(run)[name] for name in before} == before
    rows = run.table().to_pylist()
    assert [row["difficulty__second"] for row in rows] == [row["difficulty"] for row in rows], "the same judge, fast"
    assert all(row["tag__second_tokens"] for row in rows)

    again = magpie.run(out=path, progress=False)
    assert again.info["sessions"][-1]["stages"]["tag@second"]["made"] == 0

    counted = "SELECT count(*) AS n FROM rows WHERE difficulty__second >= 'medium'"
    wanted = sum(labels_of("difficulty").index(row["difficulty"]) >= 2 for row in rows if row["difficulty"])
    assert run.sql(counted).to_pylist() == [{"n": wanted}]

    status = json.loads(call(capsys, "status", path, "--json"))
    assert "difficulty__second" in [judged["column"] for judged in status["judged"]]
    explained = call(capsys, "select", path, "--with", "difficulty__second >= 'very easy'", "--explain")
    assert "difficulty__second" in explained
    call(capsys, "select", path, "--with", "difficulty__second >= 'medium'")
    assert magpie.open_run(path).kept() == wanted
    call(capsys, "report", path, "--to", tmp_path / "report.html")
    assert "tag@second" in (tmp_path / "report.html").read_text()
    call(capsys, "export", path, "--to", tmp_path / "rows.parquet")
    call(capsys, "verify", path)


def test_rows_that_a_second_judge_drops_are_dropped_by_its_name(tmp_path: Path) -> None:
    settings = {"engine": "scripted", "safety@second": {"model": "fledgling-guard", "engine": "llamacpp", "drop": True}}
    run = magpie.run(size=12, out=tmp_path / "run", settings=settings, progress=False)
    names = {column.name for stage in run.stages for column in stage.columns if stage.stage == "safety@second"}
    assert "safety__second" in names
    assert set(run.table()["dropped_by"].to_pylist()) <= {None, "safety@second", "respond", "instruct"}
