"""A server that answers as vLLM does, after a stated time, with as little work as can be; it counts what it holds.

    python -m bench.scripted_server PORT [--seconds 0.2] [--core 0]

Run by `bench.serving` and `bench.replicas`. `/stats` tells how many requests it held, on average over time, between
the answers at a tenth and at nine tenths of all.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from typing import Any

import orjson

from tests.engines.local_servers import free_port

TOKENS = 60
"""Of an answer, all of them ids that every vocabulary has, and the one that ends it."""


def _answer(ids: list[int], reason: str) -> bytes:
    choice = {"index": 0, "text": "?", "finish_reason": reason, "stop_reason": None, "token_ids": ids}
    usage = {"prompt_tokens": 3, "completion_tokens": len(ids), "total_tokens": len(ids) + 3}
    return orjson.dumps({"choices": [choice], "usage": usage})


WHOLE = _answer([*range(300, 300 + TOKENS), 2], "stop")
EVENTS = b"data: " + WHOLE + b"\n\ndata: [DONE]\n\n"
MODELS = orjson.dumps({"object": "list", "data": [{"id": "m", "owned_by": "vllm", "max_model_len": 4096}]})


def _http(body: bytes, kind: bytes = b"application/json", status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 %s\r\ncontent-type: %s\r\ncontent-length: %d\r\n\r\n%s" % (status, kind, len(body), body)


SHORT = _http(_answer([300], "length"))
"""To a request for one token, as at opening."""
PLAIN, STREAMED = _http(WHOLE), _http(EVENTS, b"text/event-stream")


class Counts:
    """When answers went out, and how many requests were held then."""

    def __init__(self) -> None:
        self.held = 0
        self.answered: list[tuple[float, int]] = []

    def stats(self) -> bytes:
        count = len(self.answered)
        middle = self.answered[count // 10 : count - count // 10]
        spans = [(after[0] - before[0], before[1]) for before, after in pairwise(middle)]
        seconds = sum(span for span, _ in spans)
        mean = sum(span * held for span, held in spans) / seconds if seconds else 0.0
        return orjson.dumps({"answered": count, "seconds": seconds, "held": mean})


class Connection(asyncio.Protocol):
    """Requests, one after another."""

    def __init__(self, counts: Counts, seconds: float) -> None:
        self._counts, self._seconds = counts, seconds
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, gap, body = self._received.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
        if not gap or len(body) < length:
            return
        self._received = b""
        if head.startswith(b"POST /v1/completions"):
            self._counts.held += 1
            short = b'"max_tokens":1,' in body or b'"max_tokens":1}' in body
            answer = SHORT if short else STREAMED if b'"stream":true' in body else PLAIN
            asyncio.get_running_loop().call_later(self._seconds, self._say, answer)
        elif head.startswith(b"GET /v1/models"):
            self._transport.write(_http(MODELS))
        elif head.startswith(b"GET /stats"):
            self._transport.write(_http(self._counts.stats()))
            self._counts.answered.clear()
        else:
            self._transport.write(_http(b'{"detail": "Not Found"}', status=b"404 Not Found"))

    def _say(self, answer: bytes) -> None:
        self._counts.answered.append((time.perf_counter(), self._counts.held))
        self._counts.held -= 1
        self._transport.write(answer)


async def serve(port: int, seconds: float) -> None:
    counts = Counts()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(counts, seconds), "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


@contextmanager
def scripted_server(seconds: float, core: int | None = None) -> Iterator[str]:
    """Its address, in a process of its own, on one core."""
    port = free_port()
    pinned = [] if core is None else ["--core", str(core)]
    command = [sys.executable, "-m", "bench.scripted_server", str(port), "--seconds", str(seconds), *pinned]
    process = subprocess.Popen(command)
    try:
        wait_for_port(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def wait_for_port(port: int, seconds: float = 60.0) -> None:
    """Wait until somebody listens there."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1.0):
            return
        time.sleep(0.05)
    raise SystemExit(f"nobody listens at port {port} after {seconds:g} seconds")


def pin(core: int | None) -> None:
    """Keep this process on one core, where there are several and the system can."""
    if core is not None and hasattr(os, "sched_setaffinity") and core in os.sched_getaffinity(0):
        os.sched_setaffinity(0, {core})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("port", type=int)
    parser.add_argument("--seconds", type=float, default=0.2)
    parser.add_argument("--core", type=int)
    given: Any = parser.parse_args()
    pin(given.core)
    asyncio.run(serve(given.port, given.seconds))


if __name__ == "__main__":
    main()
