"""Several workers make one run: the same dataset as one alone, whoever is killed, sleeps, or has another clock."""

from __future__ import annotations

import signal
from pathlib import Path

import orjson
import pytest

import magpie
from magpie.runs.workers import look_at
from tests.executors.at_work import (
    ON_A_MACHINE_OF_ITS_OWN,
    check_same,
    ended,
    finish,
    recipe_in,
    rows_of,
    start,
    until,
)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of one process."""
    folder = tmp_path_factory.mktemp("alone")
    finish(start("run", "--recipe", recipe_in(folder), "--out", folder / "run"))
    return folder / "run"


def is_run(out: Path) -> bool:
    return (out / "run.json").exists()


def test_workers_that_join_make_the_dataset_of_one_and_each_makes_some_of_it(alone: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    first = start("run", "--recipe", recipe_in(tmp_path), "--out", out, team=3)
    with ended(first):
        until(lambda: is_run(out))
        joined = [start("work", out, before=ON_A_MACHINE_OF_ITS_OWN, team=3) for _ in range(2)]
        with ended(*joined):
            until(lambda: all(rows_of(out, process) for process in joined))
            assert {state for _, state in look_at(out, 2.0)} == {"working"}
            for process in (first, *joined):
                finish(process)
    check_same(out, alone)
    sessions = magpie.open_run(out).info["sessions"]
    assert [session["executor"] for session in sessions] == ["workers", "workers", "local"]
    made = [sum(counts["made"] + counts["failed"] for counts in session["stages"].values()) for session in sessions]
    assert min(made) > 0
    assert sum(made) == sum(counts.made + counts.failed for counts in magpie.open_run(out).counts())


def test_a_worker_that_is_killed_costs_nothing_but_its_time(alone: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    first = start("run", "--recipe", recipe_in(tmp_path), "--out", out, team=3)
    with ended(first):
        until(lambda: is_run(out))
        near = start("work", out, team=3)
        far = start("work", out, before=ON_A_MACHINE_OF_ITS_OWN, team=3)
        with ended(near, far):
            until(lambda: rows_of(out, near) and rows_of(out, far))
            near.kill()
            far.kill()
            finish(first)
    check_same(out, alone)


def test_the_run_goes_on_without_the_process_that_began_it(alone: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    first = start("run", "--recipe", recipe_in(tmp_path), "--out", out, team=2)
    with ended(first):
        until(lambda: is_run(out))
        other = start("work", out, team=2)
        with ended(other):
            until(lambda: rows_of(out, other))
            first.kill()
            finish(other)
    check_same(out, alone)
    finish(start("run", "--out", out), code=1)  # what failed fails again
    assert magpie.open_run(out).info["sessions"][-1]["ended"] is not None
    check_same(out, alone, sessions=2)


def test_a_worker_that_sleeps_until_it_is_lost_does_no_harm_when_it_wakes(alone: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    first = start("run", "--recipe", recipe_in(tmp_path), "--out", out, lost=2.0, team=2)
    with ended(first):
        until(lambda: is_run(out))
        sleeper = start("work", out, lost=2.0, team=2)
        with ended(sleeper):
            until(lambda: rows_of(out, sleeper))
            sleeper.send_signal(signal.SIGSTOP)
            finish(first)  # which can only be once it took the sleeper's rows
            before = {path: path.stat().st_mtime_ns for path in out.glob("*-*/*.parquet")}
            sleeper.send_signal(signal.SIGCONT)
            finish(sleeper)
            assert {path: path.stat().st_mtime_ns for path in out.glob("*-*/*.parquet")} == before
    check_same(out, alone)
    finish(start("run", "--out", out), code=1)  # what failed fails again
    check_same(out, alone, sessions=2)
    assert not list(out.glob("*-*/*.tmp"))


CLOCK = """

wall, mono, shift = time.time, time.monotonic, {shift}
time.time = lambda: wall() + shift
time.monotonic = lambda: mono() + shift
"""


def test_clocks_that_are_days_apart_change_nothing(alone: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    first = start("run", "--recipe", recipe_in(tmp_path), "--out", out, team=2, before=CLOCK.format(shift=-3e5))
    with ended(first):
        until(lambda: is_run(out))
        other = start("work", out, team=2, before=ON_A_MACHINE_OF_ITS_OWN + CLOCK.format(shift=3e5))
        with ended(other):
            until(lambda: rows_of(out, other))
            finish(first)
            finish(other)
    check_same(out, alone)


NO_LOCKS = """
import fcntl, filelock
fcntl.flock = fcntl.lockf = lambda *_: None
filelock.FileLock.acquire = lambda self, *_, **__: None
filelock.FileLock.release = lambda self, *_, **__: None
"""


def test_where_locks_do_nothing_two_runs_at_once_make_one_dataset(alone: Path, tmp_path: Path) -> None:
    out, recipe = tmp_path / "run", recipe_in(tmp_path)
    both = [start("run", "--recipe", recipe, "--out", out, before=NO_LOCKS, team=2) for _ in range(2)]
    with ended(*both):
        for process in both:
            finish(process)
    check_same(out, alone)


def test_a_worker_of_another_magpie_or_of_other_rows_is_refused_in_one_line(alone: Path, tmp_path: Path) -> None:
    other = (
        "import magpie.install as install\ninstall.magpie_version.cache_clear()\ninstall.magpie_version = lambda: '9'"
    )
    refused = start("work", alone, before=other)
    output, _ = refused.communicate(timeout=60)
    assert (refused.returncode, output.count("\n")) == (2, 1)
    assert "this worker is magpie 9; expected the same version on every machine" in output
    nothing = start("work", tmp_path)
    output, _ = nothing.communicate(timeout=60)
    assert (nothing.returncode, "not a run" in output) == (2, True)


def test_what_a_worker_says_of_itself_is_read_with_suspicion(alone: Path, tmp_path: Path) -> None:
    before = magpie.open_run(alone).info["sessions"]
    folder = alone / "workers"
    for number, text in enumerate([b"", b"[]", b"{}", b"\xff", orjson.dumps({"counter": -1, "host": {}})]):
        (folder / f"evil-{number:012x}.json").write_bytes(text)
    (folder / "../../etc.json").write_bytes(b"{}")
    try:
        assert magpie.open_run(alone).info["sessions"] == before
        assert look_at(alone, 0.0) == []
    finally:
        for path in folder.glob("evil-*"):
            path.unlink()
