"""The pool of connections, against a server that behaves as each test tells it to."""

from __future__ import annotations

import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

import pytest

from magpie.engines.llamacpp.loopback import Answered, ConnectionLost, Loopback, Unanswered
from magpie.engines.llamacpp.server import LlamaCpp
from magpie.errors import EngineDied, RequestFailed
from magpie.seams import Completion, Request, SamplingParams, Tokens

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


def collect(wire: Loopback, number: int) -> list[Answered | Unanswered]:
    answers: list[Answered | Unanswered] = []
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


@pytest.mark.parametrize("closed_first", ["busy", "idle"])
def test_two_connections_closed_in_one_round_lose_no_request(start: Start, closed_first: str) -> None:
    """The request in flight is written to the idle connection, which is found closed before its own event is seen."""
    opened: list[socket.socket] = []
    both, closed = Event(), Event()

    def serve(connection: socket.socket, number: int) -> None:
        if number > 1:
            echo(connection, number)
            return
        opened.append(connection)
        connection.recv(65536)
        if len(opened) == 2:
            both.set()
        both.wait(5)
        reply(connection, b"first")
        busy = bool(connection.recv(65536))  # the third request comes to one of the two
        if busy:
            idle = next(one for one in opened if one is not connection)
            for one in (connection, idle) if closed_first == "busy" else (idle, connection):
                one.shutdown(socket.SHUT_RDWR)
            closed.set()

    _, wire, _ = start(serve)
    wire.post(0, "/", b"")
    wire.post(1, "/", b"")
    assert len(collect(wire, 2)) == 2
    wire.post(2, "/", b"third")
    assert closed.wait(5)
    assert collect(wire, 1) == [Answered(2, 200, b"third")]


BREAKS: dict[str, Callable[[socket.socket], object]] = {
    "half a head": lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "half a body": lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"),
    "another protocol": lambda connection: connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"),
    "bytes": lambda connection: connection.sendall(bytes(range(256)) * 4),
    "no status": lambda connection: connection.sendall(b"HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n"),
    "no length": lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n{}"),
    "a length that is none": lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"),
    "a negative length": lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"),
    "a length beyond all bounds": lambda connection: connection.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n"
    ),
    "a head without end": lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 20_000),
}


@pytest.mark.parametrize("broken", BREAKS)
def test_a_broken_answer_is_asked_for_again_on_a_new_connection(start: Start, broken: str) -> None:
    def once(connection: socket.socket, number: int) -> None:
        if number == 0:
            connection.recv(65536)
            BREAKS[broken](connection)
        else:
            echo(connection, number)

    _, wire, _ = start(once)
    wire.post(0, "/", b"x")
    assert collect(wire, 1) == [Answered(0, 200, b"x")]


@pytest.mark.parametrize("broken", BREAKS)
def test_a_request_whose_answers_keep_breaking_fails_alone(start: Start, broken: str) -> None:
    def choosy(connection: socket.socket, number: int) -> None:
        while asked := connection.recv(65536):
            if asked.endswith(b"bad"):
                BREAKS[broken](connection)
                return
            reply(connection, b"good")

    server, wire, _ = start(choosy)
    for ticket, body in enumerate((b"good", b"bad", b"good")):
        wire.post(ticket, "/", body)
    good, bad, other = collect(wire, 3)
    assert isinstance(bad, Unanswered)
    assert (good, other) == (Answered(0, 200, b"good"), Answered(2, 200, b"good"))
    assert server.accepted() >= 3  # the good ones may share a connection, the bad one had two


