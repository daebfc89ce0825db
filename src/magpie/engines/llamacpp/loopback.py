"""Many HTTP requests at once to one server in this process, over a Unix socket, from one thread.

Connections are kept alive and reused. Closing one is how a request is cancelled. It knows HTTP as llama.cpp's server
speaks it (a Content-Length on every answer), and nothing of what is asked.

Why not `handle_completions` in a thread for each slot, xllamacpp's own way: it cannot be cancelled, nor the model freed
before the last request ends, and with streaming, where it can, 64 slots of a 3M-parameter model give 1,240 tokens/s for
3,360. The sockets cost 2% of processor time over such threads; a new connection for each request would cost 6% more.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

_GAP = b"\r\n\r\n"
"""Between the head of an answer and its body."""
SEND_SECONDS = 10.0
"""The server's own threads read requests at once, busy or not: a send that takes this long means that it is gone."""


class Answered(NamedTuple):
    ticket: int
    status: int
    body: bytes


class ConnectionLost(Exception):
    """The server closed a connection with a request on it."""


@dataclass(slots=True, eq=False)
class _Connection:
    socket: socket.socket
    ticket: int | None = None
    message: bytes = b""
    """The request in flight, kept to send again if the server had closed this connection while it was idle."""
    reused: bool = False
    received: bytearray = field(default_factory=bytearray)


class Loopback:
    """A pool of connections. `post` sends, `ready` collects, `drop` forgets; one thread uses it."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._selector = selectors.DefaultSelector()
        self._idle: list[_Connection] = []
        self._busy: dict[int, _Connection] = {}

    def post(self, ticket: int, route: str, body: bytes) -> None:
        """Send a request. Raises `ConnectionLost` when the server is gone."""
        head = f"POST {route} HTTP/1.1\r\nHost: magpie\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        self._send(ticket, f"{head}\r\n\r\n".encode() + body)

    def get(self, ticket: int, route: str) -> None:
        """Send a GET request. Raises `ConnectionLost` when the server is gone."""
        self._send(ticket, f"GET {route} HTTP/1.1\r\nHost: magpie\r\n\r\n".encode())

    def ready(self, wait: float) -> list[Answered]:
        """What was answered; waits up to `wait` seconds for the first. Raises `ConnectionLost`."""
        until = time.monotonic() + wait
        while True:
            events = self._selector.select(max(0.0, until - time.monotonic()))
            answers = [answer for key, _ in events if (answer := self._receive(key.data))]
            if answers or time.monotonic() >= until:
                return answers

    def drop(self, tickets: Sequence[int]) -> None:
        """Close the connections of these requests: the server stops working on them within a second."""
        for ticket in tickets:
            if connection := self._busy.pop(ticket, None):
                self._discard(connection)

    def close(self) -> None:
        self.drop(list(self._busy))
        while self._idle:
            self._discard(self._idle.pop())
        self._selector.close()

    def _send(self, ticket: int, message: bytes) -> None:
        while self._idle:
            connection = self._idle.pop()
            connection.reused = True
            if self._write(connection, ticket, message):
                return
        if not self._write(self._connect(), ticket, message):
            raise ConnectionLost("the server took a connection and closed it")

    def _connect(self) -> _Connection:
        raw = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        raw.settimeout(SEND_SECONDS)
        try:
            raw.connect(self._path)
        except OSError as error:
            raw.close()
            raise ConnectionLost(f"the server takes no connections: {error}") from error
        connection = _Connection(raw)
        self._selector.register(raw, selectors.EVENT_READ, connection)
        return connection

    def _write(self, connection: _Connection, ticket: int, message: bytes) -> bool:
        try:
            connection.socket.sendall(message)
        except OSError:
            self._discard(connection)
            return False
        connection.ticket, connection.message = ticket, message
        self._busy[ticket] = connection
        return True

    def _receive(self, connection: _Connection) -> Answered | None:
        try:
            data = connection.socket.recv(1 << 18)
        except OSError:
            data = b""
        if not data:
            self._closed_by_server(connection)
            return None
        connection.received += data
        return self._take(connection)

    def _closed_by_server(self, connection: _Connection) -> None:
        """An idle connection ends after 5 seconds or 100 requests: no harm, unless an answer was on its way."""
        self._discard(connection)
        if connection.ticket is None:
            self._idle.remove(connection)
            return
        del self._busy[connection.ticket]
        if connection.received or not connection.reused:
            raise ConnectionLost("the server closed a connection with a request on it")
        self._send(connection.ticket, connection.message)

    def _take(self, connection: _Connection) -> Answered | None:
        """The answer, once it is whole; the connection is then free for the next request."""
        begins = connection.received.find(_GAP) + len(_GAP)
        if begins < len(_GAP):
            return None
        head = connection.received[: begins - len(_GAP)]
        ends = begins + _content_length(head)
        if len(connection.received) < ends:  # nothing is copied before all is there
            return None
        ticket = connection.ticket
        assert ticket is not None, "an answer to nothing"
        del self._busy[ticket]
        answer = Answered(ticket, int(head[9:12]), bytes(connection.received[begins:ends]))
        connection.ticket, connection.message = None, b""
        connection.received.clear()
        if b"connection: close" in head.lower():
            self._discard(connection)
        else:
            self._idle.append(connection)
        return answer

    def _discard(self, connection: _Connection) -> None:
        self._selector.unregister(connection.socket)
        connection.socket.close()


def _content_length(head: bytearray) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise ConnectionLost(f"the server's answer has no Content-Length: {bytes(head[:200])!r}")
