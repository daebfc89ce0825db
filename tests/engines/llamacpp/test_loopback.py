"""The pool of connections, against a server that behaves as each test tells it to."""

from __future__ import annotations

import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest

from magpie.engines.llamacpp.loopback import Answered, ConnectionLost, Loopback
from magpie.engines.llamacpp.server import LlamaCpp
from magpie.errors import EngineDied
from magpie.seams import Request, SamplingParams, Tokens

Behavior = Callable[[socket.socket, int], None]
"""Given a connection and its number, from 0."""


class Server:
    """Accepts connections on a Unix socket and hands each to a thread."""

    def __init__(self, path: str, behavior: Behavior) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen(64)
        self._behavior = behavior
        self._connections: list[socket.socket] = []
        self._accepting = Thread(target=self._accept)
        self._threads: list[Thread] = []
        self._accepting.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._threads.append(Thread(target=self._serve, args=(connection, len(self._connections))))
                self._connections.append(connection)
                self._threads[-1].start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        with suppress(OSError), connection:
            self._behavior(connection, number)

    def accepted(self) -> int:
        return len(self._connections)

    def close(self) -> None:
        for one in (self._listener, *self._connections):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in (self._accepting, *self._threads):
            thread.join()


Start = Callable[[Behavior], tuple[Server, Loopback, str]]


@pytest.fixture
def start() -> Iterator[Start]:
    opened: list[Server | Loopback] = []
    with tempfile.TemporaryDirectory() as folder:

        def begin(behavior: Behavior) -> tuple[Server, Loopback, str]:
            path = str(Path(folder) / f"{len(opened)}.sock")
            server, wire = Server(path, behavior), Loopback(path)
            opened.extend((wire, server))
            return server, wire, path

        yield begin
        for one in opened:
            one.close()


def reply(connection: socket.socket, body: bytes, headers: str = "") -> None:
    connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body)


def echo(connection: socket.socket, number: int) -> None:
    while asked := connection.recv(65536):
        reply(connection, asked.partition(b"\r\n\r\n")[2])


def collect(wire: Loopback, number: int) -> list[Answered]:
    answers: list[Answered] = []
    until = time.monotonic() + 10
    while len(answers) < number and time.monotonic() < until:
        answers += wire.ready(0.2)
    return sorted(answers)


def test_each_ticket_gets_its_own_answer(start: Start) -> None:
    _, wire, _ = start(echo)
    for ticket in range(20):
        wire.post(ticket, "/", b"%d" % ticket)
    assert collect(wire, 20) == [Answered(ticket, 200, b"%d" % ticket) for ticket in range(20)]


def test_connections_are_used_again(start: Start) -> None:
    server, wire, _ = start(echo)
    for ticket in range(30):
        wire.post(ticket, "/", b"x")
        assert len(collect(wire, 1)) == 1
    assert server.accepted() == 1


def test_an_answer_in_pieces_is_put_together(start: Start) -> None:
    def drip(connection: socket.socket, number: int) -> None:
        connection.recv(65536)
        for byte in b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello":
            connection.sendall(bytes([byte]))
            time.sleep(0.001)
        connection.recv(1)

    _, wire, _ = start(drip)
    wire.post(7, "/", b"")
    assert collect(wire, 1) == [Answered(7, 200, b"hello")]


def test_a_server_that_closes_after_an_answer_is_connected_to_again(start: Start) -> None:
    def once(connection: socket.socket, number: int) -> None:
        connection.recv(65536)
        reply(connection, b"%d" % number, "Connection: close\r\n")

    _, wire, _ = start(once)
    for ticket in range(3):
        wire.post(ticket, "/", b"x")
        assert collect(wire, 1) == [Answered(ticket, 200, b"%d" % ticket)]


def test_a_connection_closed_while_idle_is_no_failure(start: Start) -> None:
    """llama.cpp's server closes after 5 idle seconds: the request is sent again on a new connection."""

    def leave(connection: socket.socket, number: int) -> None:
        connection.recv(65536)
        reply(connection, b"%d" % number)

    _, wire, _ = start(leave)
    wire.post(0, "/", b"x")
    assert len(collect(wire, 1)) == 1
    time.sleep(0.05)
    wire.post(1, "/", b"x")
    assert collect(wire, 1) == [Answered(1, 200, b"1")]


def test_a_connection_closed_under_a_request_is_lost(start: Start) -> None:
    def leave(connection: socket.socket, number: int) -> None:
        connection.recv(65536)

    _, wire, _ = start(leave)
    wire.post(0, "/", b"x")
    with pytest.raises(ConnectionLost, match="with a request on it"):
        collect(wire, 1)


def test_dropping_closes_the_connection(start: Start) -> None:
    seen: list[bytes] = []

    def hold(connection: socket.socket, number: int) -> None:
        connection.recv(65536)
        seen.append(connection.recv(1))

    _, wire, _ = start(hold)
    wire.post(0, "/", b"x")
    time.sleep(0.05)
    wire.drop([0, 99])
    until = time.monotonic() + 5
    while not seen and time.monotonic() < until:
        time.sleep(0.01)
    assert seen == [b""]
    assert wire.ready(0.0) == []


def request() -> Request:
    return Request(Tokens((1,)), SamplingParams())


def test_an_engine_that_answers_nothing_has_died_when_patience_ends(start: Start) -> None:
    def hold(connection: socket.socket, number: int) -> None:
        while connection.recv(65536):
            pass

    _, _, path = start(hold)
    engine = LlamaCpp(path, slots=4, context=64, patience=0.1)
    engine.vocab_size = 10
    engine.submit(0, request())

    def wait() -> None:
        for _ in range(100):
            assert engine.poll(0.02) == []

    with pytest.raises(EngineDied, match=r"no answer for 0\.2 seconds"):
        wait()
    engine.close()


def test_an_engine_that_still_tells_how_it_is_lives_on(start: Start) -> None:
    def busy(connection: socket.socket, number: int) -> None:
        while asked := connection.recv(65536):
            if asked.startswith(b"GET /slots"):
                reply(connection, b"[]")

    _, _, path = start(busy)
    engine = LlamaCpp(path, slots=4, context=64, patience=0.05)
    engine.vocab_size = 10
    engine.submit(0, request())
    until = time.monotonic() + 0.5
    while time.monotonic() < until:
        assert engine.poll(0.02) == []
    engine.close()


def test_an_answer_of_refusal_fails_its_request_alone(start: Start) -> None:
    def refuse(connection: socket.socket, number: int) -> None:
        connection.recv(65536)
        connection.sendall(b'HTTP/1.1 400 Bad Request\r\nContent-Length: 19\r\n\r\n{"error":"too long"}'[:-1])
        connection.recv(1)

    _, _, path = start(refuse)
    engine = LlamaCpp(path, slots=4, context=64, patience=5.0)
    engine.vocab_size = 10
    engine.submit(3, request())
    ((ticket, failed),) = engine.poll(5.0)
    assert ticket == 3
    assert "too long" in str(failed)
    engine.close()
