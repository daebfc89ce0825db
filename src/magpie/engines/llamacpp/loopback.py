"""Many HTTP requests at once to one server in this process, over a Unix socket, under tickets.

The connections are the HTTP client's, in a thread of their own. A request whose connection breaks is sent once more. If
the second answer breaks too, the request is reported as `Unanswered`. `ConnectionLost` is raised only when the server
takes no connection, or closes each one without a word: then there is no server.

Why not `handle_completions` in a thread for each slot, xllamacpp's own way: it cannot be cancelled, nor the model freed
before the last request ends, and with streaming, where it can, 64 slots of a 3M-parameter model give 1,240 tokens/s for
3,360.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from queue import Empty, SimpleQueue
from typing import NamedTuple

from magpie.http.answers import MOST_BYTES, Garbled
from magpie.http.blocking import LoopThread
from magpie.http.client import Client
from magpie.http.endpoints import unix_endpoint
from magpie.http.exchange import Broken, Deadline, TooSlow, Unreachable

CONNECT_SECONDS = 10.0
"""The server's own threads take connections at once, busy or not: one that takes this long means that it is gone."""
SENDS = 2
"""How often a request is sent whose connection breaks. A kept connection that the server had closed does not count."""
WHOLE = Deadline(whole=30 * 86400.0)
"""How long an answer may take is the engine's to watch, which asks how the server is."""


class Answered(NamedTuple):
    ticket: int
    status: int
    body: bytes


class Unanswered(NamedTuple):
    """A request that got no whole answer, however often it was sent; the server is still there."""

    ticket: int
    reason: str


class ConnectionLost(Exception):
    """There is no server any more."""


class Loopback:
    """Requests to one server. `post` sends, `ready` collects, `drop` forgets; one thread uses it."""

    def __init__(self, path: str) -> None:
        self._thread = LoopThread("magpie-loopback")
        self._client = self._thread.call(self._connect(path))
        self._flying: dict[int, asyncio.Task[None]] = {}
        """Touched only inside the loop's thread."""
        self._live: set[int] = set()
        self._ready: SimpleQueue[Answered | Unanswered | ConnectionLost] = SimpleQueue()
        self._lost: ConnectionLost | None = None

    async def _connect(self, path: str) -> Client:
        return Client(unix_endpoint(path), CONNECT_SECONDS, needs_length=True)

    def post(self, ticket: int, route: str, body: bytes) -> None:
        """Send a request."""
        self._send(ticket, "POST", route, body)

    def get(self, ticket: int, route: str) -> None:
        """Send a GET request."""
        self._send(ticket, "GET", route, None)

    def ready(self, wait: float) -> list[Answered | Unanswered]:
        """What was answered; waits up to `wait` seconds for the first.

        Raises `ConnectionLost` when the server is gone, after everything that it answered before was returned.
        """
        until = time.monotonic() + wait
        while True:
            answers = self._collect(max(0.0, until - time.monotonic()))
            if answers:
                return answers
            if self._lost is not None:
                raise self._lost
            if time.monotonic() >= until:
                return []

    def drop(self, tickets: Sequence[int]) -> None:
        """Close the connections of these requests: the server stops working on them within a second."""
        self._live.difference_update(tickets)
        self._thread.loop.call_soon_threadsafe(self._cancel, list(tickets))

    def close(self) -> None:
        self._thread.call(self._hang_up())
        self._thread.close()

    def _collect(self, wait: float) -> list[Answered | Unanswered]:
        """All that is there, after waiting for the first."""
        answers: list[Answered | Unanswered] = []
        try:
            found = self._ready.get(timeout=0.0 if self._lost else wait)
            while True:
                if isinstance(found, ConnectionLost):
                    self._lost = self._lost or found
                elif found.ticket in self._live:
                    self._live.discard(found.ticket)
                    answers.append(found)
                found = self._ready.get_nowait()
        except Empty:
            return answers

    def _send(self, ticket: int, method: str, route: str, body: bytes | None) -> None:
        self._live.add(ticket)
        self._thread.loop.call_soon_threadsafe(self._begin, ticket, method, route, body)

    # -- the loop's thread ---------------------------------------------------------------------------------------------

    def _begin(self, ticket: int, method: str, route: str, body: bytes | None) -> None:
        self._flying[ticket] = self._thread.loop.create_task(self._exchange(ticket, method, route, body))

    def _cancel(self, tickets: Sequence[int]) -> None:
        for ticket in tickets:
            if task := self._flying.pop(ticket, None):
                task.cancel()

    async def _exchange(self, ticket: int, method: str, route: str, body: bytes | None) -> None:
        found = await self._answer(ticket, method, route, body)
        self._flying.pop(ticket, None)
        self._ready.put(found)

    async def _answer(
        self, ticket: int, method: str, route: str, body: bytes | None
    ) -> Answered | Unanswered | ConnectionLost:
        for sends in range(1, SENDS + 1):
            try:
                response = await self._client.exchange(method, route, body, deadline=WHOLE, most=MOST_BYTES)
            except Unreachable as error:
                return ConnectionLost(f"the server takes no connections: {error}")
            except Broken as error:
                if sends == SENDS:
                    return ConnectionLost(str(error)) if error.is_silent else Unanswered(ticket, str(error))
            except (Garbled, TooSlow) as error:
                if sends == SENDS:
                    return Unanswered(ticket, str(error))
            else:
                return Answered(ticket, response.status, response.body)
        raise AssertionError("the last try returns")

    async def _hang_up(self) -> None:
        tasks = list(self._flying.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._client.close()
