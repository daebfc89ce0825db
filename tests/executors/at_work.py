"""Workers of a run as processes of their own, that find each other lost within seconds: for tests of several."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet as pq

import magpie
from magpie.runs.workers import read_workers

RECIPE = """
name: shared
size: 240
shard_rows: 64
seed: 11
engine: {name: scripted, window: 4, seconds: 0.1, fail_rate: 0.03}
instruct: {first_token_bans: [What]}
"""
"""Few shards, so that workers share them; rows that fail, which are not tried twice by two workers; a request that is
sampled again, so that completions are replayed."""

_BEGIN = """
import sys
import magpie.runs.workers as workers
workers.BEAT_SECONDS, workers.LOST_SECONDS = 0.2, {lost}

import time
import magpie.executors.making as making
make, begun = making._run_stage, []
def gated(sitting, inputs, pool):
    while not begun and len(list((sitting.team.run / "workers").glob("*.json"))) < {team}:
        time.sleep(0.02)
    begun.append(True)
    return make(sitting, inputs, pool)
making._run_stage = gated

{before}
from magpie.cli import main
main(sys.argv[1:])
"""

ON_A_MACHINE_OF_ITS_OWN = """
import uuid, magpie.runs.owner as owner
name = uuid.uuid4().hex
owner._machine = lambda: name
"""
"""Other workers cannot look for its process: they see its counter alone."""

Process = subprocess.Popen[str]


def start(*words: object, before: str = "", lost: float = 4.0, team: int = 1) -> Process:
    """A command of magpie in a process of its own. before: Python that is run in it first. team: how many workers have
    to be there before it takes rows, however long their starts take."""
    program = _BEGIN.format(before=before, lost=lost, team=team)
    command = [sys.executable, "-c", program, *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@contextmanager
def ended(*processes: Process) -> Iterator[None]:
    """No process outlives the block."""
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def finish(process: Process, seconds: float = 120.0, code: int = 0) -> str:
    """What a command printed, once it has ended with an exit code."""
    output, _ = process.communicate(timeout=seconds)
    assert process.returncode == code, output
    return output


def until(what: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it does not become so"
        time.sleep(0.02)


def rows_of(out: Path, process: Process) -> int:
    """Rows that the worker in a process has ended."""
    return sum(worker.rows for worker in read_workers(out) if worker.process.pid == process.pid)


def recipe_in(folder: Path) -> Path:
    path = folder / "shared.yaml"
    path.write_text(RECIPE)
    return path


def sealed(out: Path) -> dict[str, bytes]:
    """Every sealed file, by its place in the run."""
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.glob("*-*/*.parquet"))}


def check_same(out: Path, alone: Path, *, sessions: int = 1) -> None:
    """The run has the dataset that one process made alone: byte for byte, unless later sessions have tried again what
    failed, and then each such row says how often it was tried."""
    if sessions == 1:
        files, expected = sealed(out), sealed(alone)
        assert files.keys() == expected.keys()
        for name in files:
            assert pq.read_table(out / name).to_pylist() == pq.read_table(alone / name).to_pylist()
            assert files[name] == expected[name]
    assert magpie.open_run(out).table().equals(magpie.open_run(alone).table())
