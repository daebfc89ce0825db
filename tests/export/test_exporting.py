"""Exports hold the kept rows, all of them and nothing else, in the shapes that trainers read, whole or not at all."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import magpie
from magpie.errors import RunError, StorageError, UserError
from magpie.export import FORMATS, Options, export
from magpie.export.shapes import SHAPES
from magpie.export.trainers import TRAINERS
from magpie.runs import Run

CONVERSATIONS = ("messages", "sharegpt", "alpaca", "sft")


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def parts(folder: Path, split: str = "train") -> list[dict[str, Any]]:
    """A split's rows, over all its shards."""
    return [row for path in sorted((folder / "data").glob(f"{split}-*")) for row in pq.read_table(path).to_pylist()]


@pytest.mark.parametrize("form", CONVERSATIONS)
def test_every_format_has_every_kept_row_in_order(made: Run, tmp_path: Path, form: str) -> None:
    path = tmp_path / "out.jsonl"
    assert export(made, form, path).rows == made.kept()
    assert [one["id"] for one in lines(path)] == made.table(kept=True).column("id").to_pylist()


def test_the_same_conversation_stands_in_every_format(made: Run, tmp_path: Path) -> None:
    for form in CONVERSATIONS:
        export(made, form, tmp_path / f"{form}.jsonl")
    messages, sharegpt, alpaca, sft = (lines(tmp_path / f"{form}.jsonl")[7] for form in CONVERSATIONS)
    instruction, response = (turn["content"] for turn in messages["messages"])
    assert sharegpt["conversations"] == [{"from": "human", "value": instruction}, {"from": "gpt", "value": response}]
    assert (alpaca["instruction"], alpaca["input"], alpaca["output"]) == (instruction, "", response)
    assert (sft["prompt"], sft["completion"]) == (messages["messages"][:1], messages["messages"][1:])
    export(made, "parquet", tmp_path / "out.parquet")
    row = pq.read_table(tmp_path / "out.parquet").to_pylist()[7]
    assert (row["instruction"], row["response"], row["messages"]) == (instruction, response, messages["messages"])


def test_a_json_file_is_one_array(made: Run, tmp_path: Path) -> None:
    export(made, "alpaca", tmp_path / "out.json")
    assert len(json.loads((tmp_path / "out.json").read_text())) == made.kept()


@pytest.mark.parametrize("form", SHAPES)
def test_a_format_holds_the_same_as_lines_and_as_parquet(full: Run, tmp_path: Path, form: str) -> None:
    export(full, form, tmp_path / "out.jsonl")
    export(full, form, tmp_path / "out.parquet")
    assert pq.read_table(tmp_path / "out.parquet").to_pylist() == lines(tmp_path / "out.jsonl")


def test_a_parquet_file_has_no_columns_of_dropped_rows_and_vectors_only_where_asked_for(
    full: Run, tmp_path: Path
) -> None:
    export(full, "parquet", tmp_path / "out.parquet")
    names = set(pq.read_schema(tmp_path / "out.parquet").names)
    assert {"id", "instruction", "response", "messages", "chosen"} <= names
    assert not names & {"drop_reason", "dropped_by", "error", "embedding"}
    export(full, "parquet", tmp_path / "vectors.parquet", Options(embeddings=True))
    assert pq.read_table(tmp_path / "vectors.parquet").column("embedding")[0].as_py() == [0.5, 0.25]


def test_a_folder_holds_shards_and_a_card_and_no_split_that_was_not_asked_for(full: Run, tmp_path: Path) -> None:
    found = export(full, "messages", tmp_path / "set-1.5")
    assert [name for name, _ in found.files] == ["README.md", "data/train-00000-of-00001.parquet"]
    assert len(parts(tmp_path / "set-1.5")) == full.kept() == found.rows == found.splits["train"]


