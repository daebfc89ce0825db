"""Runs made whole, in parts, again, larger and with another recipe: only what is missing is made, and it is the same.

The scripted engine answers by (prompt, sampling, seed) alone; the template is that of the model in the package.
"""

from __future__ import annotations

import os
import resource
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import magpie
from magpie.errors import EngineDied, RecipeError, RunError, UserError
from magpie.executors.local import Progress, execute
from magpie.executors.stopping import Stopped
from magpie.plan.resolve import resolve
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
    again = resolve(None, tmp_path, ["engine.window=3"])
    assert resolve(None, tmp_path).stages["respond"] == again.stages["respond"]
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


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C as at a terminal: where tests run in the background it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_ends_cleanly_and_the_run_goes_on_to_the_same_rows(tmp_path: Path) -> None:
    out = tmp_path / "run"
    recipe = resolve("basic", out, (*SCRIPTED, "engine.window=8", "engine.steps=2"), {"size": 60})
    with pytest.raises(Stopped):
        execute(recipe, out, stop_after(6))
    assert orjson.loads((out / "run.json").read_bytes())["sessions"][-1]["ended"] == "stopped"
    assert magpie.open_run(out).table().num_rows > 0
    assert make(out).table().equals(make(tmp_path / "clean").table())
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.usefixtures("interruptible")
def test_a_signal_that_is_ignored_stays_ignored(tmp_path: Path) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    recipe = resolve("basic", tmp_path / "run", SCRIPTED, {"size": 30})
    execute(recipe, tmp_path / "run", stop_after(2))
    assert magpie.open_run(tmp_path / "run").info["sessions"][-1]["ended"] == "done"
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_what_a_user_keeps_in_a_run_is_left_alone(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "scratch").mkdir()
    (tmp_path / "scratch" / "notes.txt").write_text("mine")
    make(tmp_path, size=80)
    assert (tmp_path / "scratch" / "notes.txt").read_text() == "mine"


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
    (tmp_path / "recipe.yaml.123.tmp").write_text("size: [")
    (tmp_path / "lock").write_text("")
    assert make(tmp_path).kept() > 0


def test_a_recipe_with_a_mistake_in_a_new_run_s_folder_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text("sede: 7")
    with pytest.raises(RecipeError, match="did you mean 'seed'"):
        make(tmp_path)
    assert (tmp_path / "recipe.yaml").read_text() == "sede: 7"


def test_a_response_whose_instruction_failed_to_be_made_anew_is_not_shown(tmp_path: Path) -> None:
    make(tmp_path)
    next(tmp_path.glob("1-*/*.parquet")).unlink()
    rows = make(tmp_path, "engine.fail_rate=0.4").table().to_pylist()
    failed = [row for row in rows if row["instruction"] is None]
    assert failed
    assert all(row["response"] is None and row["messages"] is None for row in failed)


def test_a_date_in_a_template_s_variables_is_the_same_when_the_run_goes_on(tmp_path: Path) -> None:
    first = make(tmp_path, "template.kwargs.day=2024-01-01").table()
    assert make(tmp_path).table().equals(first)
    assert requests_of_last_session(tmp_path) == {"instruct": 0, "respond": 0}


def test_a_shard_size_edited_in_the_run_s_recipe_changes_nothing(tmp_path: Path) -> None:
    before = make(tmp_path, "shard_rows=10").table()
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("shard_rows: 10", "shard_rows: 7"))
    assert make(tmp_path).table().equals(before)


def test_a_run_that_lost_its_index_is_not_cut_into_other_shards(tmp_path: Path) -> None:
    before = make(tmp_path, "shard_rows=10").table()
    (tmp_path / "run.json").unlink()
    assert make(tmp_path, "shard_rows=7").table().equals(before)
    (tmp_path / "run.json").unlink()
    (tmp_path / "recipe.yaml").unlink()
    with pytest.raises(RunError, match="made with another shard_rows"):
        make(tmp_path, "shard_rows=7")


def test_a_kill_before_the_index_does_not_forget_the_recipe(tmp_path: Path) -> None:
    make(tmp_path, "respond.sampling.temperature=0.5", size=33)
    (tmp_path / "run.json").unlink()
    recipe = resolve(None, tmp_path)
    assert recipe.settings("respond") is not None
    assert (recipe.size, recipe.settings("respond").sampling.temperature) == (33, 0.5)


