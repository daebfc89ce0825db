"""Who works on a run: each worker's own file, with a counter that moves as long as it lives.

`workers/OWNER.json` is written by that worker alone, every few seconds. A worker is lost when its counter has stood
still for `LOST_SECONDS` on the watcher's own monotonic clock; clocks and file times of two machines are never compared.
A process of the watcher's own machine that has ended is lost at once. Knows no rows.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import orjson

from magpie.errors import StorageError
from magpie.runs.files import make_folder, put_unsynced, remove, storage, temporary_name
from magpie.runs.index import STAGE_FOLDER, check_session
from magpie.runs.owner import Process, has_ended, is_owner, this_process

WORKERS, LEASES = "workers", "leases"
"""Folders of a run: its workers' files, and the records of their leases."""
TOKEN = "token"
"""A file beside the workers' own, by which an actor of Ray sees that its folder is the driver's."""
BEAT_SECONDS = 5.0
"""Between two moves of a counter."""
LOST_SECONDS = 60.0
"""A counter that stood still for so long is that of a worker that is lost."""

_MOST_BYTES = 1 << 20


@dataclass(slots=True)
class Worker:
    """The status that a worker writes."""

    owner: str
    host: str
    process: Process
    magpie: str
    """The version."""
    executor: str
    counter: int = 0
    stage: str | None = None
    """What it works on just now."""
    rows: int = 0
    """Rows that it has ended in this session, in all stages."""
    session: dict[str, Any] = field(default_factory=dict)
    """As `run.json` has a session: started, seconds, ended, error, stages."""

    @property
    def ended(self) -> bool:
        """Whether it said that it leaves."""
        return self.session.get("ended") is not None

    def plain(self) -> dict[str, Any]:
        """Its session as `run.json` has it."""
        return {**self.session, "owner": self.owner, "host": self.host, "executor": self.executor}

    def is_gone(self) -> bool:
        """Whether it has left, or was a process of this machine that has ended: known without watching it."""
        return self.ended or has_ended(self.process)


def workers_folder(run: Path) -> Path:
    return run / WORKERS


def read_worker(run: Path, owner: str) -> Worker | None:
    """The status in a worker's file; None where there is no such file, or no valid one."""
    try:
        with (workers_folder(run) / f"{owner}.json").open("rb") as file:
            return _decode(owner, orjson.loads(file.read(_MOST_BYTES)))
    except (OSError, ValueError):
        return None


