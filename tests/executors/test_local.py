"""Runs made whole, in parts, again, larger and with another recipe: only what is missing is made, and it is the same.

The scripted engine answers by (prompt, sampling, seed) alone; the template is that of the model in the package.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

import magpie
from magpie.errors import EngineDied, RunError
from magpie.executors.local import Progress, execute
from magpie.executors.stopping import Stopped
from magpie.pipeline import resolve
from magpie.runs import Run

SCRIPTED = ("engine=scripted", "name=same")


def make(out: Path, *settings: str, size: int = 60, recipe: str | None = None) -> Run:
    return magpie.run(recipe, size=size, out=out, settings=(*SCRIPTED, *settings))


def stage_files(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.glob("*-*/*"))}


def requests_of_last_session(out: Path) -> dict[str, int]:
    """Rows that the last call made, by stage."""
    stages = orjson.loads((out / "run.json").read_bytes())["sessions"][-1]["stages"]
    return {name: counts["made"] + counts["failed"] for name, counts in stages.items()}


def test_every_row_is_answered_or_dropped_with_a_reason(tmp_path: Path) -> None:
    rows = make(tmp_path, size=200).table().to_pylist()
    assert [row["row"] for row in rows] == list(range(200))
    for row in rows:
        assert row["error"] is None
        assert (row["drop_reason"] is None) == (row["messages"] is not None and row["dropped_by"] is None)
    assert 0 < sum(row["drop_reason"] is None for row in rows) < 200


def test_the_response_of_a_dropped_instruction_is_never_paid_for(tmp_path: Path) -> None:
    instruct, respond = make(tmp_path, size=200).counts()
    assert sum(instruct.dropped.values()) > 0
    assert respond.made == 200 - sum(instruct.dropped.values())


def test_a_finished_run_is_left_as_it_is_and_needs_no_engine(tmp_path: Path) -> None:
    make(tmp_path)
    files = stage_files(tmp_path)
    make(tmp_path, "engine.die_after_polls=1")
    assert stage_files(tmp_path) == files
    assert requests_of_last_session(tmp_path) == {"instruct": 0, "respond": 0}


def test_raising_the_size_makes_the_new_rows_only(tmp_path: Path) -> None:
    make(tmp_path, "shard_rows=16")
    before = magpie.open_run(tmp_path).table().to_pylist()
    after = make(tmp_path, size=90).table().to_pylist()
    assert after[:60] == before
    assert requests_of_last_session(tmp_path)["instruct"] == 30


def test_lowering_the_size_hides_rows_and_keeps_them(tmp_path: Path) -> None:
    make(tmp_path)
    assert make(tmp_path, size=10).table().num_rows == 10
    make(tmp_path, size=60)
    assert requests_of_last_session(tmp_path) == {"instruct": 0, "respond": 0}


def test_rows_depend_neither_on_the_shard_size_nor_on_the_window(tmp_path: Path) -> None:
    runs = [
        make(tmp_path / "a").table(),
        make(tmp_path / "b", "shard_rows=7", "engine.window=3").table(),
        make(tmp_path / "c", "shard_rows=60", "engine.window=1").table(),
    ]
    assert runs[0].equals(runs[1])
    assert runs[0].equals(runs[2])


def test_another_seed_gives_other_rows(tmp_path: Path) -> None:
    one, other = make(tmp_path / "a"), make(tmp_path / "b", "seed=1")
    assert not one.table().equals(other.table())


def test_a_changed_response_setting_keeps_the_instructions_and_makes_the_responses_anew(tmp_path: Path) -> None:
    make(tmp_path)
    make(tmp_path, "respond.sampling.temperature=0.5")
    made = requests_of_last_session(tmp_path)
    assert made["instruct"] == 0
    assert made["respond"] > 0


def test_going_back_to_the_earlier_recipe_finds_its_rows_again(tmp_path: Path) -> None:
    first = make(tmp_path).table()
    make(tmp_path, "respond.sampling.temperature=0.5")
    again = make(tmp_path, "respond.sampling.temperature=0").table()
    assert again.equals(first)
    assert requests_of_last_session(tmp_path) == {"instruct": 0, "respond": 0}


def test_a_run_goes_on_with_its_own_recipe(tmp_path: Path) -> None:
    make(tmp_path, "respond.sampling.temperature=0.5", "shard_rows=9")
    assert resolve(None, tmp_path).respond == resolve(None, tmp_path, ["engine.window=3"]).respond
    assert resolve(None, tmp_path).shard_rows == 9


def test_the_shard_size_and_the_name_stay_as_the_run_was_made(tmp_path: Path) -> None:
    make(tmp_path, "shard_rows=9")
    recipe = resolve("basic", tmp_path, ["shard_rows=50", "name=new"])
    assert (recipe.shard_rows, recipe.name) == (9, "same")


def test_failed_rows_carry_their_error_and_are_made_by_the_next_run(tmp_path: Path) -> None:
    failing = make(tmp_path, "engine.fail_rate=0.3")
    failed = [row for row in failing.table().to_pylist() if row["error"] is not None]
    assert failed
    whole = make(tmp_path, "engine.fail_rate=0")
    assert whole.table().equals(make(tmp_path / "clean").table())
    assert requests_of_last_session(tmp_path)["instruct"] < 60


@pytest.mark.parametrize("polls", [1, 4, 9])
def test_when_the_engine_dies_what_was_made_is_kept_and_the_run_goes_on_from_there(tmp_path: Path, polls: int) -> None:
    out = tmp_path / "run"
    with pytest.raises(EngineDied):
        make(out, "engine.window=8", "engine.steps=2", f"engine.die_after_polls={polls}")
    resumed = make(out, "engine.die_after_polls=null")
    assert resumed.table().equals(make(tmp_path / "clean").table())


def stop_after(polls: int) -> Callable[[Progress | str], None]:
    """A watch that sends this process SIGINT at a poll, as Ctrl-C does."""
    seen = 0

    def watch(_: Progress | str) -> None:
        nonlocal seen
        seen += 1
        if seen == polls:
            os.kill(os.getpid(), signal.SIGINT)

    return watch


def test_ctrl_c_ends_cleanly_and_the_run_goes_on_to_the_same_rows(tmp_path: Path) -> None:
    out = tmp_path / "run"
    recipe = resolve("basic", out, (*SCRIPTED, "engine.window=8", "engine.steps=2"), {"size": 60})
    with pytest.raises(Stopped):
        execute(recipe, out, stop_after(6))
    assert orjson.loads((out / "run.json").read_bytes())["sessions"][-1]["ended"] == "stopped"
    assert magpie.open_run(out).table().num_rows > 0
    assert make(out).table().equals(make(tmp_path / "clean").table())
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_run_can_be_made_outside_the_main_thread(tmp_path: Path) -> None:
    made: list[Run] = []
    thread = threading.Thread(target=lambda: made.append(make(tmp_path)))
    thread.start()
    thread.join()
    assert made[0].kept() > 0


def test_what_each_session_took_is_recorded(tmp_path: Path) -> None:
    make(tmp_path)
    make(tmp_path, size=80)
    index = orjson.loads((tmp_path / "run.json").read_bytes())
    assert [session["ended"] for session in index["sessions"]] == ["done", "done"]
    taken: dict[str, Any] = index["sessions"][0]["stages"]["instruct"]
    assert taken["completion_tokens"] > 0
    assert taken["seconds"] > 0


def test_an_instructions_only_recipe_has_no_responses(tmp_path: Path) -> None:
    run = make(tmp_path, "respond=null")
    assert [stage.stage for stage in run.stages] == ["instruct"]
    assert run.kept() > 0


def test_many_shards_that_lack_one_row_each_are_filled_together(tmp_path: Path) -> None:
    make(tmp_path, "shard_rows=2", "engine.fail_rate=0.5")
    make(tmp_path, "engine.fail_rate=0")
    assert make(tmp_path).table().column("error").null_count == 60


def test_a_folder_that_is_no_run_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(RunError):
        make(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_folder_left_by_a_kill_before_the_index_becomes_a_run(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text("size: [")
    (tmp_path / "lock").write_text("")
    assert make(tmp_path).kept() > 0