def test_many_rows_are_cut_into_shards_that_say_how_many_they_are(
    made: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("magpie.export.writing.SHARD_BYTES", 1)
    monkeypatch.setattr("magpie.export.query._GROUP_BYTES", 1)
    monkeypatch.setattr("magpie.runs.reader._SCAN_ROWS", 100)
    export(made, "messages", tmp_path / "set")
    names = sorted(path.name for path in (tmp_path / "set" / "data").iterdir())
    assert names == [f"train-{n:05d}-of-{len(names):05d}.parquet" for n in range(len(names))]
    assert len(names) > 1
    assert [row["id"] for row in parts(tmp_path / "set")] == made.table(kept=True).column("id").to_pylist()


@pytest.mark.parametrize("form", FORMATS)
def test_two_splits_hold_every_row_once_and_the_same_rows_in_every_format(full: Run, tmp_path: Path, form: str) -> None:
    found = export(full, form, tmp_path / "set", Options(test_share=0.3))
    export(full, "parquet", tmp_path / "all", Options(test_share=0.3))
    in_test = {row["instruction"] for row in parts(tmp_path / "all", "test")}
    assert 0 < len(in_test) < full.kept()
    assert set(found.splits) == {"train", "test"}
    if form in TRAINERS:
        asked = {one["messages"][0]["content"] for one in lines(tmp_path / "set" / "test.jsonl")}
    else:
        rows = parts(tmp_path / "set", "test")
        asked = {full.table().to_pylist()[int(row["id"][-8:])]["instruction"] for row in rows}
    assert asked == in_test


def test_a_pipe_or_an_open_file_is_written_to(made: Run) -> None:
    file = BytesIO()
    export(made, "messages", file)
    assert len(file.getvalue().splitlines()) == made.kept()


def test_a_folder_in_the_place_of_the_file_is_a_user_s_mistake_and_leaves_nothing(made: Run, tmp_path: Path) -> None:
    (tmp_path / "out.jsonl").mkdir()
    with pytest.raises(StorageError):
        export(made, "messages", tmp_path / "out.jsonl")
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.jsonl"]


def test_a_folder_that_holds_something_is_not_replaced(made: Run, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "thesis.tex").touch()
    with pytest.raises(StorageError, match="not empty; an export replaces nothing"):
        export(made, "messages", tmp_path / "set")
    (tmp_path / "set" / "thesis.tex").unlink()
    export(made, "messages", tmp_path / "set")
    assert (tmp_path / "set" / "README.md").exists()


def test_an_export_that_is_cut_short_leaves_nothing(made: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(*_: Any) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("magpie.export.exporting.card_of", full_disk)
    with pytest.raises(StorageError, match="the disk is full"):
        export(made, "messages", tmp_path / "set")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("form", "to", "options", "said"),
    [
        ("dpo", "x.jsonl", Options(), "needs the column chosen"),
        ("axolotl-dpo", "x", Options(), "needs the column chosen"),
        ("messages", "x.jsonl", Options(system=True), "--system shows the column system, and the run has none"),
        ("messages", "x.jsonl", Options(reasoning="field"), "--reasoning shows the column reasoning"),
        ("messages", "x.jsonl", Options(test_share=0.5), "two splits are two files"),
        ("axolotl", "x.jsonl", Options(), "is a folder of several files"),
        ("messages", "x", Options(test_share=1e-9), "of .* rows none falls into test"),
    ],
)
def test_what_cannot_be_exported_is_refused_in_a_line_and_leaves_nothing(
    made: Run, tmp_path: Path, form: str, to: str, options: Options, said: str
) -> None:
    with pytest.raises(UserError, match=said):
        export(made, form, tmp_path / to, options)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_does_not_go_into_a_pipe(made: Run) -> None:
    with pytest.raises(UserError, match="is a folder of several files"):
        export(made, "axolotl", BytesIO())


def test_a_pair_has_no_reasoning_to_show(full: Run, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="a pair holds answers alone"):
        export(full, "dpo", tmp_path / "x.jsonl", Options(reasoning="inside"))


def test_a_run_that_keeps_nothing_is_not_exported(tmp_path: Path) -> None:
    settings = ('engine={"name": "scripted", "empty_rate": 1.0}',)
    run = magpie.run(size=3, out=tmp_path / "run", settings=settings)
    with pytest.raises(RunError, match="nothing to export"):
        export(run, "parquet", tmp_path / "x")


@pytest.mark.parametrize(
    "place", ["1-instruct-3435a70d/00000.parquet", "run.json", "recipe.yaml", "new.jsonl", "dataset"]
)
def test_an_export_never_writes_inside_a_run(made: Run, place: str) -> None:
    folder = next(stage.path.name for stage in made.stages if stage.stage == "instruct")
    to = made.path / place.replace("INSTRUCT", folder)
    before = to.read_bytes() if to.exists() else None
    with pytest.raises(UserError, match="lies inside the run"):
        export(made, "messages" if to.suffix != ".parquet" else "parquet", to, Options(overwrite=True))
    assert (to.read_bytes() if to.exists() else None) == before


def test_an_export_does_not_write_inside_another_run_either(made: Run, full: Run) -> None:
    with pytest.raises(UserError, match="lies inside the run"):
        export(made, "messages", full.path / "out.jsonl")


def test_a_file_is_replaced_only_on_request(made: Run, tmp_path: Path) -> None:
    path = tmp_path / "notes.jsonl"
    path.write_text("mine")
    with pytest.raises(UserError, match="is there already; expected a new name, or --overwrite"):
        export(made, "messages", path)
    assert path.read_text() == "mine"
    assert export(made, "messages", path, Options(overwrite=True)).rows == len(lines(path))