def test_what_nobody_asked_for_ends_an_idle_connection_and_nothing_else(start: Start) -> None:
    def talkative(connection: socket.socket, number: int) -> None:
        connection.recv(65536)
        reply(connection, b"%d" % number)
        time.sleep(0.05)
        connection.sendall(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
        connection.recv(1)

    _, wire, _ = start(talkative)
    wire.post(0, "/", b"x")
    assert len(collect(wire, 1)) == 1
    assert wire.ready(0.2) == []
    wire.post(1, "/", b"x")
    assert collect(wire, 1) == [Answered(1, 200, b"1")]


def test_a_connection_with_more_than_its_answer_is_not_used_again(start: Start) -> None:
    def generous(connection: socket.socket, number: int) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%dHTTP/1.1 200 OK\r\n" % number)
        connection.recv(1)

    _, wire, _ = start(generous)
    for ticket in range(2):
        wire.post(ticket, "/", b"x")
        assert collect(wire, 1) == [Answered(ticket, 200, b"%d" % ticket)]


def test_what_was_answered_before_the_server_went_is_not_lost(start: Start) -> None:
    answered = Event()

    def one_answer(connection: socket.socket, number: int) -> None:
        asked = connection.recv(65536)
        if asked.endswith(b"first"):
            reply(connection, b"kept")
            answered.set()
            connection.recv(1)
        answered.wait(5)

    server, wire, _ = start(one_answer)
    wire.post(0, "/", b"first")
    wire.post(1, "/", b"second")
    assert answered.wait(5)
    time.sleep(0.05)
    server.close()
    assert collect(wire, 1) == [Answered(0, 200, b"kept")]
    with pytest.raises(ConnectionLost):
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


BODIES: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"<html>",
    "a list": b"[1, 2]",
    "null": b"null",
    "too deep": b"[" * 200_000,
    "half of a surrogate pair": b'{"content": "\\ud800", "tokens": [1], "stop_type": "eos"}',
    "no number": b'{"content": "a", "tokens": [NaN], "stop_type": "eos"}',
    "bytes": b'{"content": "\xff\xfe", "tokens": [1], "stop_type": "eos"}',
    "tokens that are no list": b'{"content": "a", "tokens": 5, "stop_type": "eos"}',
    "tokens that are texts": b'{"content": "a", "tokens": ["1"], "stop_type": "limit"}',
    "negative tokens": b'{"content": "a", "tokens": [-1], "stop_type": "limit"}',
    "tokens beyond the vocabulary": b'{"content": "a", "tokens": [99999999999999999999], "stop_type": "limit"}',
}


@pytest.mark.parametrize("body", BODIES)
def test_an_answer_in_another_form_fails_its_request_alone(start: Start, body: str) -> None:
    def serve(connection: socket.socket, number: int) -> None:
        while asked := connection.recv(65536):
            bad = b'"prompt":[9]' in asked
            reply(connection, BODIES[body] if bad else b'{"content": "a", "tokens": [1], "stop_type": "limit"}')

    _, _, path = start(serve)
    engine = LlamaCpp(path, slots=4, context=64, patience=5.0)
    engine.vocab_size = 10
    for ticket, token_id in enumerate((1, 9, 1)):
        engine.submit(ticket, Request(Tokens((token_id,)), SamplingParams()))
    found: dict[int, Completion | RequestFailed] = {}
    until = time.monotonic() + 10
    while len(found) < 3 and time.monotonic() < until:
        found |= dict(engine.poll(0.2))
    assert isinstance(found[1], RequestFailed)
    assert "\n" not in str(found[1])
    assert isinstance(found[0], Completion)
    assert isinstance(found[2], Completion)
    engine.close()


@pytest.mark.parametrize("broken", BREAKS)
def test_whatever_a_connection_does_a_poll_raises_nothing_but_that_the_engine_died(start: Start, broken: str) -> None:
    def serve(connection: socket.socket, number: int) -> None:
        while asked := connection.recv(65536):
            if b'"prompt":[9]' in asked:
                BREAKS[broken](connection)
                return
            reply(connection, b'{"content": "a", "tokens": [1], "stop_type": "limit"}')

    _, _, path = start(serve)
    engine = LlamaCpp(path, slots=4, context=64, patience=5.0)
    engine.vocab_size = 10
    found: dict[int, Completion | RequestFailed] = {}
    until = time.monotonic() + 10
    for ticket, token_id in enumerate((1, 9, 1)):
        engine.submit(ticket, Request(Tokens((token_id,)), SamplingParams()))
    while len(found) < 3 and time.monotonic() < until:
        found |= dict(engine.poll(0.2))
    assert [isinstance(found[ticket], Completion) for ticket in range(3)] == [True, False, True]
    engine.close()


def test_a_server_that_is_gone_is_told_as_the_seam_tells_it(start: Start) -> None:
    server, _, path = start(echo)
    engine = LlamaCpp(path, slots=4, context=64, patience=5.0)
    engine.vocab_size = 10
    server.close()
    Path(path).unlink()
    engine.submit(0, request())
    for _ in range(2):
        with pytest.raises(EngineDied, match=r"llama\.cpp is gone: the server takes no connections"):
            engine.poll(0.1)
    engine.close()


@pytest.mark.parametrize("body", ["no JSON", "a list", "too deep", "nothing"])
def test_a_question_on_the_side_in_another_form_is_told_as_the_seam_tells_it(start: Start, body: str) -> None:
    def serve(connection: socket.socket, number: int) -> None:
        while connection.recv(65536):
            reply(connection, BODIES[body])

    _, _, path = start(serve)
    engine = LlamaCpp(path, slots=4, context=64, patience=5.0)
    for question in (engine.start, lambda: engine.tokenize("a"), lambda: engine.detokenize([1])):
        with pytest.raises(EngineDied, match="in no known form"):
            question()
    engine.close()
