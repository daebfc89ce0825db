"""Many HTTP requests at once to one server in this process, over a Unix socket, from one thread.

Connections are kept alive and reused. Closing one is how a request is cancelled. It knows HTTP as llama.cpp's server
speaks it (a Content-Length on every answer), and nothing of what is asked.

A request whose connection breaks is sent once more, on a new connection. If the second answer breaks too, the request
is reported as `Unanswered`. `ConnectionLost` is raised only when the server takes no connection, or closes each one
without a word: then there is no server.

Why not `handle_completions` in a thread for each slot, xllamacpp's own way: it cannot be cancelled, nor the model freed
before the last request ends, and with streaming, where it can, 64 slots of a 3M-parameter model give 1,240 tokens/s for
3,360. The sockets cost 2% of processor time over such threads; a new connection for each request would cost 6% more.
"""

from __future__ import annotations

import re
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
SENDS = 2
"""How often a request is sent whose connection breaks. A kept connection that the server had closed does not count."""
MOST_HEAD = 64 << 10
"""The longest head of an answer, in bytes."""
MOST_BODY = 64 << 20
"""The longest body of an answer, in bytes."""


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


class _Malformed(Exception):
    """What the server wrote is no answer in HTTP."""


@dataclass(slots=True, eq=False)
class _Connection:
    socket: socket.socket
    ticket: int | None = None
    message: bytes = b""
    """The request in flight, kept to send it again."""
    sends: int = 0
    """How often the request in flight was sent, without those on kept connections that the server had closed."""
    reused: bool = False
    closed: bool = False
    received: bytearray = field(default_factory=bytearray)
    head: _Head | None = None
    """Of the answer in `received`, once it is whole."""


@dataclass(frozen=True, slots=True)
class _Head:
    status: int
    start: int
    """Where the body begins in what was received."""
    end: int
    """Where it ends."""
    closes: bool


class Loopback:
    """A pool of connections. `post` sends, `ready` collects, `drop` forgets; one thread uses it."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._selector = selectors.DefaultSelector()
        self._idle: list[_Connection] = []
        self._busy: dict[int, _Connection] = {}
        self._lost: ConnectionLost | None = None

    def post(self, ticket: int, route: str, body: bytes) -> None:
        """Send a request. Raises `ConnectionLost` when the server is gone."""
        head = f"POST {route} HTTP/1.1\r\nHost: magpie\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        self._send(ticket, f"{head}\r\n\r\n".encode() + body, sends=0)

    def get(self, ticket: int, route: str) -> None:
        """Send a GET request. Raises `ConnectionLost` when the server is gone."""
        self._send(ticket, f"GET {route} HTTP/1.1\r\nHost: magpie\r\n\r\n".encode(), sends=0)

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
        for ticket in tickets:
            if connection := self._busy.pop(ticket, None):
                self._discard(connection)

    def close(self) -> None:
        self.drop(list(self._busy))
        while self._idle:
            self._discard(self._idle.pop())
        self._selector.close()

    def _collect(self, wait: float) -> list[Answered | Unanswered]:
        answers: list[Answered | Unanswered] = []
        for key, _ in self._selector.select(wait):
            if key.data.closed:
                continue  # by what was done about an earlier event of the same round
            try:
                answer = self._receive(key.data)
            except ConnectionLost as error:
                self._lost = self._lost or error
            else:
                answers += [] if answer is None else [answer]
        return answers

    def _send(self, ticket: int, message: bytes, sends: int) -> None:
        while self._idle and not sends:  # sent for the second time, a request gets a connection that is surely open
            connection = self._idle.pop()
            connection.reused = True
            if self._write(connection, ticket, message, sends):
                return
        if not self._write(self._connect(), ticket, message, sends + 1):
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

    def _write(self, connection: _Connection, ticket: int, message: bytes, sends: int) -> bool:
        try:
            connection.socket.sendall(message)
        except OSError:
            self._discard(connection)
            return False
        connection.ticket, connection.message, connection.sends = ticket, message, sends
        self._busy[ticket] = connection
        return True

    def _receive(self, connection: _Connection) -> Answered | Unanswered | None:
        try:
            data = connection.socket.recv(1 << 18)
        except OSError:
            data = b""
        if connection.ticket is None:
            # Closed after 5 idle seconds or 100 requests, which is no harm, or something that nobody asked for.
            self._idle.remove(connection)
            self._discard(connection)
            return None
        if not data:
            return self._broken(connection, connection.ticket, "the server closed a connection with a request on it")
        connection.received += data
        try:
            return self._take(connection, connection.ticket)
        except _Malformed as error:
            return self._broken(connection, connection.ticket, f"the server's answer is not HTTP: {error}")

    def _broken(self, connection: _Connection, ticket: int, reason: str) -> Unanswered | None:
        """Send the request again, or give it up. Raises `ConnectionLost` where the server says nothing at all."""
        self._discard(connection)
        del self._busy[ticket]
        said_nothing = not connection.received
        if (connection.reused and said_nothing) or connection.sends < SENDS:
            self._send(ticket, connection.message, connection.sends)
            return None
        if said_nothing:
            raise ConnectionLost(reason)
        return Unanswered(ticket, reason)

    def _take(self, connection: _Connection, ticket: int) -> Answered | None:
        """The answer, once it is whole; the connection is then free for the next request."""
        connection.head = head = connection.head or _read_head(connection.received)
        if head is None or len(connection.received) < head.end:
            return None
        del self._busy[ticket]
        answer = Answered(ticket, head.status, bytes(connection.received[head.start : head.end]))
        if head.closes or len(connection.received) > head.end:
            self._discard(connection)
            return answer
        connection.ticket, connection.message, connection.head = None, b"", None
        connection.received.clear()
        self._idle.append(connection)
        return answer

    def _discard(self, connection: _Connection) -> None:
        if not connection.closed:
            connection.closed = True
            self._selector.unregister(connection.socket)
            connection.socket.close()


def _read_head(received: bytearray) -> _Head | None:
    """The head of an answer; None while it is not whole. Raises `_Malformed`."""
    end = received.find(b"\r\n\r\n", 0, MOST_HEAD)
    if end < 0:
        if len(received) >= MOST_HEAD or not _MAY_BEGIN.match(received):
            raise _Malformed(repr(bytes(received[:60])))
        return None
    status_line, *lines = bytes(received[:end]).split(b"\r\n")
    status = _STATUS.match(status_line)
    if status is None:
        raise _Malformed(repr(status_line[:60]))
    fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
    length = fields.get(b"content-length", b"")
    if not _LENGTH.fullmatch(length) or int(length) > MOST_BODY:
        raise _Malformed(f"its Content-Length is {length[:20]!r}, expected at most {MOST_BODY}")
    start = end + 4
    return _Head(int(status[1]), start, start + int(length), fields.get(b"connection", b"").lower() == b"close")


_STATUS = re.compile(rb"HTTP/1\.[01] ([2-5]\d\d)(?: |$)")
_MAY_BEGIN = re.compile(rb"HTTP/1\.[01] |(?=(H|HT|HTT|HTTP|HTTP/|HTTP/1|HTTP/1\.|HTTP/1\.[01])?$)")
_LENGTH = re.compile(rb"[0-9]{1,15}")
