"""Every record of an export has the same keys and types from the first line on, so that readers that look at the first
lines alone read all of it; and columns stand beside a format's own keys where they are asked for."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest

from magpie.errors import RunError, UserError
from magpie.export import FORMATS, Options, export
from magpie.export.query import COLUMNS
from magpie.export.trainers import TRAINERS
from magpie.imports import import_dataset
from magpie.runs import Run

LATE = 30
"""The first row that has every value."""


@pytest.fixture(scope="module")
def late(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Values that first appear in the last rows: reasoning, further turns, rewards, tags, a system prompt."""
    return run_of(tmp_path_factory.mktemp("late"), [document(number, number >= LATE) for number in range(40)])


def run_of(folder: Path, rows: list[dict[str, Any]]) -> Run:
    (folder / "set.jsonl").write_bytes(b"\n".join(map(orjson.dumps, rows)))
    return import_dataset(folder / "set.jsonl", folder / "run")[0]


def document(number: int, whole: bool, length: int = 10) -> dict[str, Any]:
    text = f"{number} " + "x" * length
    row = {"instruction": f"Say {number}.", "response": text, "chosen": text, "rejected": "no"}
    further = {
        "reasoning": f"Hm {number}.",
        "system": "Be brief.",
        "turns": [{"role": "user", "content": "And?"}, {"role": "assistant", "content": f"And {number}."}],
        "chosen_reward": 1.5,
        "rejected_reward": -0.5,
        "language": "en",
        "pii": ["email"],
        "other_task_category": ["Math"],
    }
    return row | further if whole else row


def shape_of(value: Any) -> Any:
    """A value's type, all the way down; of a list that of its elements."""
    if isinstance(value, dict):
        return {key: shape_of(part) for key, part in value.items()}
    if isinstance(value, list):
        return [shape_of(value[0])] if value else []
    return type(value)


def fits(value: Any, first: Any) -> bool:
    """Whether a later value may stand where the first record had one of such a shape."""
    if value is None or value == []:
        return True
    if isinstance(value, dict):
        return value.keys() == first.keys() and all(fits(part, first[key]) for key, part in value.items())
    if isinstance(value, list):
        return all(fits(part, first[0]) for part in value)
    return type(value) is first


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


CASES = {
    "messages": ("none", "field", "inside"),
    "sharegpt": ("inside",),
    "alpaca": ("inside",),
    "sft": ("field",),
    "axolotl": ("field",),
    "llama-factory": ("inside",),
}


@pytest.mark.parametrize(
    ("form", "reasoning"),
    [(form, asked) for form in FORMATS if form != COLUMNS for asked in CASES.get(form, ("none",))],
)
def test_every_record_fits_the_first_one(late: Run, tmp_path: Path, form: str, reasoning: Any) -> None:
    options = Options(system=True, reasoning=reasoning, columns=("language", "pii", "other_task_category"))
    to = tmp_path / ("set" if form in TRAINERS else "set.jsonl")
    export(late, form, to, options)
    found = lines(to / "train.jsonl" if to.is_dir() else to)
    first = shape_of(found[0])
    assert "<class 'NoneType'>" not in str(first)
    assert "[]" not in str(first)
    assert all(record.keys() == found[0].keys() and fits(record, first) for record in found)
    assert len(found) == late.kept() * (2 if form == "kto" else 1)
    if form == "messages" and reasoning == "none":
        said = {record["id"]: record["messages"] for record in found}
        assert said["run-00000000"] == [{"role": "user", "content": "Say 0."}, answer("0 xxxxxxxxxx")]
        assert said["run-00000039"][0] == {"role": "system", "content": "Be brief."}


def answer(content: str) -> dict[str, str]:
    return {"role": "assistant", "content": content}


@pytest.mark.parametrize("form", ["sharegpt", "alpaca", "llama-factory"])
def test_reasoning_beside_a_text_is_refused_where_no_reader_would_find_it(late: Run, tmp_path: Path, form: str) -> None:
    with pytest.raises(UserError, match="has no place beside a text; expected --reasoning inside"):
        export(late, form, tmp_path / "set", Options(reasoning="field"))


def test_only_rows_that_are_needed_come_first_and_the_others_keep_their_order(late: Run, tmp_path: Path) -> None:
    export(late, "messages", tmp_path / "plain.jsonl")
    assert [record["id"] for record in lines(tmp_path / "plain.jsonl")] == [row["id"] for row in late.rows()]
    export(late, "messages", tmp_path / "tagged.jsonl", Options(columns=("language",)))
    ids = [record["id"] for record in lines(tmp_path / "tagged.jsonl")]
    assert ids == [f"run-{number:08d}" for number in (LATE, *range(LATE), *range(LATE + 1, 40))]


