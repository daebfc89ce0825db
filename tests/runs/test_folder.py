"""What makes a folder a run, and who may write to it."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from magpie.errors import RunError
from magpie.runs import RunFolder, cost_of, open_run
from magpie.runs.folder import BrokenIndex
from magpie.stages.respond.columns import RESPONSE

INDEX = {"name": "n", "size": 3, "shard_rows": 9, "stages": [], "sessions": []}


def test_a_folder_with_an_index_is_a_run(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert not folder.is_run()
    folder.write_index(INDEX)
    assert folder.is_run()
    index = folder.index()
    assert index.pop("checksum")
    assert index == {"format": 1, **INDEX}


def test_an_index_with_another_value_is_broken_and_one_laid_out_otherwise_is_not(tmp_path: Path) -> None:
    folder, file = RunFolder(tmp_path), tmp_path / "run.json"
    folder.write_index(INDEX)
    written = file.read_text()
    file.write_text(written.replace('"n"', '"o"'))
    with pytest.raises(BrokenIndex, match="checksum"):
        folder.index()
    file.write_text("".join(written.split()))
    assert folder.index()["name"] == "n"


def test_a_new_an_empty_and_a_half_made_folder_may_become_a_run(tmp_path: Path) -> None:
    RunFolder(tmp_path / "new").check_usable()
    RunFolder(tmp_path).check_usable()
    for name in ("recipe.yaml", "lock", "run.json.123.tmp", "recipe.yaml.9.tmp"):
        (tmp_path / name).write_text("")
    (tmp_path / "1-instruct-0123abcd").mkdir()
    RunFolder(tmp_path).check_usable()


def test_a_folder_with_other_things_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(RunError, match=r"holds 'thesis\.tex' and no run; --out takes"):
        RunFolder(tmp_path).check_usable()


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(RunError, match="is a file; --out takes a folder"):
        RunFolder(tmp_path / "out").check_usable()


def test_a_run_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"format": 999}')
    with pytest.raises(RunError, match=r"made by a newer magpie \(format 999.*upgrade"):
        RunFolder(tmp_path).check_usable()


STAGE = {
    "stage": "instruct",
    "folder": "1-instruct-0123abcd",
    "columns": [{"name": "instruction", "type": "string", "meaning": "m", "unit": ""}],
    "reads": [],
    "kind": "row",
    "settings": {},
    "version": 1,
    "models": {"asker": {"path": "p", "engine": "e", "why": "w"}},
}
SESSION = {"started": "x", "seconds": 1.0, "ended": "done", "stages": {"instruct": {"seconds": 1.0, "report": {}}}}
WHOLE = INDEX | {
    "format": 1,
    "seed": 0,
    "model": {"path": "p", "engine": "e"},
    "stages": [STAGE],
    "sessions": [SESSION],
}
STRANGE: list[Any] = [[], {}, "", "x", -1, 0.5, True, [1], [[]], [{}], {"a": 1}, 2**63]


def changed(value: Any) -> Iterator[Any]:
    """The value with each of its parts, at any depth, replaced by values of every kind, or left out of its object."""
    yield from (other for other in STRANGE if type(other) is not type(value))
    if isinstance(value, dict):
        for key in value:
            yield from ({**value, key: other} for other in changed(value[key]))
            yield {name: item for name, item in value.items() if name != key}
    if isinstance(value, list):
        for place in range(len(value)):
            yield from ([*value[:place], other, *value[place + 1 :]] for other in changed(value[place]))


def test_an_index_of_any_shape_is_read_or_named(tmp_path: Path) -> None:
    refused = []
    for index in changed(WHOLE):
        (tmp_path / "run.json").write_bytes(orjson.dumps(index))
        try:
            run = open_run(tmp_path)
            run.stale(), run.counts(), cost_of(run)
        except RunError as error:
            refused.append(str(error))
    assert all(message.isprintable() for message in refused)
    assert len(refused) > 300


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "x"}', "{", '{"format": 1}', "[" * 5_000, "\0", "null"])
def test_a_damaged_index_is_named_with_what_rebuilds_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(RunError, match=r"run\.json: not the index of a run .*`magpie run` with --out .* rebuilds it"):
        RunFolder(tmp_path).index()
    assert RunFolder(tmp_path).known_index() is None
    RunFolder(tmp_path).check_usable()


@pytest.mark.parametrize(
    "change", [{"stage": 'instruct" AS SELECT 1; --'}, {"folder": "../elsewhere"}, {"reads": ["a b"]}]
)
def test_an_index_whose_names_are_not_magpie_s_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    stage = {"stage": "instruct", "folder": "1-instruct-0123abcd", "columns": [], "reads": []} | change
    RunFolder(tmp_path).write_index({**INDEX, "stages": [stage]})
    with pytest.raises(RunError, match=r"run\.json: not the index of a run"):
        RunFolder(tmp_path).index()


def test_files_that_are_not_magpie_s_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    others = [tmp_path / "mine" / "notes.tmp", tmp_path / "data.jsonl.123.tmp"]
    for path in others:
        path.write_text("precious")
    with RunFolder(tmp_path).locked():
        assert all(path.exists() for path in others)


def test_reading_what_is_no_run_says_so(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="there is nothing here"):
        RunFolder(tmp_path / "none").index()
    with pytest.raises(RunError, match="not a run"):
        RunFolder(tmp_path).index()


def test_a_second_process_is_refused_and_a_dead_one_is_not_in_the_way(tmp_path: Path) -> None:
    hold = (
        "import sys; from pathlib import Path; from magpie.runs import RunFolder\n"
        "with RunFolder(Path(sys.argv[1])).locked(): print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(RunError, match="another process is working on this run"), RunFolder(tmp_path).locked():
            pass
        other.kill()
    with RunFolder(tmp_path).locked():
        pass


def test_taking_the_lock_sweeps_what_killed_writers_left(tmp_path: Path) -> None:
    (tmp_path / "1-instruct-0123abcd").mkdir()
    left = [tmp_path / "run.json.7.tmp", tmp_path / "1-instruct-0123abcd" / "00000.parquet.7.tmp"]
    for path in left:
        path.write_text("half")
    with RunFolder(tmp_path).locked():
        assert not any(path.exists() for path in left)


def test_a_stage_is_found_again_at_another_place_in_the_order(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    made = folder.stage(2, "respond", "0123abcd", (RESPONSE,))
    made.path.mkdir()
    assert folder.stage(5, "respond", "0123abcd", (RESPONSE,)).path == made.path
    assert folder.stage(2, "respond", "99999999", (RESPONSE,)).path.name == "2-respond-99999999"
