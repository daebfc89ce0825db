"""Imported rows and every later stage: what a stage makes counts, what was imported stays readable beside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from magpie.columns import Column, labels_of, outdated
from magpie.engines.scripted import open_scripted
from magpie.errors import RecipeError
from magpie.executors.local import execute_plan
from magpie.export import Options, export
from magpie.imports import import_dataset
from magpie.plan.plan import make_plan
from magpie.plan.registry import STAGES, column_map
from magpie.plan.resolve import resolve
from magpie.runs import Run, RunFolder, StageFolder, open_run, write_sealed
from magpie.runs.shards import arrow_schema
from magpie.seams import Engine
from magpie.settings.engines import Scripted as ScriptedSettings

TALK = [
    {"role": "system", "content": "Be terse."},
    {"role": "user", "content": "What is 3 plus 4?"},
    {"role": "assistant", "content": "Seven.", "reasoning_content": "Three and four."},
    {"role": "user", "content": "And 5?"},
    {"role": "assistant", "content": "Twelve.", "reasoning_content": "Seven and five."},
    {"role": "user", "content": "Thanks"},
]
JUDGED = {"instruct_reward": 1.5, "input_quality": "good", "difficulty": "easy", "source": "s", "llama_guard_2": "safe"}


def imported(folder: Path, *documents: dict[str, Any]) -> Run:
    path = folder / "set.jsonl"
    path.write_bytes(b"\n".join(orjson.dumps(document) for document in documents))
    run, _ = import_dataset(path, folder / "run")
    return run


def with_stage(run: Run, says: str, *settings: str) -> Run:
    """The run with a stage in which every request is answered by the prompt's last words and `says`."""

    @contextmanager
    def opener(_: Any) -> Iterator[Engine]:
        with open_scripted(ScriptedSettings(), lambda _: says) as engine:
            yield engine

    plan = make_plan(resolve(None, run.path, ("model=fledgling", "engine=scripted", *settings)))
    execute_plan(plan, RunFolder(run.path), opener=opener)
    return open_run(run.path)


@pytest.mark.parametrize(
    "spec", [spec for spec in STAGES if spec.name not in ("import", "instruct")], ids=lambda s: s.name
)
def test_a_run_can_be_read_whichever_stage_writes_what_was_imported_too(spec: Any, tmp_path: Path) -> None:
    """Every column of the stage was imported, and is made again: both are there."""
    run = imported(tmp_path, {"instruction": "a", "response": "b"})
    (first,) = run.stages
    columns = tuple({column.name: column for column in (*first.columns, *spec.columns, *spec.rewrites)}.values())
    again = StageFolder(run.path / f"1-{spec.name}-00000000", spec.name, (*spec.columns, *spec.rewrites))
    for stage, all_columns in ((first, columns), (again, again.columns)):
        row = {"row": 0, "instruction": "a", **{column.name: _value(column, stage.stage) for column in all_columns}}
        counts = {"prompt_tokens": 0, "completion_tokens": 0, "wasted_tokens": 0, "input_digest": 0}
        stage.make()
        schema = arrow_schema(all_columns)
        write_sealed(stage.shard(0), _table([row | counts], schema), "")
    index = dict(run.info)
    entry = {"folder": again.path.name, "stage": spec.name, "reads": [], "kind": "row"}
    plain = [{"name": c.name, "type": c.type, "meaning": c.meaning, "unit": c.unit} for c in again.columns]
    index["stages"][0]["columns"] = [
        {"name": c.name, "type": c.type, "meaning": c.meaning, "unit": c.unit} for c in columns
    ]
    index["stages"].append(entry | {"columns": plain})
    RunFolder(run.path).write_index(index)
    (row,) = open_run(run.path).table().to_pylist()
    hidden = outdated(
        {c.name: spec.name for c in again.columns} | {c.name: "import" for c in columns if c not in again.columns}
    )
    for column in again.columns:
        assert row[column.name] == _value(column, spec.name), column.name
        assert row[f"original_{column.name}"] == _value(column, "import"), column.name
    assert all(name not in row and f"original_{name}" in row for name in hidden)
    assert open_run(run.path).counts()


def _table(rows: list[dict[str, Any]], schema: Any) -> Any:
    import pyarrow as pa

    return pa.Table.from_pylist(rows, schema=schema)


def _value(column: Column, stage: str) -> Any:
    """A value of the column's type that says which stage wrote it."""
    number = len(stage)
    labels = labels_of(column.name)
    return {
        "string": labels[number % len(labels)] if labels else stage,
        "int32": number,
        "int64": number,
        "double": float(number),
        "bool": number % 2 == 0,
        "list<string>": [stage],
        "list<double>": [float(number)],
        "list<float>": [float(number)],
        "messages": [{"role": "user", "content": stage}, {"role": "assistant", "content": stage}],
        "responses": [{"response": stage, "reasoning": None, "model": None, "finish_reason": None, "tokens": None}],
    }[column.type]


