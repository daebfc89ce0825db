"""What the client's side of a request to a server costs: aiohttp as it comes, magpie's client on it, and the whole
engine `server`, with 16, 64 and 256 connections.

    python -m bench.http_clients [--requests 6000] [--rounds 3] [--connections 16 64 256]

The server, in a process of its own, says the same 60 tokens after 5 ms, whole or in four pieces. Rounds are interleaved
and medians told: processor time of this process for a request (both threads of the engine together), requests for each
second of it, and requests a second by the clock.

Before, there were connections on httpcore for engines (285 to 325 us for an exchange, the engine 355 to 455 us),
sockets of our own for llama.cpp, and httpx for the rest (3 to 7 ms with so many connections); on the same machine and
under the same load aiohttp took 160 to 195 us.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from statistics import median

import aiohttp
import orjson

from bench.scripted_server import wait_for_port
from magpie.engines.server import dialects as server_dialects
from magpie.engines.server import loop as server_loop
from magpie.engines.server.info import Facts
from magpie.engines.server.patience import Patience
from magpie.http.client import Client
from magpie.http.endpoints import Key, endpoint_to, read_url
from magpie.http.exchange import Deadline
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


Costs = dict[tuple[int, str], list[tuple[float, float]]]
"""By connections and name: processor seconds and seconds of a request, in each round."""
COSTS: Costs = {}


def note(connections: int, name: str, requests: int, cpu: float, wall: float) -> None:
    COSTS.setdefault((connections, name), []).append((cpu / requests, wall / requests))


def table(costs: Costs) -> list[str]:
    """Lines of Markdown, of medians."""
    lines = ["| connections | client | CPU us a request | a CPU second | a second |", "|---|---|---|---|---|"]
    for (connections, name), rounds in costs.items():
        cpu, wall = (median(values) for values in zip(*rounds, strict=True))
        lines.append(f"| {connections} | {name} | {1e6 * cpu:.0f} | {1 / cpu:,.0f} | {1 / wall:,.0f} |")
    return lines


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
    note(connections, name, requests, time.process_time() - cpu, time.perf_counter() - wall)


async def clients(url: str, requests: int, connections: int) -> None:
    body = server_dialects.make_dialect(FACTS, None).ask(_request(64)).body
    connector = aiohttp.TCPConnector(limit=connections)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None)) as session:

        async def by_aiohttp() -> None:
            async with session.post(f"{url}/v1/completions", data=body) as answer:
                orjson.loads(await answer.read())

        await measure("aiohttp.ClientSession", by_aiohttp, requests, connections)
    client, deadline = Client(endpoint_to(read_url(url), Key(None)), 10.0), Deadline(whole=300.0)

    async def by_client() -> None:
        answer = await client.exchange("POST", "/v1/completions", body, deadline=deadline, most=1 << 20)
        orjson.loads(answer.body)

    await measure("magpie.http.client", by_client, requests, connections)
    await client.close()


def _request(most: int, seed: int = 0) -> Request:
    return Request(Tokens(tuple(IDS)), SamplingParams(max_tokens=most), seed=seed)


def engine(name: str, url: str, requests: int, connections: int, most: int) -> None:
    site = server_loop.Site(endpoint_to(read_url(url), Key(None)), connections)
    dialect, waits = server_dialects.make_dialect(FACTS, None), Patience(10.0, 300.0, 60.0)
    opened = server_loop.Server(dialect, [site], waits, context=4096, vocab_size=1 << 20, retries=0, patience=60.0)
    opened.start()
    run_engine(opened, 10 * connections, most)
    cpu, wall = time.process_time(), time.perf_counter()
    run_engine(opened, requests, most)
    note(connections, name, requests, time.process_time() - cpu, time.perf_counter() - wall)
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
    parser.add_argument("--requests", type=int, default=6000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, nargs="+", default=[16, 64, 256])
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        asyncio.run(serve(given.serve))
        return
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "bench.http_clients", "--serve", str(port)])
    try:
        wait_for_port(port)
        url = f"http://127.0.0.1:{port}"
        for _ in range(given.rounds):
            for connections in sorted(given.connections):
                size = (given.requests, connections)
                asyncio.run(clients(url, *size))
                engine("the engine `server`, answers whole", url, *size, most=64)
                engine("the engine `server`, answers in four pieces", url, *size, most=1000)
        print("\n".join(table(COSTS)))
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
