"""Which of several servers or replicas gets the next request, and how many each holds.

A limit rises by one for each answer and falls by a share at each complaint: additive increase, multiplicative decrease
(Chiu and Jain 1989), as TCP does it. The next request goes where it will be answered soonest: to the least loaded, by
what an answer has taken there. Knows numbers and times; no socket and no process.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

FIRST_LIMIT = 16
"""Requests in flight at first, at each server; while none complains this doubles with every crowd that is answered."""
DECREASE = 0.7
"""What is left of a limit when a server complains."""
QUEUED = 8.0
"""A wait for the first token this many times as long as the shortest one, longer than `QUEUED_SECONDS` and than half of
the whole answer, means that the server lets requests queue: that counts as a complaint."""
QUEUED_SECONDS = 5.0

FIRST_REST = 0.25
MOST_REST = 5.0
"""Seconds for which a server is set aside that takes no connection, or has too many requests: doubled each time."""
FAILURES = 3
"""Failed requests in a row, after which a server is set aside too, and then tried with one request at a time."""
SMOOTHING = 0.1
"""What the latest answer counts for in the mean time of an answer."""


class Limit:
    """Requests that a server may hold at once: between 1 and `most`."""

    def __init__(self, most: int, first: int = FIRST_LIMIT) -> None:
        self._most, self._size, self._threshold = most, float(min(most, first)), float(most)
        self._shrunk_at = 0.0
        self._shortest_wait: float | None = None

    @property
    def room(self) -> int:
        return int(self._size)

    def succeeded(self, was_full: bool) -> None:
        """One more for each answer up to where it was once too much, then one more for each crowd; only in use.

        was_full: whether the limit held something back while the request was in flight.
        """
        if was_full:
            step = 1.0 if self._size < self._threshold else 1.0 / self._size
            self._size = min(float(self._most), self._size + step)

    def complained(self, sent_at: float, now: float) -> None:
        """Less, once for each crowd: what was sent before the last decrease says nothing new."""
        if sent_at >= self._shrunk_at:
            self._size = self._threshold = max(1.0, self._size * DECREASE)
            self._shrunk_at = now

    def is_queueing(self, waited: float, took: float) -> bool:
        """Whether an answer waited for its turn, rather than for its tokens."""
        shortest = self._shortest_wait = min(waited, self._shortest_wait or waited)
        return waited > max(QUEUED_SECONDS, QUEUED * shortest, took / 2)


class Load:
    """What one server or replica holds, how fast it answers, and whether it is set aside. Times are in seconds, on one
    monotonic clock."""

    def __init__(self, most: int, first: int = FIRST_LIMIT) -> None:
        """most: requests that it may hold at once. first: as many at first."""
        self.limit = Limit(most, first)
        self.in_flight = 0
        self.aside_until = 0.0
        self.seconds: float | None = None
        """That an answer takes, on average; None before the first."""
        self._failures = self._rests = 0
        self._full_at = float("-inf")

    def has_room(self, now: float) -> bool:
        """One at a time while it keeps failing, so that a server that is being restarted uses up no tries."""
        room = self.limit.room if self._failures < FAILURES else 1
        return self.in_flight < room and now >= self.aside_until

    def sent(self, now: float) -> None:
        """It got a request."""
        self.in_flight += 1
        if self.in_flight >= self.limit.room:
            self._full_at = now

    def ended(self) -> None:
        """A request has ended, in whatever way."""
        self.in_flight -= 1

    def succeeded(self, sent_at: float, now: float) -> None:
        """It answered a request that was sent at `sent_at`."""
        self.refused(sent_at)
        took = now - sent_at
        self.seconds = took if self.seconds is None else self.seconds + SMOOTHING * (took - self.seconds)

    def refused(self, sent_at: float) -> None:
        """It is well, and refused a request: at once, which says nothing of how long an answer takes."""
        self._failures = self._rests = 0
        self.limit.succeeded(self._full_at >= sent_at)

    def failed(self, now: float, at_once: bool) -> None:
        """A failure; the server is set aside for a while, at once or where it keeps failing."""
        self._failures += 1
        if (at_once or self._failures >= FAILURES) and now >= self.aside_until:
            self.rest(now, min(MOST_REST, FIRST_REST * 2.0 ** min(self._rests, 16)))
            self._rests += 1

    def rest(self, now: float, seconds: float) -> None:
        self.aside_until = max(self.aside_until, now + seconds)

    def score(self, seconds: float) -> float:
        """How long the next request would take, in proportion; `seconds` is what an answer takes where it is not known
        of this one."""
        return (self.in_flight + 1) / self.limit.room * (self.seconds or seconds)


class Loaded(Protocol):
    """Whatever has a load."""

    @property
    def load(self) -> Load: ...


Member = TypeVar("Member", bound=Loaded)


class Balance(Generic[Member]):
    """All servers or replicas of one model."""

    def __init__(self, members: Sequence[Member]) -> None:
        self.all, self._next = list(members), 0

    def pick(self, now: float, avoid: Member | None = None) -> Member | None:
        """The one with room that will answer soonest, in turn where there are several; the one to avoid only where
        there is no other."""
        order = self.all[self._next :] + self.all[: self._next]
        free = [member for member in order if member.load.has_room(now)]
        if len(free) > 1:
            free = [member for member in free if member is not avoid]
        if not free:
            return None
        known = [member.load.seconds for member in free if member.load.seconds is not None]
        usual = min(known, default=1.0)
        chosen = free[0] if len(free) == 1 else min(free, key=lambda member: member.load.score(usual))
        self._next = (self.all.index(chosen) + 1) % len(self.all)
        return chosen
