"""What the client's side of a request to a server costs, in this process's time: httpx as it comes, the connections
beneath it, and the whole engine `server`.

    python -m bench.http_clients [--requests 3000] [--connections 64]

The server, in a process of its own, says the same 60 tokens after 5 ms, whole or in four pieces. Requests for each
second of processor time, both threads of the engine together; of wall-clock time too, where the machine is idle.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable

import httpx
import orjson

from magpie.engines.server import dialects as server_dialects
from magpie.engines.server import loop as server_loop
from magpie.engines.server.address import Key, read_url, way_to
from magpie.engines.server.info import Facts
from magpie.engines.server.lines import Lines, Patience
from magpie.engines.server.pool import Site
from magpie.engines.server.wire import Asked
from magpie.seams import Completion, Request, SamplingParams, Tokens
from tests.engines.local_servers import free_port

IDS = list(range(1000, 1060))
FACTS = Facts("vllm", "m", 4096)


def _answer(ids: list[int], reason: str | None) -> bytes:
    choice = {"index": 0, "text": "Explain the quiet bridges. " * (len(ids) // 6), "finish_reason": reason}
    return orjson.dumps({"choices": [choice | {"token_ids": ids, "stop_reason": None}], "usage": None})


WHOLE = _answer([*IDS, 2], "stop")
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(WHOLE)
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


PIECES = [
    *(_chunk(b"data: " + _answer(IDS[n : n + 20], None) + b"\n\n") for n in range(0, 60, 20)),
    _chunk(b"data: " + _answer([2], "stop") + b"\n\ndata: [DONE]\n\n") + b"0\r\n\r\n",
]


class _Saying(asyncio.Protocol):
    """As little of a server as can be."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._received = transport, b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, gap, body = self._received.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
        if not gap or len(body) < length:
            return
        self._received, later = b"", asyncio.get_running_loop().call_later
        if b'"stream":true' not in body:
            later(0.005, self._transport.write, HEAD + WHOLE)
            return
        self._transport.write(STREAM_HEAD)
        for n, piece in enumerate(PIECES):
            later(0.001 * (n + 1), self._transport.write, piece)


async def serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(_Saying, "127.0.0.1", port)
    await server.serve_forever()


def told(name: str, requests: int, cpu: float, wall: float) -> None:
    costs = f"{requests / cpu:>8,.0f} a CPU second{1e6 * cpu / requests:>7,.0f} us"
    print(f"{name:<44}{costs}{requests / wall:>8,.0f} a second")


async def measure(name: str, one: Callable[[], Awaitable[object]], requests: int, connections: int) -> None:
    async def run(number: int) -> None:
        left = iter(range(number))

        async def work() -> None:
            for _ in left:
                await one()

        await asyncio.gather(*(work() for _ in range(connections)))

    await run(2 * connections)
    cpu, wall = time.process_time(), time.perf_counter()
    await run(requests)
    told(name, requests, time.process_time() - cpu, time.perf_counter() - wall)


async def clients(url: str, requests: int, connections: int) -> None:
    body = server_dialects.make_dialect(FACTS, None).ask(_request(64)).body
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    async with httpx.AsyncClient(limits=limits) as client:

        async def by_httpx() -> None:
            orjson.loads((await client.post(f"{url}/v1/completions", content=body)).content)

        await measure("httpx.AsyncClient", by_httpx, requests // 4, connections)
    lines = Lines(way_to(read_url(url), Key(None)), Patience(10.0, 300.0, 60.0))

    async def by_lines() -> None:
        orjson.loads((await lines.exchange(Asked("/v1/completions", body, streamed=False), 64)).body)

    await measure("connections one by one (server_lines)", by_lines, requests, connections)
    await lines.close()


def _request(most: int, seed: int = 0) -> Request:
    return Request(Tokens(tuple(IDS)), SamplingParams(max_tokens=most), seed=seed)


def engine(name: str, url: str, requests: int, connections: int, most: int) -> None:
    way = way_to(read_url(url), Key(None))
    site = Site(url, Lines(way, Patience(10.0, 300.0, 60.0)), connections)
    dialect = server_dialects.make_dialect(FACTS, None)
    opened = server_loop.Server(dialect, [site], context=4096, vocab_size=1 << 20, retries=0, patience=60.0)
    opened.start()
    run_engine(opened, 10 * connections, most)
    cpu, wall = time.process_time(), time.perf_counter()
    run_engine(opened, requests, most)
    told(name, requests, time.process_time() - cpu, time.perf_counter() - wall)
    opened.close()


def run_engine(opened: server_loop.Server, requests: int, most: int) -> None:
    asked = done = 0
    while done < requests:
        while asked < requests and asked - done < opened.window:
            opened.submit(asked, _request(most, asked))
            asked += 1
        answers = opened.poll(1.0)
        assert all(isinstance(answer, Completion) for _, answer in answers), answers
        done += len(answers)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=3000)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        asyncio.run(serve(given.serve))
        return
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "bench.http_clients", "--serve", str(port)])
    try:
        time.sleep(1.0)
        url, size = f"http://127.0.0.1:{port}", (given.requests, given.connections)
        asyncio.run(clients(url, *size))
        engine("the engine server, answers whole", url, *size, most=64)
        engine("the engine server, answers in four pieces", url, *size, most=1000)
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
