"""Benchmark files of the usual formats, and what is said of those without prompts."""

from __future__ import annotations

import gzip
import json
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from magpie.errors import MissingExtra, RecipeError
from magpie.install import install_hint_for
from magpie.stages.decontaminate.benchmarks import Source, read_prompts

ROWS = [{"id": 1, "question": "What is rain?"}, {"id": 2, "question": "What is\nsnow?"}]
PROMPTS = ["What is rain?", "What is\nsnow?"]


def written(folder: Path, name: str) -> Path:
    path = folder / name
    match path.name.partition(".")[2]:
        case "jsonl":
            path.write_text("\n".join(map(json.dumps, ROWS)) + "\n\n")
        case "jsonl.gz":
            path.write_bytes(gzip.compress("\n".join(map(json.dumps, ROWS)).encode()))
        case "json":
            path.write_text(json.dumps({"version": 1, "data": ROWS}))
        case "csv":
            path.write_text('id,question\n1,What is rain?\n2,"What is\nsnow?"\n')
        case "tsv":
            path.write_text('id\tquestion\n1\tWhat is rain?\n2\t"What is\nsnow?"\n')
        case "parquet":
            parquet.write_table(pa.Table.from_pylist(ROWS), path)
    return path


@pytest.mark.parametrize("name", ["b.jsonl", "b.jsonl.gz", "b.json", "b.csv", "b.tsv", "b.parquet"])
def test_every_format_gives_the_same_prompts(tmp_path: Path, name: str) -> None:
    assert read_prompts(Source("b", written(tmp_path, name))) == PROMPTS


def test_lists_and_messages_give_what_the_user_says(tmp_path: Path) -> None:
    path = tmp_path / "b.jsonl"
    talk = [{"role": "user", "content": "One?"}, {"role": "assistant", "content": "No."}]
    sharegpt = [{"from": "human", "value": "Two?"}, {"from": "gpt", "value": "No."}]
    path.write_text("\n".join(json.dumps({"turns": turns}) for turns in (talk, sharegpt, ["Three?", "Four?"])))
    assert read_prompts(Source("b", path)) == ["One?", "Two?", "Three?", "Four?"]


def test_a_text_file_has_a_prompt_a_line_each_once(tmp_path: Path) -> None:
    path = tmp_path / "b.txt"
    path.write_text("One?\n\nTwo?\nOne?\n")
    assert read_prompts(Source("b", path)) == ["One?", "Two?"]


def test_named_columns_win_over_usual_ones(tmp_path: Path) -> None:
    path = tmp_path / "b.jsonl"
    path.write_text(json.dumps({"question": "One?", "hint": "Two", "passage": "Three"}))
    assert read_prompts(Source("b", path, columns=("passage", "hint"))) == ["Three", "Two"]


@pytest.mark.parametrize("columns", [(), ("prompt",), ("answer",)])
def test_a_file_without_text_is_named_with_its_columns(tmp_path: Path, columns: tuple[str, ...]) -> None:
    path = tmp_path / "b.jsonl"
    path.write_text(json.dumps({"id": 1, "answer": 4}))
    with pytest.raises(RecipeError) as raised:
        read_prompts(Source("b", path, columns=columns))
    assert str(path) in str(raised.value)
    assert "id, answer" in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [("gone.jsonl", None), ("b.docx", b"x"), ("b.jsonl", b"{not json"), ("b.json", b""), ("b.parquet", b"PAR")],
)
def test_a_file_that_cannot_be_read_is_one_clear_line(tmp_path: Path, name: str, content: bytes | None) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RecipeError, match=name) as raised:
        read_prompts(Source("b", path))
    assert "\n" not in str(raised.value)


def test_a_data_set_of_the_hub_is_read_by_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def load_dataset(*place: Any, **settings: Any) -> list[dict[str, Any]]:
        asked.append((*place, settings))
        return ROWS

    library = ModuleType("datasets")
    library.load_dataset = load_dataset  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "datasets", library)
    assert read_prompts(Source("b", hub="owner/name", config="main", split="test")) == PROMPTS
    assert asked == [("owner/name", "main", {"split": "test"})]


def test_the_hub_without_its_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtra, match=re.escape(install_hint_for("datasets"))):
        read_prompts(Source("b", hub="owner/name"))


def test_an_error_quotes_nothing_of_a_file_that_is_no_table(tmp_path: Path) -> None:
    path = tmp_path / "accounts.csv"
    path.write_text("a,b\nhunter2\n")
    with pytest.raises(RecipeError, match=r"not what its name says; expected \.csv") as refused:
        read_prompts(Source("b", path))
    assert "hunter2" not in str(refused.value)