def test_a_conversation_is_answered_again_turn_by_turn_under_its_own_system_prompt(tmp_path: Path) -> None:
    run = imported(tmp_path, {"messages": TALK, **JUDGED}, {"instruction": "Alone?"})
    (talk, alone) = with_stage(run, "New.", "respond={}").table().to_pylist()
    said = [(turn["role"], turn["content"]) for turn in talk["messages"]]
    questions = ["What is 3 plus 4?", "And 5?", "Thanks"]
    assert said == [pair for question in questions for pair in (("user", question), ("assistant", "New."))]
    assert alone["messages"][1]["content"] == "New."
    assert (talk["original_response"], talk["original_turns"][1]["content"]) == ("Seven.", "Twelve.")
    assert talk["original_turn_reasoning"] == [None, "Seven and five.", None]
    stages = {stage.stage: stage for stage in open_run(run.path).stages}
    assert stages["respond"].reads == ("instruction", "system", "turns")


def test_what_was_said_of_the_old_answer_counts_no_more(tmp_path: Path) -> None:
    run = imported(tmp_path, {"messages": TALK, **JUDGED})
    (before,) = run.table().to_pylist()
    assert (before["instruct_reward"], before["safety"], before["reasoning"]) == (1.5, "safe", "Three and four.")
    run = with_stage(run, "New.", "respond={}")
    (row,) = run.table().to_pylist()
    for name in ("instruct_reward", "safety", "reasoning", "turn_reasoning"):
        assert name not in row, name
        assert row[f"original_{name}"] == before[name], name
    assert row["input_quality"] == "good", "this is said of the instruction"
    settings = ("select.keep=instruct_reward > 1",)
    with pytest.raises(RecipeError, match="instruct_reward"):
        with_stage(run, "", *settings)


@pytest.mark.parametrize(
    ("anew", "hidden"),
    [
        ("response", "reasoning turns turn_reasoning ended_by instruct_reward reward_difference safety"),
        ("turns", "turn_reasoning ended_by"),
        ("responses", "response_rewards response_choice"),
        ("base_response", "base_reward reward_difference"),
        ("instruct_reward", "reward_difference"),
        ("input_quality", "quality_explanation quality_score input_quality_probs"),
        ("safety", "safety_categories harm_probability"),
        ("chosen", "pair_prompt chosen_reward chosen_model"),
        ("instruction_raw", ""),
    ],
)
def test_what_is_said_of_a_column_goes_with_it(anew: str, hidden: str) -> None:
    imported_columns = dict.fromkeys(column_map().columns, "import")
    found = set(outdated({**imported_columns, anew: "later"}))
    assert set(hidden.split()) <= found - {anew}


def test_the_new_answer_can_be_set_against_the_old_one(tmp_path: Path) -> None:
    run = imported(tmp_path, {"messages": TALK})
    (row,) = with_stage(run, "New.", "respond.with_original=true").table().to_pylist()
    assert [(one["response"], one["model"]) for one in row["responses"]][1] == ("Seven.", "original")
    assert row["responses"][0]["response"] == "New."
    assert row["response"] == "Seven."


def test_extra_keys_are_there_in_sql_in_selections_and_in_exports(tmp_path: Path) -> None:
    run = imported(tmp_path, *({"instruction": f"a{n}", "response": "b", "score": n, "tag": f"t{n}"} for n in range(4)))
    assert run.sql("SELECT sum(meta.score) AS n FROM rows").column("n")[0].as_py() == 6
    run = with_stage(run, "", "select.keep=meta.score > 1")
    assert [row["meta"]["tag"] for row in run.rows()] == ["t2", "t3"]
    export(run, "parquet", tmp_path / "out.parquet")
    again, _ = import_dataset(tmp_path / "out.parquet", tmp_path / "again")
    assert [row["meta"]["score"] for row in again.rows()] == [2, 3]


def test_every_column_of_every_stage_has_one_type() -> None:
    assert {
        spec.name for spec in STAGES for column in spec.rewrites if column != column_map().columns[column.name]
    } == set()


def test_thoughts_of_later_turns_and_long_prompts_go_out_as_they_came(tmp_path: Path) -> None:
    talk = [turn for turn in TALK if turn["role"] != "system"][:4]
    pair = {
        "chosen": [*talk[:3], {"role": "assistant", "content": "y"}],
        "rejected": [*talk[:3], {"role": "assistant", "content": "n"}],
    }
    run = imported(tmp_path, {"messages": talk}, pair)
    for reasoning in ("field", "inside"):
        export(run, "messages", tmp_path / f"{reasoning}.jsonl", Options(reasoning=reasoning))
        again, _ = import_dataset(tmp_path / f"{reasoning}.jsonl", tmp_path / reasoning)
        names = ("messages", "reasoning", "turn_reasoning")
        (first, other), (was, _) = list(again.rows()), list(run.rows())
        assert [first[name] for name in names] == [was[name] for name in names]
        assert [turn["content"] for turn in other["messages"]] == ["What is 3 plus 4?", "Seven.", "And 5?", "y"]
    export(run, "dpo", tmp_path / "dpo.jsonl")
    again, _ = import_dataset(tmp_path / "dpo.jsonl", tmp_path / "dpo")
    (row,) = again.rows()
    assert [turn["content"] for turn in row["pair_prompt"]] == ["What is 3 plus 4?", "Seven.", "And 5?"]
    assert (row["chosen"], row["rejected"]) == ("y", "n")