def test_columns_stand_beside_the_keys_in_every_kind_of_file(late: Run, tmp_path: Path) -> None:
    asked = Options(columns=("language", "chosen_reward"))
    export(late, "alpaca", tmp_path / "set.json", asked)
    export(late, "alpaca", tmp_path / "set.parquet", asked)
    found = {record["id"]: record for record in json.loads((tmp_path / "set.json").read_text())}
    assert found["run-00000039"]["language"] == "en"
    assert found["run-00000000"]["chosen_reward"] is None
    assert pq.read_table(tmp_path / "set.parquet").to_pylist()[39] == found["run-00000039"]


@pytest.mark.parametrize(
    ("form", "columns", "told"),
    [
        ("messages", ("langage",), "--columns langage: the run has no such column; there are .*language"),
        ("alpaca", ("instruction",), "alpaca has a key of that name already"),
        ("parquet", ("language",), "parquet holds every column already"),
    ],
)
def test_a_column_that_cannot_stand_there_is_told(
    late: Run, tmp_path: Path, form: str, columns: tuple[str, ...], told: str
) -> None:
    with pytest.raises(UserError, match=told):
        export(late, form, tmp_path / ("x" if form == "parquet" else "x.jsonl"), Options(columns=columns))
    assert list(tmp_path.iterdir()) == []


def test_every_column_as_parquet_has_conversations_beside_messages(late: Run, tmp_path: Path) -> None:
    export(late, "parquet", tmp_path / "set.parquet")
    table = pq.read_table(tmp_path / "set.parquet")
    assert table.column_names.index("conversations") == table.column_names.index("messages") + 1
    row = table.to_pylist()[39]
    speakers = {"human": "user", "gpt": "assistant"}
    assert [(speakers[turn["from"]], turn["value"]) for turn in row["conversations"]] == [
        (message["role"], message["content"]) for message in row["messages"]
    ]
    assert len(row["messages"]) == 4


@pytest.mark.parametrize("name", ["x.csv", "x.JSONLX", "x.arrow", "x.jsonl.gz", "my.bz2"])
def test_an_ending_that_no_export_writes_is_refused(late: Run, tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="no export writes"):
        export(late, "messages", tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_names_with_a_point_that_are_no_endings_are_folders_and_endings_count_in_any_case(
    late: Run, tmp_path: Path
) -> None:
    export(late, "messages", tmp_path / "pro.v2")
    assert (tmp_path / "pro.v2" / "README.md").exists()
    export(late, "messages", tmp_path / "SET.JSONL")
    assert len(lines(tmp_path / "SET.JSONL")) == 40


def test_a_hint_names_a_format_that_the_run_can_fill(tmp_path: Path) -> None:
    answered = run_of(tmp_path, [{"instruction": "Hi", "response": "Hello"}])
    with pytest.raises(RunError, match=r"dpo needs the column.* chosen.*use messages"):
        export(answered, "dpo", tmp_path / "x.jsonl")


def test_rows_that_lack_what_the_format_shows_are_counted(tmp_path: Path) -> None:
    some = run_of(tmp_path, [{"instruction": "a", "response": "b"}, {"instruction": "c"}])
    made = export(some, "messages", tmp_path / "x.jsonl")
    assert (made.rows, made.left_out) == (1, 1)


@pytest.mark.train
@pytest.mark.skipif(find_spec("datasets") is None, reason="datasets is not installed here (scripts/env-engines.sh)")
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(("form", "reasoning"), [("messages", "field"), ("dpo", "none"), ("alpaca", "inside")])
def test_datasets_reads_50_000_rows_whose_optional_values_come_last(tmp_path: Path, form: str, reasoning: Any) -> None:
    from datasets import load_dataset

    run = run_of(tmp_path, [document(number, number >= 49_000, 300) for number in range(50_000)])
    columns = ("language", "pii") if form == "messages" else ()
    export(run, form, tmp_path / "out.jsonl", Options(reasoning=reasoning, columns=columns))
    assert (tmp_path / "out.jsonl").stat().st_size > 15 << 20
    found = load_dataset("json", data_files=str(tmp_path / "out.jsonl"), cache_dir=str(tmp_path / "cache"))["train"]
    assert len(found) == 50_000
