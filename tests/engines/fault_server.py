"""A server that fails on purpose: it answers as vLLM does, but for what a script says of each request.

Speaks HTTP/1.1 on a port of 127.0.0.1, a thread a connection. Can be stopped, with every connection closed at once as
in a crash, and started again on the same port.
"""

from __future__ import annotations

import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

import orjson

Body = dict[str, Any]


@dataclass(frozen=True)
class Say:
    """An answer, whole."""

    body: bytes | Body
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    kind: str = "application/json"

    def __call__(self, handler: Handler) -> None:
        body = self.body if isinstance(self.body, bytes) else orjson.dumps(self.body)
        handler.send_response(self.status)
        for name, value in {"Content-Type": self.kind, "Content-Length": str(len(body)), **self.headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)


@dataclass(frozen=True)
class Drip:
    """Pieces, with a wait before each; then silence, a broken connection, or a proper end."""

    pieces: tuple[bytes, ...]
    wait: float = 0.0
    then: str = "end"
    kind: str = "text/event-stream"

    def __call__(self, handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", self.kind)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for piece in self.pieces:
            handler.owner.closing.wait(self.wait)
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        if self.then == "hang":
            hang(handler)
        if self.then == "end":
            handler.wfile.write(b"0\r\n\r\n")
        handler.close_connection = True


def hang(handler: Handler) -> None:
    """Says nothing until the server is closed, or the other side hangs up."""
    handler.owner.hanging += 1
    handler.connection.settimeout(0.02)
    while not handler.owner.closing.is_set():
        try:
            if handler.connection.recv(1) == b"":
                break
        except TimeoutError:
            continue
        except OSError:
            break
    handler.owner.hanging -= 1
    handler.close_connection = True


def half_close(handler: Handler) -> None:
    """Half of an answer, and the end of the connection."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"choices": [')
    handler.close_connection = True


def vanish(handler: Handler) -> None:
    """The end of the connection, and no answer at all."""
    handler.close_connection = True


def no_http(handler: Handler) -> None:
    """Something else that listens on ports."""
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
    handler.close_connection = True


def completion(ids: tuple[int, ...] = (5, 6, 7), reason: str = "stop", **said: Any) -> Body:
    """A completion as vLLM answers it, ended by the token 2."""
    choice = {"index": 0, "text": "words", "finish_reason": reason, "stop_reason": None, "token_ids": [*ids, 2]}
    usage = {"prompt_tokens": 3, "completion_tokens": len(ids) + 1, "total_tokens": len(ids) + 4}
    return {"object": "text_completion", "choices": [choice | said], "usage": usage}


def event(value: Any) -> bytes:
    return b"data: " + (value if isinstance(value, bytes) else orjson.dumps(value)) + b"\n\n"


Action = Callable[["Handler"], None]
Script = Callable[["Ask"], Action]
MODELS: Body = {"object": "list", "data": [{"id": "m", "owned_by": "vllm", "max_model_len": 512}]}


@dataclass(frozen=True)
class Ask:
    """A request as the server saw it."""

    number: int
    """Of this kind, from 0."""
    path: str
    headers: Mapping[str, str]
    body: Body


def well(ask: Ask) -> Action:
    """What was asked for: three tokens and the one that ends, or less."""
    return Say(completion((5, 6, 7)[: ask.body["max_tokens"] - 1]))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Listener

    @property
    def owner(self) -> FaultServer:
        return self.server.owner

    def setup(self) -> None:
        with self.owner.lock:
            self.owner.connected += 1
        super().setup()

    def finish(self) -> None:
        with suppress(OSError):
            super().finish()
        with self.owner.lock:
            self.owner.connected -= 1

    def do_GET(self) -> None:
        self.owner.gets.append(Ask(len(self.owner.gets), self.path, dict(self.headers), {}))
        self._act(self.owner.pages.get(self.path, Say({"detail": "Not Found"}, 404)))

    def do_POST(self) -> None:
        body = orjson.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path in self.owner.pages:
            self._act(self.owner.pages[self.path])
            return
        with self.owner.lock:
            ask = Ask(len(self.owner.asked), self.path, dict(self.headers), body)
            self.owner.asked.append(ask)
        self._act(self.owner.script(ask))

    def _act(self, action: Action) -> None:
        with suppress(OSError):
            action(self)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


class _Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = True
    request_queue_size = 128
    owner: FaultServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that the other side broke is what is tested here."""


class FaultServer:
    """What it was asked lies in `asked` and `gets`; what it does with a POST is `script`'s, with a page `pages`'."""

    def __init__(self, script: Script = well, models: Body = MODELS, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.script = script
        self.pages: dict[str, Action] = {"/v1/models": Say(models)}
        self.asked: list[Ask] = []
        self.gets: list[Ask] = []
        self.lock = threading.Lock()
        self.closing = threading.Event()
        self.hanging = self.connected = 0
        self.port = 0

    @property
    def url(self) -> str:
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.closing.clear()
        self._listener = _Listener(("127.0.0.1", self.port), Handler)
        self._listener.owner = self
        self._open: list[socket.socket] = []
        self._keep_open()
        self.port = self._listener.server_address[1]
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """As a process that is killed: nobody listens, and every connection is gone."""
        self._listener.shutdown()
        self._listener.socket.close()
        self.closing.set()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._listener.server_close()
        self._thread.join()

    def _keep_open(self) -> None:
        inner = self._listener.get_request

        def get_request() -> tuple[socket.socket, Any]:
            connection, address = inner()
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            self._open.append(connection)
            return connection, address

        self._listener.get_request = get_request  # type: ignore[method-assign]


@contextmanager
def fault_server(
    script: Script = well, models: Body = MODELS, tls: ssl.SSLContext | None = None
) -> Iterator[FaultServer]:
    server = FaultServer(script, models, tls)
    server.start()
    try:
        yield server
    finally:
        server.stop()
