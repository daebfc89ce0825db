"""Workers on one bucket, each as on a machine of its own; and sessions that are killed, also with their machine."""

from __future__ import annotations

import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

import magpie
from magpie.runs import located
from magpie.runs.workers import read_workers
from tests.executors.at_work import ON_A_MACHINE_OF_ITS_OWN, Process, ended, finish, recipe_in, start, until
from tests.objects.buckets import Bucket

pytestmark = pytest.mark.objects

Machine = Callable[[str], Path]

QUICK = """
import magpie.runs.objects.news as news, magpie.runs.objects.outbox as outbox, magpie.runs.objects.writer as writer
news.LOOK_SECONDS = news._ALL_SECONDS = outbox.SEND_SECONDS = 0.3
writer.BEAT_SECONDS, writer.LOST_SECONDS = 0.5, 6.0
"""
ELSEWHERE = QUICK + ON_A_MACHINE_OF_ITS_OWN
"""As seen from the others, who cannot look for its process."""
LOST = 8.0
"""Seconds: a machine under load may not beat for some."""


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recipe_in(tmp_path_factory.mktemp("recipe"))


@pytest.fixture(scope="module")
def alone(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> pa.Table:
    """What one process makes in a folder."""
    return magpie.run(str(recipe), out=tmp_path_factory.mktemp("alone") / "shared").table()


def rows_of(folder: Path, process: Process) -> int:
    return sum(worker.rows for worker in read_workers(folder) if worker.process.pid == process.pid)


def killed(process: Process) -> None:
    process.kill()
    process.wait()


def check(url: str, alone: pa.Table, machine: Machine) -> None:
    machine("reader")
    assert magpie.open_run(url).table().equals(alone)


@pytest.mark.parametrize("second_machine", ["two", "one"])
def test_two_workers_make_the_dataset_of_one(
    bucket: Bucket, url: str, recipe: Path, alone: pa.Table, machine: Machine, second_machine: str
) -> None:
    """On two machines; and on one, where they share the folder that mirrors the bucket."""
    before = ELSEWHERE if second_machine == "two" else QUICK
    machine("one")
    first = start("run", "--recipe", recipe, "--out", url, before=before, team=2, lost=LOST)
    machine("watcher")
    folder = located(url)
    until(lambda: (located(url) / "run.json").exists())
    machine(second_machine)
    second = start("work", url, "--json", before=before, team=2, lost=LOST)
    with ended(first, second):
        finish(first)
        finish(second)
    check(url, alone, machine)
    owners = {session["owner"]: session for session in magpie.open_run(url).info["sessions"]}
    assert len(owners) == 2
    made = [sum(stage["made"] for stage in session["stages"].values()) for session in owners.values()]
    assert all(count > 0 for count in made), made
    assert not list(folder.glob("*/*.tmp"))


def test_a_machine_that_is_lost_costs_nothing_but_time(
    bucket: Bucket, url: str, recipe: Path, alone: pa.Table, machine: Machine
) -> None:
    machine("one")
    first = start("run", "--recipe", recipe, "--out", url, before=ELSEWHERE, team=2, lost=LOST)
    machine("two")
    until(lambda: (located(url) / "run.json").exists())
    cache = machine("three")
    second = start("work", url, before=ELSEWHERE, team=2, lost=LOST)
    with ended(first, second):
        until(lambda: any(rows_of(path.parent, second) > 5 for path in cache.rglob("run.json")))
        killed(second)
        shutil.rmtree(cache)
        finish(first)
    check(url, alone, machine)


def test_a_machine_that_sleeps_until_it_is_lost_does_no_harm_when_it_wakes(
    bucket: Bucket, url: str, recipe: Path, alone: pa.Table, machine: Machine
) -> None:
    machine("one")
    first = start("run", "--recipe", recipe, "--out", url, before=ELSEWHERE, team=2, lost=LOST)
    machine("two")
    until(lambda: (located(url) / "run.json").exists())
    cache = machine("three")
    second = start("work", url, "--json", before=ELSEWHERE, lost=LOST)
    with ended(first, second):
        until(lambda: any(rows_of(path.parent, second) > 5 for path in cache.rglob("run.json")))
        second.send_signal(signal.SIGSTOP)
        finish(first)
        second.send_signal(signal.SIGCONT)
        finish(second)
    check(url, alone, machine)


def test_a_session_that_is_killed_at_any_instant_loses_nothing(
    bucket: Bucket, url: str, recipe: Path, alone: pa.Table, machine: Machine
) -> None:
    """Every second time its machine is lost with it."""
    dice, kills = random.Random(7), 0
    for attempt in range(8):
        cache = machine(f"machine-{attempt // 2}")
        process = start("run", "--recipe", recipe, "--out", url, before=QUICK, lost=LOST)
        with ended(process):
            known = {path: path.stat().st_mtime_ns for path in cache.rglob("recipe.yaml")}
            until(lambda before=known, cache=cache, process=process: process.poll() is not None or begun(cache, before))  # type: ignore[misc]
            time.sleep(dice.uniform(0.0, 3.0))
            if process.poll() is None:
                kills += 1
                killed(process)
        if attempt % 2:
            shutil.rmtree(cache, ignore_errors=True)
    machine("last")
    process = start("run", "--out", url, before=QUICK, lost=LOST)
    with ended(process):
        finish(process)
    assert kills >= 4
    check(url, alone, machine)


def begun(cache: Path, before: dict[Path, int]) -> bool:
    """Whether a session has written its recipe since."""
    return any(path.stat().st_mtime_ns != before.get(path) for path in cache.rglob("recipe.yaml"))


def test_one_process_writes_the_index_and_a_second_one_is_told_so(
    bucket: Bucket, url: str, recipe: Path, alone: pa.Table, machine: Machine
) -> None:
    machine("one")
    first = start("run", "--recipe", recipe, "--out", url, before=ELSEWHERE, lost=LOST)
    machine("two")
    until(lambda: (located(url) / "run.json").exists())
    second = start("run", "--out", url, before=ELSEWHERE, lost=LOST)
    with ended(first, second):
        output, _ = second.communicate(timeout=120)
        assert second.returncode == 2, output
        assert "another process is working on this run" in output
        finish(first)
    check(url, alone, machine)


def test_the_place_of_one_that_was_killed_is_taken(
    bucket: Bucket, url: str, recipe: Path, alone: pa.Table, machine: Machine
) -> None:
    machine("one")
    first = start("run", "--recipe", recipe, "--out", url, before=ELSEWHERE, lost=LOST)
    machine("two")
    with ended(first):
        until(lambda: (located(url) / "run.json").exists())
        killed(first)
    second = start("run", "--out", url, before=ELSEWHERE, lost=LOST)
    with ended(second):
        finish(second)
    check(url, alone, machine)
