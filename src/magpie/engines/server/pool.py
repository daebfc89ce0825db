"""How many requests each server holds, and which one gets the next.

Additive increase, multiplicative decrease (Chiu and Jain 1989), as TCP does it. Knows numbers and times; no socket.
"""

from __future__ import annotations

from collections.abc import Sequence

from magpie.engines.server.lines import Lines
from magpie.log import logger

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
_log = logger(__name__)


class Limit:
    """Requests that a server may hold at once: between 1 and `most`."""

    def __init__(self, most: int) -> None:
        self._most, self._size, self._threshold = most, float(min(most, FIRST_LIMIT)), float(most)
        self._shrunk_at = 0.0
        self._shortest_wait: float | None = None

    @property
    def room(self) -> int:
        return int(self._size)

    def succeeded(self, in_flight: int) -> None:
        """One more for each answer up to where it was once too much, then one more for each crowd; only in use."""
        if in_flight >= self.room:
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


class Site:
    """One server: its connections, its limit, and whether it is set aside."""

    def __init__(self, name: str, lines: Lines, most: int) -> None:
        self.name, self.lines, self.limit = name, lines, Limit(most)
        self.in_flight = 0
        self.aside_until = 0.0
        self._failures = self._rests = 0
        self._logged = self.limit.room

    def log_window(self) -> None:
        """Log how many requests the server may hold at once, where that has changed."""
        if (room := self.limit.room) != self._logged:
            _log.debug("%s: window %d, was %d", self.name, room, self._logged)
            self._logged = room

    def has_room(self, now: float) -> bool:
        """One at a time while it keeps failing, so that a server that is being restarted uses up no tries."""
        room = self.limit.room if self._failures < FAILURES else 1
        return self.in_flight < room and now >= self.aside_until

    def succeeded(self) -> None:
        self._failures = self._rests = 0
        self.limit.succeeded(self.in_flight)

    def failed(self, now: float, at_once: bool) -> None:
        """A failure; the server is set aside for a while, at once or where it keeps failing."""
        self._failures += 1
        if (at_once or self._failures >= FAILURES) and now >= self.aside_until:
            self.rest(now, min(MOST_REST, FIRST_REST * 2.0 ** min(self._rests, 16)))
            self._rests += 1

    def rest(self, now: float, seconds: float) -> None:
        self.aside_until = max(self.aside_until, now + seconds)


class Sites:
    """All servers of one model, in turn."""

    def __init__(self, sites: Sequence[Site]) -> None:
        self.all, self._next = list(sites), 0

    @property
    def window(self) -> int:
        return sum(site.limit.room for site in self.all)

    def pick(self, now: float, avoid: Site | None = None) -> Site | None:
        """The next with room; the one to avoid only where there is no other."""
        order = self.all[self._next :] + self.all[: self._next]
        free = [site for site in order if site.has_room(now)]
        chosen = next((site for site in free if site is not avoid), free[0] if free else None)
        if chosen is not None:
            self._next = (self.all.index(chosen) + 1) % len(self.all)
        return chosen
