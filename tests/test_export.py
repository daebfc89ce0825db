"""Exports hold the kept rows, all of them and nothing else, in the shapes that trainers read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pyarrow.parquet as pq
import pytest

import magpie
from magpie.errors import StorageError
from magpie.export import Format, export
from magpie.runs import Run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("runs") / "air"
    return magpie.run(size=1500, out=out, settings=("engine=scripted", "shard_rows=200"))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("form", get_args(Format))
def test_every_format_has_every_kept_row_in_order(run: Run, tmp_path: Path, form: Format) -> None:
    path = tmp_path / "out"
    assert export(run, form, path) == run.kept()
    ids = pq.read_table(path).column("id").to_pylist() if form == "parquet" else [one["id"] for one in lines(path)]
    assert ids == run.table(kept=True).column("id").to_pylist()


def test_the_same_conversation_stands_in_every_format(run: Run, tmp_path: Path) -> None:
    for form in get_args(Format):
        export(run, form, tmp_path / form)
    messages, sharegpt, alpaca = (lines(tmp_path / form)[7] for form in ("messages", "sharegpt", "alpaca"))
    instruction, response = (turn["content"] for turn in messages["messages"])
    assert sharegpt["conversations"] == [
        {"from": "human", "value": instruction},
        {"from": "gpt", "value": response},
    ]
    assert (alpaca["instruction"], alpaca["input"], alpaca["output"]) == (instruction, "", response)
    row = pq.read_table(tmp_path / "parquet").to_pylist()[7]
    assert (row["instruction"], row["response"], row["messages"]) == (instruction, response, messages["messages"])


def test_a_json_file_is_one_array(run: Run, tmp_path: Path) -> None:
    export(run, "alpaca", tmp_path / "out.json")
    assert len(json.loads((tmp_path / "out.json").read_text())) == run.kept()


def test_a_parquet_file_has_no_columns_of_dropped_rows(run: Run, tmp_path: Path) -> None:
    export(run, "parquet", tmp_path / "out.parquet")
    names = set(pq.read_schema(tmp_path / "out.parquet").names)
    assert {"id", "instruction", "response", "messages"} <= names
    assert not names & {"drop_reason", "dropped_by", "error"}


def test_a_folder_in_the_place_of_the_file_is_a_user_s_mistake_and_leaves_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(StorageError):
        export(run, "messages", tmp_path / "out")
    assert [entry.name for entry in tmp_path.iterdir()] == ["out"]
