"""Several engines of one model, each in a child process, behind the seam of one engine.

The next request goes to the replica that will answer it soonest (`balance`). When a replica's process ends, it is
started again, and the requests that it held go to the others. A request that was held at two such ends is run alone,
and one that a replica ends with alone fails: the rule that a run has for rows. Use it from one thread.
"""

from __future__ import annotations

import select
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from magpie.engines.balance import Balance, Load
from magpie.engines.child.engine import ChildEngine, ChildSpec, StartingChild
from magpie.errors import EngineCrashed, EngineDied, MagpieError, RequestFailed
from magpie.log import logger
from magpie.safe.redaction import redact
from magpie.seams import Completion, Request

MOST_DEATHS = 3
"""After this many deaths of a replica without an answer in between it is not started again."""
HELD_AT_DEATHS = 2
"""Ends at which a request was held, after which it is run alone."""
FIRST_WAIT = 60.0
"""Seconds between two checks of a replica that is opening."""

Answer = Completion | RequestFailed
_log = logger(__name__)


@dataclass(slots=True, eq=False)
class _Held:
    ticket: int
    request: Request
    sent_at: float = 0.0
    deaths: int = 0
    """At which it was held."""


@dataclass(slots=True, eq=False)
class _Replica:
    number: int
    spec: ChildSpec
    starting: StartingChild
    """Its process, also once the engine in it is open."""
    engine: ChildEngine | None = None
    """None while it opens."""
    load: Load = field(default_factory=lambda: Load(most=1))
    held: dict[int, _Held] = field(default_factory=dict)
    deaths: int = 0
    """In a row, with no answer between."""
    is_retired: bool = False
    is_reserved: bool = False
    """It gets nothing more until a request has run alone on it."""

    @property
    def is_open(self) -> bool:
        return self.engine is not None


@contextmanager
def open_replicas(specs: Sequence[ChildSpec]) -> Iterator[Replicas]:
    """Open one engine for each spec, all at the same time; leaving the block ends their processes.

    Raises what the first raises that does not open.
    """
    replicas: list[_Replica] = []
    try:
        for number, spec in enumerate(specs):
            replicas.append(_Replica(number, spec, StartingChild(spec)))
        for replica in replicas:
            while replica.engine is None:
                replica.engine = replica.starting.engine(FIRST_WAIT)
        engine = Replicas(replicas)
        yield engine
    finally:
        for replica in replicas:
            with suppress(OSError):
                replica.starting.close(patient=replica.is_open)