def _decode(owner: str, plain: Any) -> Worker:
    """Raises `ValueError` for what no worker wrote: anybody may write into a folder."""
    try:
        process, texts = Process(**plain["process"]), (plain["host"], plain["magpie"], plain["executor"])
        numbers = (plain["counter"], plain["rows"], process.pid, process.started)
        check_session(plain["session"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"no file of a worker: {error}") from error
    if not all(isinstance(text, str) for text in (*texts, process.machine)):
        raise ValueError("a worker's host, version or executor that is no text")
    if not all(type(number) is int and 0 <= number < 2**63 for number in numbers) or process.pid < 1:
        raise ValueError("a worker's number that is none")
    if not isinstance(plain["stage"], str | None):
        raise ValueError("a worker's stage that is no text")
    return Worker(owner, *texts[:1], process, *texts[1:], *numbers[:1], plain["stage"], plain["rows"], plain["session"])


def owners(run: Path) -> list[str]:
    """The names of those that have a file, in order."""
    try:
        names = sorted(entry.name for entry in workers_folder(run).iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [name.removesuffix(".json") for name in names if name.endswith(".json") and is_owner(name[:-5])]


def read_workers(run: Path) -> list[Worker]:
    """Every worker that has a file, in the order of their names.

    [worker.host for worker in read_workers(Path("runs/air")) if not worker.is_gone()]
    """
    found = (read_worker(run, owner) for owner in owners(run))
    return [worker for worker in found if worker is not None]


def forget_worker(run: Path, owner: str) -> None:
    """Remove a worker's file: it has left, and `run.json` says what it did."""
    remove(workers_folder(run) / f"{owner}.json")
    remove(workers_folder(run) / f"{owner}.idle")


def idle_owners(run: Path) -> set[str]:
    """The number of workers that wait for rows. Lists a folder once: it is called often."""
    try:
        return {entry.name[:-5] for entry in workers_folder(run).iterdir() if entry.name.endswith(".idle")}
    except (FileNotFoundError, NotADirectoryError):
        return set()


State = Literal["working", "silent", "gone"]
"""`working`: it lives. `silent`: on another machine, and its counter did not move while somebody looked. `gone`: it was
killed, or it ended without saying so."""


def look_at(run: Path, seconds: float | None = None) -> list[tuple[Worker, State]]:
    """The workers that have not left, each with its state. On another machine, only a changing counter shows that a
    worker lives: the call waits up to so many seconds for that.

    [worker.owner for worker, state in look_at(Path("runs/air")) if state == "working"]
    """
    most, began = 1.5 * BEAT_SECONDS if seconds is None else seconds, time.monotonic()
    here = this_process().machine
    found = [worker for worker in read_workers(run) if not worker.ended]
    states: dict[str, State] = {
        worker.owner: "gone" if worker.is_gone() else "working" for worker in found if worker.process.machine == here
    }
    unknown = [worker for worker in found if worker.owner not in states]
    while unknown and time.monotonic() - began < most:
        time.sleep(min(0.25, most))
        for worker in list(unknown):
            now = read_worker(run, worker.owner)
            if now is None or now.counter != worker.counter:
                states[worker.owner] = "gone" if now is None or now.ended else "working"
                unknown.remove(worker)
    return [(worker, states.get(worker.owner, "silent")) for worker in found]


class Watcher:
    """Finds lost workers: those whose counters have not changed for some time while it watched."""

    def __init__(self, run: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._run, self._clock = run, clock
        self._seen: dict[str, tuple[int | None, float]] = {}

    def is_lost(self, owner: str) -> bool:
        """Whether a worker is lost, or has left. The first look begins the watch."""
        worker = read_worker(self._run, owner)
        if worker is not None and worker.is_gone():
            return True
        counter, now = None if worker is None else worker.counter, self._clock()
        before = self._seen.get(owner)
        if before is None or before[0] != counter:
            self._seen[owner] = counter, now
            return False
        return now - before[1] > LOST_SECONDS


class Heart:
    """Keeps this worker's file: a thread moves the counter, whatever the worker is busy with."""

    def __init__(self, run: Path, worker: Worker, clock: Callable[[], float] = time.monotonic) -> None:
        self.worker = worker
        self._run, self._clock = run, clock
        self._path = workers_folder(run) / f"{worker.owner}.json"
        self._idle_path = self._path.with_suffix(".idle")
        self._idle = False
        self.fill: Callable[[Worker], None] = lambda _: None
        """Called before each beat, to put what there is to say into the worker."""
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._beaten = clock()

    @contextmanager
    def beating(self) -> Iterator[Heart]:
        """Write now, and every `BEAT_SECONDS` until the end of the block."""
        make_folder(self._path.parent, synced=False)
        self.beat()
        thread = threading.Thread(target=self._keep_beating, name="heart", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            thread.join()
            self.set_idle(False)

    def _keep_beating(self) -> None:
        while not self._stop.wait(BEAT_SECONDS):
            try:
                self.beat()
            except (StorageError, ValueError, TypeError):
                continue  # the next beat may be written; what the worker writes itself tells what is wrong

    def beat(self) -> None:
        """Increase the counter, and write the worker's current status."""
        with self._lock:
            began = self._clock()
            self.worker.counter += 1
            with suppress(RuntimeError):  # what is counted just now grew meanwhile: the next beat has it
                self.fill(self.worker)
            put_unsynced(self._path, orjson.dumps(asdict(self.worker)))
            self._beaten = began

    def was_away(self) -> bool:
        """Whether the counter stood still for so long that others may have taken what this worker had."""
        return self._clock() - self._beaten > LOST_SECONDS / 2

    def set_idle(self, idle: bool) -> None:
        """Say that this worker waits for rows, so that others give some back; or that it has some."""
        if idle == self._idle:
            return
        self._idle = idle
        if idle:
            put_unsynced(self._idle_path, b"")
        else:
            remove(self._idle_path)


def with_workers(sessions: list[dict[str, Any]], workers: list[Worker]) -> list[dict[str, Any]]:
    """The sessions of `run.json` with those of workers that it does not have yet, or not as they are now. The last one
    stays the last: it is that of the latest `magpie run`."""
    now = {worker.session.get("id"): worker.plain() for worker in workers}
    known = [now.pop(each.get("id") or "", each) for each in sessions]
    return [*known[:-1], *now.values(), *known[-1:]]


def remove_leases(run: Path) -> None:
    """Remove the leases of a run that has no workers. A worker that starts now finds none, and claims rows again."""
    folder = run / LEASES
    with storage(folder):
        for entry in list(folder.iterdir()) if folder.is_dir() else ():
            if STAGE_FOLDER.fullmatch(entry.name):
                with suppress(FileNotFoundError):  # another one removes them, too
                    shutil.rmtree(entry.rename(temporary_name(entry)), ignore_errors=True)
