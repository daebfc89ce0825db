"""A run on a server that misbehaves, watched from outside; and what is held against it afterwards."""

from __future__ import annotations

import os
import re
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from magpie.runs import Run, open_run
from tests.chaos.misbehaving import KEY, VARIABLE, Misbehaving, host, misbehaving, recipe, restart
from tests.crash.commands import Command, Ended, started
from tests.engines.fault_server import FaultServer

SAMPLE_SECONDS = 0.2
ENDINGS = (0, 1, 2)
"""Exit codes of a run whose server misbehaves: done, nothing made, or lost."""
USER_ERROR = 2
MOST_SESSIONS = 40
"""A server that answers badly while it is asked what it is ends a session in a line."""


@dataclass
class Sample:
    """What a process holds at a moment."""

    pid: int
    seconds: float
    memory: int
    """Resident, in bytes."""
    descriptors: int
    threads: int


@dataclass
class Watched:
    """What came of a run."""

    samples: list[Sample] = field(default_factory=list)
    sessions: int = 0
    endings: Counter[str] = field(default_factory=Counter)
    """What sessions said that ended with exit code 2, cut short."""
    requests: int = 0
    rows: int = 0
    """Rows of all stages that the misbehaving server made."""
    failed: int = 0
    """And those that it left with an error."""
    faults: list[str] = field(default_factory=list)


def sample(pid: int, began: float) -> Sample | None:
    """None where the process is gone."""
    try:
        told = Path(f"/proc/{pid}/status").read_text()
        descriptors = len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 (of /proc)
    except OSError:
        return None
    numbers = dict(re.findall(r"^(VmRSS|Threads):\s+(\d+)", told, re.MULTILINE))
    if "VmRSS" not in numbers:
        return None
    return Sample(pid, time.monotonic() - began, 1024 * int(numbers["VmRSS"]), descriptors, int(numbers["Threads"]))


def watch(command: Command, samples: list[Sample], began: float) -> Ended:
    """Sample the process until it ends."""
    while not command.wait(SAMPLE_SECONDS):
        found = sample(command.pid, began)
        if found is not None:
            samples.append(found)
    return command.end()


def chaotic_run(
    folder: Path, rows: int, rate: float, seed: int = 0, restarts: float | None = None, sessions: int = 3
) -> tuple[Watched, Misbehaving]:
    """Make a run on a server that misbehaves, then let a good one make what is left, and check both.

    rate: the share of requests that something happens to. restarts: seconds between two restarts of the server.
    sessions: how often the command is repeated while the server misbehaves; rows that failed are tried again.
    """
    watched = Watched()
    with misbehaving(rate, seed) as (chaos, server):
        (folder / "recipe.yaml").write_text(recipe(server.url, rows))
        arguments = (
            "run",
            "--recipe",
            "recipe.yaml",
            "--out",
            "run",
            "--json",
            "--allow-key",
            f"{VARIABLE}@{host(server)}",
        )
        done = threading.Event()
        restarting = None if restarts is None else restart(server, restarts, 0.3, done)
        try:
            _sessions(arguments, folder, watched, again=sessions)
        finally:
            done.set()
            if restarting is not None:
                restarting.join()
        watched.requests = len(server.asked)
        _check_rows(open_run(folder / "run"), watched)
        chaos.rate = 0.0
        _sessions((*arguments, "--retry-failed"), folder, watched, again=1)
        _check_whole(open_run(folder / "run"), rows, watched)
        _check_keys(folder, chaos, server, watched)
    return watched, chaos


def _sessions(arguments: tuple[str, ...], folder: Path, watched: Watched, again: int) -> None:
    """Repeat the command until it has ended well or left rows failed `again` times."""
    began, ended_well = time.monotonic(), 0
    for _ in range(MOST_SESSIONS):
        with started(arguments, folder, environment={VARIABLE: KEY}) as command:
            ended = watch(command, watched.samples, began)
        watched.sessions += 1
        if ended.code == USER_ERROR:
            watched.endings[re.sub(r":\d+|\d+ s", "", ended.errors.rpartition("error: ")[2])[:120].strip()] += 1
        if ended.code not in ENDINGS or "Traceback" in ended.errors:
            watched.faults.append(f"exit code {ended.code}: {ended.errors[-600:]!r}")
        if KEY in ended.errors or "\x1b[31m 4" in ended.errors:
            watched.faults.append("the key, or a control sequence of the server, is on the terminal")
        ended_well += ended.code in (0, 1)
        if ended_well >= again:
            return
    watched.faults.append(f"not done after {MOST_SESSIONS} sessions")


def _check_rows(run: Run, watched: Watched) -> None:
    """Every row that reached a stage is made or has its error."""
    left = run.size
    for stage in run.counts():
        if stage.made + stage.failed != left:
            watched.faults.append(f"{stage.stage}: {stage.made} made and {stage.failed} failed of {left} rows")
        left = stage.made - sum(stage.dropped.values())
        watched.rows += stage.made
        watched.failed += stage.failed
    unsaid = [row for row in run.rows(kept=False) if row["error"] is not None and not row["error"].strip()]
    if unsaid:
        watched.faults.append(f"{len(unsaid)} rows failed without a word")


def _check_whole(run: Run, rows: int, watched: Watched) -> None:
    """With a server that answers, nothing stays failed."""
    for stage in run.counts():
        if stage.failed:
            watched.faults.append(f"{stage.stage}: {stage.failed} rows are still failed: {stage.commonest_error}")
    count = run.counts()[0].made
    if count != rows:
        watched.faults.append(f"{count} rows of {rows}")


def _check_keys(folder: Path, chaos: Misbehaving, server: FaultServer, watched: Watched) -> None:
    if not any(KEY in ask.headers.get("Authorization", "") for ask in server.asked):
        watched.faults.append("the server was never given its key: nothing was tried")
    if elsewhere := chaos.keys_elsewhere():
        watched.faults.append(f"the key went to another host {elsewhere} times")
    if written := [path for path in folder.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]:
        watched.faults.append(f"the key is in {written[0].name}")