class Replicas:
    """Obeys `seams.Engine`. `open_replicas` makes it and closes it."""

    def __init__(self, replicas: Sequence[_Replica]) -> None:
        self._all = list(replicas)
        engines = [replica.engine for replica in replicas if replica.engine is not None]
        self.context = min(engine.context for engine in engines)
        self.vocab_size, self.trained_context = engines[0].vocab_size, engines[0].trained_context
        self.capabilities = engines[0].capabilities
        self._waiting: deque[_Held] = deque()
        self._suspects: deque[_Held] = deque()
        """To be run alone."""
        self._failed: list[tuple[int, Answer]] = []
        self._gone: EngineDied | None = None
        for replica in replicas:
            self._opened(replica)

    @property
    def window(self) -> int:
        """The sum of what the open replicas hold; at least 1, as the others are being started again."""
        return max(1, sum(replica.load.limit.room for replica in self._all if replica.is_open))

    @property
    def pids(self) -> list[int]:
        """The processes of the open replicas."""
        return [replica.engine.pid for replica in self._all if replica.engine is not None]

    def submit(self, ticket: int, request: Request) -> None:
        self._waiting.append(_Held(ticket, request))

    def poll(self, wait: float) -> Sequence[tuple[int, Answer]]:
        until = time.monotonic() + wait
        while True:
            self._dispatch()
            done = self._collect()
            left = until - time.monotonic()
            if done or (left <= 0 and self._gone is None):
                return done
            if self._gone is not None:
                raise self._gone
            self._dispatch()
            self._sleep(left)

    def cancel(self, tickets: Sequence[int]) -> None:
        gone = set(tickets)
        self._failed = [answer for answer in self._failed if answer[0] not in gone]
        self._waiting = deque(held for held in self._waiting if held.ticket not in gone)
        self._suspects = deque(held for held in self._suspects if held.ticket not in gone)
        for replica in self._all:
            if mine := gone & replica.held.keys():
                for ticket in mine:
                    del replica.held[ticket]
                    replica.load.ended()
                if replica.engine is not None:
                    replica.engine.cancel(list(mine))

    # -- requests ------------------------------------------------------------------------------------------------------

    def _dispatch(self) -> None:
        """Hand what waits to replicas with room."""
        now = time.monotonic()
        self._dispatch_alone(now)
        balance = Balance([replica for replica in self._all if replica.is_open and not replica.is_reserved])
        while self._waiting and (replica := balance.pick(now)) is not None:
            self._send(replica, self._waiting.popleft(), now)

    def _dispatch_alone(self, now: float) -> None:
        """Run one suspect on a replica that holds nothing else; keep one free for it where there is none."""
        reserved = [replica for replica in self._all if replica.is_reserved]
        if self._suspects and not reserved:
            ready = [replica for replica in self._all if replica.is_open]
            reserved = sorted(ready, key=lambda replica: len(replica.held))[:1]
        for replica in reserved:
            replica.is_reserved = bool(self._suspects or replica.held) and replica.is_open
            if self._suspects and replica.is_open and not replica.held:
                self._send(replica, self._suspects.popleft(), now)

    def _send(self, replica: _Replica, held: _Held, now: float) -> None:
        assert replica.engine is not None
        held.sent_at = now
        replica.held[held.ticket] = held
        replica.load.sent(now)
        replica.engine.submit(held.ticket, held.request)

    def _collect(self) -> list[tuple[int, Answer]]:
        """What the replicas have answered; those that were opened or have died are taken note of."""
        done, self._failed = self._failed, []
        for replica in self._all:
            if replica.is_retired:
                continue
            try:
                if replica.engine is None:
                    replica.engine = replica.starting.engine(0.0)
                    self._opened(replica)
                else:
                    done += self._answers(replica, replica.engine.poll(0.0))
            except MagpieError as error:  # it died, or did not open again
                self._died(replica, error)
        done += self._failed
        self._failed = []
        return done

    def _answers(self, replica: _Replica, answers: Sequence[tuple[int, Answer]]) -> list[tuple[int, Answer]]:
        now = time.monotonic()
        for ticket, answer in answers:
            held = replica.held.pop(ticket)
            replica.deaths = 0
            if isinstance(answer, RequestFailed):
                replica.load.refused(held.sent_at)
            else:
                replica.load.succeeded(held.sent_at, now)
            replica.load.ended()
        return list(answers)

    def _sleep(self, seconds: float) -> None:
        """Until a replica says something, or takes what waits for room in its pipe."""
        poller = select.poll()
        for replica in self._all:
            if replica.is_retired:
                continue
            reads, writes = (replica.engine or replica.starting).descriptors()
            if reads is not None:
                poller.register(reads, select.POLLIN)
            if writes is not None:
                poller.register(writes, select.POLLOUT)
        poller.poll(max(0.0, seconds) * 1000.0)

    # -- replicas ------------------------------------------------------------------------------------------------------

    def _opened(self, replica: _Replica) -> None:
        if replica.engine is not None:
            replica.load = Load(most=replica.engine.window, first=replica.engine.window)

    def _died(self, replica: _Replica, error: MagpieError) -> None:
        """Start it again, and give what it held to the others."""
        replica.starting.close(patient=False)
        replica.engine = None
        was_alone = replica.is_reserved and len(replica.held) == 1
        for held in replica.held.values():
            held.deaths += 1
            if was_alone and held.deaths > HELD_AT_DEATHS:
                self._failed.append((held.ticket, RequestFailed(redact(f"a replica ends with it each time: {error}"))))
            elif held.deaths >= HELD_AT_DEATHS:
                self._suspects.append(held)
            else:
                self._waiting.appendleft(held)
        replica.held.clear()
        replica.is_reserved = False
        replica.deaths += 1
        _log.warning("replica %d died (%s)", replica.number, redact(str(error)))
        if replica.deaths < MOST_DEATHS:
            try:
                replica.starting = StartingChild(replica.spec)
                return
            except OSError as failed:  # such as no memory for another process
                error = EngineDied(f"{error}; no process could be started in its place ({failed})")
        replica.is_retired = True
        if all(other.is_retired for other in self._all):
            told = f"all {len(self._all)} replicas are gone; the last: {error}"
            crashed = EngineCrashed if isinstance(error, EngineCrashed) else EngineDied
            self._gone = crashed(told)
