"""Runs that were made before stages had a registry: they stay readable, and nothing of them is made again."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

import magpie
from magpie.cli import main
from magpie.executors.local import execute, execute_plan
from magpie.plan.plan import make_plan
from magpie.plan.resolve import resolve
from magpie.runs import Run, RunFolder, open_run
from magpie.wire import legacy_digest
from tests.runs.kept import Opener, kept_run

FINISHED = {"basic": (60, 60), "mini": (80, 46)}
"""Name to rows and kept rows."""


def command(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    return int(ended.value.code or 0)


def made_in_last_session(run: Run) -> dict[str, int]:
    return {stage: counts["made"] for stage, counts in run.info["sessions"][-1]["stages"].items()}


@pytest.mark.parametrize("name", FINISHED)
def test_a_finished_run_is_read_and_nothing_of_it_is_made_again(name: str, tmp_path: Path) -> None:
    if name == "mini":
        pytest.importorskip("rensa")
    path = kept_run(name, tmp_path)
    before = open_run(path).table()
    run = execute(resolve(None, path), path)
    assert set(made_in_last_session(run).values()) == {0}
    assert run.table().equals(before)
    assert (run.table().num_rows, run.kept()) == FINISHED[name]
    assert run.stale() == {}


@pytest.mark.parametrize("name", [*FINISHED, "killed", "killed-tag"])
def test_a_run_of_earlier_code_is_shown_exported_and_selected_from(name: str, tmp_path: Path) -> None:
    path = kept_run(name, tmp_path)
    assert command("status", str(path)) == 0
    assert command("show", str(path), "-n", "2") == 0
    if name in FINISHED:
        assert command("export", str(path), "--to", str(tmp_path / "out.jsonl")) == 0
        assert len((tmp_path / "out.jsonl").read_text().splitlines()) == FINISHED[name][1]
    assert command("select", str(path), "--with", "length(instruction) > 20", "--json") == 0


def journaled(path: Path) -> set[str]:
    """The digests of completions that the open journals hold for rows that have not ended."""
    lines = [orjson.loads(line) for part in path.glob("*/*.part") for line in part.read_bytes().splitlines()]
    ended = {line["row"] for line in lines if "said" not in line}
    return {line["request"] for line in lines if "said" in line and line["row"] not in ended}


@pytest.mark.parametrize("name", ["killed", "killed-tag"])
def test_no_journaled_completion_of_a_killed_run_is_asked_for_again(name: str, tmp_path: Path) -> None:
    path = kept_run(name, tmp_path)
    known = journaled(path)
    assert known
    opener = Opener()
    execute_plan(make_plan(resolve(None, path)), RunFolder(path), opener=opener)
    assert {legacy_digest(request) for request in opener.asked} & known == set()
    assert open_run(path).kept() == 40


def test_a_request_that_the_journal_does_not_hold_is_asked_for(tmp_path: Path) -> None:
    path = kept_run("killed", tmp_path)
    known = journaled(path)
    for part in path.glob("*/*.part"):
        part.write_bytes(b"".join(line for line in part.read_bytes().splitlines(True) if b'"said"' not in line))
    opener = Opener()
    execute_plan(make_plan(resolve(None, path)), RunFolder(path), opener=opener)
    assert known <= {legacy_digest(request) for request in opener.asked}


def test_a_later_judgment_of_a_finished_run_un_selects_nothing_but_what_it_drops(tmp_path: Path) -> None:
    pytest.importorskip("rensa")
    path = kept_run("mini", tmp_path)
    selected = set(open_run(path).table(kept=True).column("row").to_pylist())
    assert command("screen-responses", str(path), "--set", "screen_responses.min_chars=90") == 0
    run = open_run(path)
    dropped = set(run.sql("SELECT row FROM rows WHERE dropped_by = 'screen_responses'").column("row").to_pylist())
    assert selected & dropped
    assert set(run.table(kept=True).column("row").to_pylist()) == selected - dropped
    assert "select" in run.stale()


def test_a_grown_run_makes_the_new_rows_alone(tmp_path: Path) -> None:
    path = kept_run("basic", tmp_path)
    run = magpie.run(size=70, out=path)
    assert made_in_last_session(run) == {"instruct": 10, "respond": 10}
