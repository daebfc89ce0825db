"""A bucket on a real S3 server, and in front of it a proxy that does what networks and servers do: 503, waiting,
answers that are lost, requests that arrive in part, refusals, conditions that are not heeded. It counts requests, too.
"""

from __future__ import annotations

import http.client
import random
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BUCKET = "bucket"
KEY, SECRET = "AKIATESTINGTESTING00", "a-secret-that-no-output-may-show-0123456789"


@dataclass
class Weather:
    """What the proxy does to requests; all of it may change while it runs."""

    busy: float = 0.0
    """The share of requests that are answered by 503."""
    slow: float = 0.0
    """Seconds that each request waits at most."""
    torn: float = 0.0
    """The share of requests of which the server gets a part."""
    lost: float = 0.0
    """The share of requests that are done, and whose answer is lost."""
    down: bool = False
    """Every request is answered by 503."""
    refused: str = ""
    """The code of a refusal, such as `InvalidAccessKeyId`, that answers every request."""
    unconditional: bool = False
    """Conditions of puts are not heeded."""
    seed: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    """How often each of these was done."""
    requests: Counter[str] = field(default_factory=Counter)
    """By method; `PUT?` are those with a condition, `LIST` those of listings."""


@dataclass
class Bucket:
    """A bucket and the way to it."""

    url: str
    weather: Weather

    def variables(self) -> dict[str, str]:
        """The environment by which the bucket is found."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
        }


@contextmanager
def moto() -> Iterator[str]:
    """The address of a server with one bucket."""
    command = [sys.executable, "-m", "tests.objects.server"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            lines = (line.strip() for line in process.stdout)
            port = next(int(line) for line in lines if line.isdigit())
            connection = http.client.HTTPConnection("127.0.0.1", port)
            connection.request("PUT", f"/{BUCKET}")
            assert connection.getresponse().status == 200
            connection.close()
            yield f"127.0.0.1:{port}"
        finally:
            process.kill()


@contextmanager
def served(server: str) -> Iterator[Bucket]:
    """A proxy in front of a server."""
    weather, dice = Weather(), random.Random(0)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

        def handle_one_request(self) -> None:
            with suppress(ConnectionError, TimeoutError):
                super().handle_one_request()

        def _pass(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            kind = "LIST" if "list-type" in self.path else self.command
            conditional = "If-None-Match" in self.headers or "If-Match" in self.headers
            weather.requests[f"{kind}?" if conditional and kind == "PUT" else kind] += 1
            if weather.slow:
                time.sleep(dice.uniform(0, weather.slow))
            if weather.refused:
                self._say(403, f"<Error><Code>{weather.refused}</Code><Message>no {KEY}</Message></Error>".encode())
            elif weather.down or dice.random() < weather.busy:
                weather.faults["busy"] += 1
                self._say(503, b"<Error><Code>SlowDown</Code></Error>")
            elif dice.random() < weather.torn:
                weather.faults["torn"] += 1
                self._tear(body)
            else:
                status, headers, data = self._ask(body)
                if dice.random() < weather.lost:
                    weather.faults["lost"] += 1
                    self.close_connection = True
                    return
                self._say(status, data, headers)

        def _ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
            connection = http.client.HTTPConnection(server, timeout=60)
            headers = dict(self.headers.items())
            if weather.unconditional and self.command == "PUT":
                headers = {name: value for name, value in headers.items() if not name.lower().startswith("if-")}
            try:
                connection.request(self.command, self.path, body, headers)
                answer = connection.getresponse()
                return answer.status, answer.getheaders(), answer.read()
            finally:
                connection.close()

        def _tear(self, body: bytes) -> None:
            """Send a part of the request, and close both ends."""
            head = f"{self.command} {self.path} HTTP/1.1\r\n" + "".join(
                f"{k}: {v}\r\n" for k, v in self.headers.items()
            )
            host, port = server.split(":")
            with socket.create_connection((host, int(port))) as cut, suppress(OSError):
                cut.sendall(head.encode() + b"\r\n" + body[: len(body) // 2])
            self.close_connection = True

        def _say(self, status: int, data: bytes, headers: list[tuple[str, str]] | None = None) -> None:
            self.send_response(status)
            for name, value in headers or []:
                if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass  # noqa: N815

    class Proxy(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """Says nothing: connections are cut on purpose."""

    with Proxy(("127.0.0.1", 0), Handler) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield Bucket(f"http://127.0.0.1:{proxy.server_address[1]}", weather)
        finally:
            proxy.shutdown()
            thread.join()
