"""`magpie STAGE RUN`: a column that is there is used, and nothing is spent without being asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

import magpie
from magpie.cli import main
from magpie.imports import import_dataset
from magpie.runs import open_run


def imported(place: Path, *rows: Mapping[str, object]) -> Path:
    source = place / "rows.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    import_dataset(source, place / "run")
    return place / "run"


def command(*words: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    return int(ended.value.code or 0)


SEVERAL = [{"response": text, "model": "m"} for text in ("The Rhine.", "A lake.")]


def test_imported_vectors_are_used_and_not_made_anew(tmp_path: Path) -> None:
    pytest.importorskip("faiss")
    vectors = [[1, 0, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0]]
    texts = ("Name a river.", "Name a lake.", "Name a river!")
    path = imported(tmp_path, *({"instruction": t, "embedding": v} for t, v in zip(texts, vectors, strict=True)))
    assert command("neighbors", path) == 0
    rows = open_run(path).table().to_pylist()
    assert [len(row["embedding"]) for row in rows] == [4, 4, 4]
    assert [row["is_repeat"] for row in rows] == [False, False, True]
    assert [stage.stage for stage in open_run(path).stages] == ["import", "neighbors"]


def test_vectors_that_are_not_there_are_made_on_the_way(tmp_path: Path) -> None:
    pytest.importorskip("faiss")
    path = imported(tmp_path, {"instruction": "Name a river."}, {"instruction": "Name a lake."})
    assert command("neighbors", path) == 0
    assert [stage.stage for stage in open_run(path).stages] == ["import", "embed", "neighbors"]


def test_imported_rewards_make_the_pairs(tmp_path: Path) -> None:
    path = imported(tmp_path, {"instruction": "Name a river.", "responses": SEVERAL, "response_rewards": [0.1, 0.9]})
    assert command("pair", path) == 0
    (row,) = open_run(path).table().to_pylist()
    assert (row["chosen"], row["rejected"]) == ("A lake.", "The Rhine.")
    assert [stage.stage for stage in open_run(path).stages] == ["import", "pair"]


def test_a_stage_that_asks_a_model_is_not_run_on_the_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = imported(tmp_path, {"instruction": "Name a river.", "responses": SEVERAL})
    assert command("pair", path) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "pair reads response_rewards, which this run does not have" in said
    assert "run `magpie reward RUN` first" in said
    assert [stage.stage for stage in open_run(path).stages] == ["import"]


def test_choosing_the_first_response_needs_no_rewards(tmp_path: Path) -> None:
    path = imported(tmp_path, {"instruction": "Name a river.", "responses": SEVERAL})
    assert command("choose", path, "--set", "choose.by=first") == 0
    (row,) = open_run(path).table().to_pylist()
    assert row["response"] == "The Rhine."
    assert [stage.stage for stage in open_run(path).stages] == ["import", "choose"]


@pytest.mark.parametrize("stage", ["tag", "safety", "respond", "reward", "follow-up", "respond-base"])
def test_an_imported_run_has_no_model_and_a_stage_that_asks_one_wants_its_name(
    stage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = imported(tmp_path, {"instruction": "Name a river.", "response": "The Rhine."})
    assert command(stage, path) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "model" in said
    assert "fledgling" not in said


def test_an_imported_run_is_headed_and_warned_about_as_what_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = imported(tmp_path, {"instruction": "Name a river.", "response": "The Rhine."})
    assert command("screen", path) == 0
    assert "fledgling" not in capsys.readouterr().out
    assert open_run(path).info["model"] is None


def test_a_judging_stage_asks_the_model_that_is_named(tmp_path: Path) -> None:
    path = imported(tmp_path, {"instruction": "Name a river.", "response": "The Rhine."})
    assert command("tag", path, "--model", "fledgling", "--set", "tag.fast=true") == 0
    run = open_run(path)
    assert run.table().column("input_quality").null_count == 0
    assert run.recipe["tag"]["model"] == "fledgling"
    assert run.recipe["model"] is None


def test_a_column_that_is_replaced_is_named_and_the_earlier_one_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = imported(tmp_path, {"instruction": "Name a river.", "response": "The Rhine."})
    assert command("respond", path, "--model", "fledgling") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "respond writes response, which import has too" in said
    (row,) = open_run(path).table().to_pylist()
    assert row["original_response"] == "The Rhine."
    assert row["response"] == row["messages"][1]["content"] != "The Rhine."
    assert command("status", path) == command("show", path) == 0


def test_an_old_folder_is_listed_and_removed_on_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = imported(tmp_path, {"instruction": "Name a river."}, {"instruction": "Name a lake."})
    assert command("embed", path) == 0
    assert command("embed", path, "--set", "embed.embedder.dimension=64") == 0
    folders = sorted(entry.name for entry in path.iterdir() if "-embed-" in entry.name)
    assert len(folders) == 2
    capsys.readouterr()
    assert command("prune", path, "--json") == 0
    (listed,) = json.loads(capsys.readouterr().out)["folders"]
    assert listed["stage"] == "embed"
    assert listed["bytes"] == sum(file.stat().st_size for file in (path / listed["folder"]).iterdir())
    assert command("prune", path) == 0
    assert len([entry for entry in path.iterdir() if "-embed-" in entry.name]) == 2
    assert command("prune", path, "--remove") == 0
    assert [entry.name for entry in path.iterdir() if "-embed-" in entry.name] == [
        name for name in folders if name != listed["folder"]
    ]
    assert open_run(path).table().num_rows == 2
    assert command("prune", path) == 0
    assert "nothing to remove" in capsys.readouterr().out


def test_a_link_that_looks_like_an_old_folder_is_left_alone(tmp_path: Path) -> None:
    path = imported(tmp_path, {"instruction": "Name a river."})
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("x")
    (path / "3-tag-00000000").symlink_to(precious, target_is_directory=True)
    assert command("prune", path, "--remove") == 0
    assert (precious / "file").read_text() == "x"


def test_a_dry_run_of_a_stage_prints_what_it_would_work_on_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    magpie.run(size=6, out=tmp_path / "run", settings=("engine=scripted",), progress=False)
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    with pytest.raises(SystemExit) as left:
        main(["neighbors", str(tmp_path / "run"), "--set", "embed={embedder: hashing}", "--dry-run"])
    assert not left.value.code
    shown = capsys.readouterr().out
    assert "Plan: run embed, neighbors on" in shown
    assert "writes min_neighbor_distance" in shown
    assert "respond" not in shown
    assert {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()} == before
