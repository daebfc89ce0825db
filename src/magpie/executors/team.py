"""One worker among those of a run: its heart, who else is there, and the leases of each stage.

A `magpie run` that is alone is a team of one. Knows no stage's work and no engine.
"""

from __future__ import annotations

import platform
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import magpie.runs.workers as limits
from magpie.install import magpie_version
from magpie.runs.leases import FolderStore, LeaseStore
from magpie.runs.objects.work import working
from magpie.runs.owner import owner_name, this_process
from magpie.runs.ranges import Held, ShardLeases, decode
from magpie.runs.workers import LEASES, Heart, Watcher, Worker, forget_worker, idle_owners, owners, read_workers

_ROUND = "round"
_PAUSE = 0.001
"""Seconds before a record that another worker has changed meanwhile is read again."""


@dataclass(slots=True)
class Team:
    """This worker and the others of a run."""

    run: Path
    heart: Heart
    store: LeaseStore
    watcher: Watcher
    round: int
    clock: Callable[[], float] = time.monotonic
    is_in_index: bool = False
    """Whether `run.json` says all that this worker's file does."""
    _others: int = 0
    _counted: float = -1e9
    _looked: float = -1e9
    _gone: set[str] = field(default_factory=set)

    @property
    def owner(self) -> str:
        return self.heart.worker.owner

    def size(self) -> int:
        """The current workers, this one included; refreshed at intervals."""
        if self.clock() - self._counted > limits.BEAT_SECONDS:
            self._counted = self.clock()
            others = [owner for owner in owners(self.run) if owner != self.owner and owner not in self._gone]
            self._gone |= {owner for owner in others if self.watcher.is_lost(owner)}
            self._others = sum(owner not in self._gone for owner in others)
        return 1 + self._others

    def knows_lost(self, owner: str) -> bool:
        """Whether a worker's counter has not changed for too long, or the worker has left, in this session."""
        return owner in self._gone

    def others_wait(self) -> bool:
        """Whether another worker has no rows. Checked at intervals, and false in between."""
        if self.clock() - self._looked <= limits.BEAT_SECONDS / 5:
            return False
        self._looked = self.clock()
        return bool(idle_owners(self.run) - {self.owner} - self._gone)

    def rest(self) -> None:
        """Wait for a moment, since others have all the rows that are left."""
        self.heart.set_idle(True)
        time.sleep(min(0.2, limits.BEAT_SECONDS / 10))

    def busy(self) -> None:
        """There are rows again."""
        self.heart.set_idle(False)


@contextmanager
def team_of(run: Path, executor: str, store: LeaseStore | None = None) -> Iterator[Team]:
    """Work on a run as one of those who do. A round begins where nobody else is there."""
    session: dict[str, Any] = {"id": uuid.uuid4().hex[:12], "seconds": 0.0, "ended": None, "error": None, "stages": {}}
    host = socket.gethostname() or platform.node()
    worker = Worker(owner_name(), host, this_process(), magpie_version(), executor, session=session)
    team = None
    with working(run) as records:
        store = store or records or FolderStore(run / LEASES)
        try:
            with Heart(run, worker).beating() as heart:
                others = [other for other in read_workers(run) if other.owner != worker.owner and not other.is_gone()]
                team = Team(run, heart, store, Watcher(run), _round(store, begin=not others))
                yield team
        finally:
            if team is not None and team.is_in_index:
                forget_worker(run, worker.owner)


def _round(store: LeaseStore, *, begin: bool) -> int:
    """The number of the round that the run is in; where one begins, the next."""
    while True:
        stored = store.read(_ROUND)
        number = int(stored.data) if stored is not None and stored.data.isdigit() else 0
        if not begin and number:
            return number
        data = b"%d" % (number + 1)
        done = store.create(_ROUND, data) if stored is None else store.replace(_ROUND, data, stored.version)
        if done is not None:
            return number + 1
        begin = False  # another one did


class StageLeases:
    """The records of one stage's shards, as this worker reads and changes them."""

    def __init__(self, team: Team, stage: str) -> None:
        """stage: the name of its folder, which names its rows."""
        self.team = team
        self._stage = stage
        self._known: dict[int, tuple[ShardLeases, str | None]] = {}

    def look(self, number: int) -> ShardLeases:
        """A shard's record as it is now."""
        stored = self.team.store.read(self._name(number))
        leases = self._of_now(b"" if stored is None else stored.data)
        self._known[number] = leases, None if stored is None else stored.version
        return leases

    def change(self, number: int, what: Callable[[ShardLeases], ShardLeases | None]) -> ShardLeases | None:
        """Put what `what` makes of a shard's record; None where it makes nothing of the record as it is now. It
        is given what is remembered of the record first: that costs no request where this worker changed it last."""
        name, is_fresh = self._name(number), number not in self._known
        if is_fresh:
            self.look(number)
        while True:
            leases, version = self._known.pop(number)
            new = what(leases)
            if new is None and is_fresh:
                return None
            if new is not None:
                store, data = self.team.store, new.encode()
                put = store.create(name, data) if version is None else store.replace(name, data, version)
                if put is not None:
                    self._known[number] = new, put
                    return new
                time.sleep(_PAUSE)
            self.look(number)
            is_fresh = True

    def holds(self, number: int, held: Held) -> bool:
        """Whether a range is still this worker's."""
        return self.look(number).has(held)

    def _of_now(self, data: bytes) -> ShardLeases:
        """The record; of an earlier round only its epoch counts."""
        try:
            leases = decode(data) if data else ShardLeases(self.team.round)
        except ValueError:
            leases = ShardLeases(self.team.round)
        if leases.round > self.team.round:
            self.team.round = leases.round
        return leases if leases.round == self.team.round else ShardLeases(self.team.round, leases.epoch)

    def _name(self, number: int) -> str:
        return f"{self._stage}/{number:05d}"