def test_an_instruction_that_the_template_refuses_is_dropped_and_the_run_goes_on(tmp_path: Path) -> None:
    template = tmp_path / "t.jinja"
    template.write_text(
        "{% for m in messages %}{% if 'Norway' in m.content %}{{ raise_exception('no Norway') }}{% endif %}"
        "<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    rows = make(tmp_path / "run", f"template.chat_template={template}").table().to_pylist()
    refused = {row["row"] for row in rows if row["drop_reason"] == "template_refused"}
    assert refused == {row["row"] for row in rows if "Norway" in row["instruction"]}
    assert 0 < len(refused) < 60


def test_a_response_to_an_instruction_that_was_made_anew_is_not_shown(tmp_path: Path) -> None:
    answered = 60 - make(tmp_path).table().column("response").null_count
    instructions = next(tmp_path.glob("1-*/*.parquet"))
    instructions.with_suffix(".sum").unlink()
    rows = pq.read_table(instructions)
    changed = ["another one" if row == 7 else text for row, text in enumerate(rows.column("instruction").to_pylist())]
    at = rows.schema.get_field_index("instruction")
    metadata = {**rows.schema.metadata, b"magpie.digest": b"another"}
    pq.write_table(
        rows.set_column(at, "instruction", pa.array(changed)).replace_schema_metadata(metadata), instructions
    )
    shown = {row["row"]: row for row in magpie.open_run(tmp_path).table().to_pylist()}
    assert (shown[7]["instruction"], shown[7]["response"]) == ("another one", None)
    assert sum(row["response"] is not None for row in shown.values()) == answered - 1
    make(tmp_path)
    assert requests_of_last_session(tmp_path) == {"instruct": 0, "respond": 1}


def test_a_run_is_read_whole_at_any_moment_of_its_writing(tmp_path: Path) -> None:
    settings = (*SCRIPTED, "shard_rows=4", "engine.window=8")
    recipe = resolve("basic", tmp_path, settings, {"size": 1200})
    seen, failed, ended = 0, [], threading.Event()

    def read() -> None:
        nonlocal seen
        while not ended.is_set():
            try:
                if (tmp_path / "run.json").exists():
                    rows = magpie.open_run(tmp_path).table().column("row").to_pylist()
                    assert rows == sorted(set(rows))
                    seen += 1
            except Exception as error:
                failed.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    execute(recipe, tmp_path)
    ended.set()
    reader.join()
    assert failed == []
    assert seen > 3


def test_more_shards_may_be_open_than_files(tmp_path: Path) -> None:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").exists() else 64
    resource.setrlimit(resource.RLIMIT_NOFILE, (held + 100, limit[1]))
    try:
        run = make(tmp_path, "shard_rows=1", "engine.window=400", "engine.steps=30", size=400)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limit)
    assert run.table().num_rows == 400


def test_the_settings_that_a_stage_came_to_have_are_recorded(tmp_path: Path) -> None:
    make(tmp_path)
    stages = orjson.loads((tmp_path / "run.json").read_bytes())["stages"]
    assert stages[0]["settings"]["sampling"]["temperature"] == 1.0
    assert stages[1]["settings"]["sampling"]["max_tokens"] == 4096


def test_a_folder_in_the_home_folder_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    magpie.run(size=5, out="~/mine", settings=SCRIPTED)
    assert magpie.open_run("~/mine").path == tmp_path / "mine"


def test_the_versions_of_what_made_the_rows_are_recorded_and_of_nothing_else(tmp_path: Path) -> None:
    versions = make(tmp_path, size=5).info["versions"]
    assert set(versions) == {"magpie", "pyarrow", "tokenizers"}
    magpie.run(size=5, out=tmp_path, settings=("engine=llamacpp",))
    assert "xllamacpp" in magpie.open_run(tmp_path).info["versions"]


@pytest.mark.parametrize("text", ["", "[]", '{"format": 1, "stages": {}}', None])
def test_a_broken_index_is_rebuilt_and_every_row_found_again(tmp_path: Path, text: str | None) -> None:
    before = make(tmp_path, "shard_rows=5", size=12).table()
    files, index = stage_files(tmp_path), tmp_path / "run.json"
    index.unlink() if text is None else index.write_text(text)
    told: list[Any] = []
    run = execute(resolve(None, tmp_path), tmp_path, told.append)
    assert run.table().equals(before)
    assert stage_files(tmp_path) == files
    assert requests_of_last_session(tmp_path) == {"instruct": 0, "respond": 0}
    assert any("run.json was broken: it is rebuilt" in str(line) for line in told) == (text is not None)


def test_a_newer_index_is_never_rebuilt(tmp_path: Path) -> None:
    make(tmp_path, size=3)
    (tmp_path / "run.json").write_text('{"format": 2}')
    with pytest.raises(RunError, match="made by a newer magpie"):
        make(tmp_path, size=3)
    assert (tmp_path / "run.json").read_text() == '{"format": 2}'


@pytest.mark.parametrize("text", ["", "[]", "size: [", "size: many", "\0", "a: &a [*a]", "size: 2024-99-99"])
def test_a_broken_recipe_of_a_run_is_named_in_one_line(tmp_path: Path, text: str) -> None:
    make(tmp_path, size=3)
    (tmp_path / "recipe.yaml").write_text(text)
    run = magpie.open_run(tmp_path)
    if text:  # nothing in it is a recipe: the defaults
        with pytest.raises(UserError, match=r"recipe\.yaml: ") as refused:
            resolve(None, tmp_path)
        assert str(refused.value).isprintable()
    if text != "size: many":
        with pytest.raises(UserError, match=r"recipe\.yaml: "):
            _ = run.recipe
