"""How busy magpie keeps a server, and what its client costs: against a scripted server, and against other clients.

    python -m bench.serving in-flight [--rows 20000] [--concurrency 256] [--seconds 0.2]
    python -m bench.serving clients --reference ASYNC_CLIENT.py [--requests 5000] [--rounds 7] [--url URL]

`in-flight`: a whole run (the stage instruct) through a server that answers after so many seconds; how many requests the
server held at the same time, by its own count, on average over the middle 80% of its answers.

`clients`: the engine `server` and a reference client, which is a script with the arguments URL MODEL REQUESTS.jsonl
--in-flight N that prints a line of JSON with requests, failed, seconds and cpu. Rounds in turns; medians, and of the
ratio the least and the largest. Without `--url` a scripted server answers at once; with it, any server of vLLM's API.

The server has the first core and the client the second, where there are two. Processor time is that of the client's
process, all threads.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import nullcontext
from pathlib import Path
from statistics import median
from typing import Any

from bench.scripted_server import pin, scripted_server
from magpie.engines.server.dialects import make_dialect
from magpie.engines.server.engine import detect, open_server
from magpie.executors.local import execute_plan
from magpie.plan.load import parse
from magpie.plan.plan import make_plan
from magpie.runs import RunFolder, open_run
from magpie.seams import Completion, Engine, Request, SamplingParams, Tokens, derive_seed
from magpie.settings.engines import Server as ServerSettings

SERVER_CORE, CLIENT_CORE = 0, 1
PROMPT = tuple(range(300, 320))
MAX_TOKENS = 100


# -- requests in flight -----------------------------------------------------------------------------------------------


def in_flight(rows: int, concurrency: int, seconds: float) -> None:
    with scripted_server(seconds, SERVER_CORE) as url, tempfile.TemporaryDirectory() as folder:
        pin(CLIENT_CORE)
        engine = f"{{name: server, url: '{url}', concurrency: {concurrency}}}"
        plan = make_plan(parse(f"{{name: serving, size: {rows}, engine: {engine}}}", "bench"))
        began, cpu = time.perf_counter(), time.process_time()
        execute_plan(plan, RunFolder(Path(folder, "run")), only=["instruct"])
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
        counts = open_run(Path(folder, "run")).counts()
        with urllib.request.urlopen(f"{url}/stats") as answer:
            stats = json.load(answer)
    ideal = rows * seconds / concurrency
    print(
        "| rows | concurrency | answer after | held, middle 80% | rows/s | ideal rows/s | seconds | CPU s | ms a row |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    print(
        f"| {rows:,} | {concurrency} | {seconds:g} s | {stats['held']:.1f} | {rows / took:,.0f} | {rows / ideal:,.0f} "
        f"| {took:.1f} | {cpu:.1f} | {1e3 * cpu / rows:.2f} |"
    )
    print(f"\nThe server answered {stats['answered']:,} requests; the run says: {counts}")


# -- against other clients --------------------------------------------------------------------------------------------


def requests_of(count: int, round_number: int) -> list[Request]:
    sampling = SamplingParams(max_tokens=MAX_TOKENS)
    return [
        Request(Tokens(PROMPT), sampling, seed=derive_seed(round_number, "serving", row, 0)) for row in range(count)
    ]


def run_engine(engine: Engine, requests: list[Request]) -> tuple[float, float]:
    """Seconds, and processor seconds of this process."""
    sent = done = 0
    began, cpu = time.perf_counter(), time.process_time()
    while done < len(requests):
        while sent < len(requests) and sent - done < engine.window:
            engine.submit(sent, requests[sent])
            sent += 1
        answers = engine.poll(0.5)
        assert all(isinstance(answer, Completion) for _, answer in answers), answers
        done += len(answers)
    return time.perf_counter() - began, time.process_time() - cpu


def clients(reference: Path, url: str | None, count: int, rounds: int, concurrency: int) -> None:
    with scripted_server(0.0, SERVER_CORE) if url is None else nullcontext(url) as address:
        if url is None:
            pin(CLIENT_CORE)
        settings = ServerSettings(url=address, concurrency=concurrency)
        facts = detect(settings)
        dialect = make_dialect(facts, None)
        ours, theirs = [], []
        with tempfile.TemporaryDirectory() as folder, open_server(settings, facts) as engine:
            run_engine(engine, requests_of(4 * concurrency, -1))  # until its limit is what the server takes
            for number in range(rounds):
                requests = requests_of(count, number)
                ours.append(run_engine(engine, requests))
                lines = Path(folder, "requests.jsonl")
                lines.write_bytes(b"\n".join(dialect.ask(request).body for request in requests))
                theirs.append(run_reference(reference, address, facts.served_model, lines, concurrency))
    print(f"{count:,} requests, {concurrency} in flight, {rounds} rounds in turns\n")
    print("| client | requests/s | seconds | CPU seconds | CPU ms a request |\n|---|---|---|---|---|")
    for name, took in (("magpie, engine server", ours), (reference.name, theirs)):
        wall, cpu = (median(values) for values in zip(*took, strict=True))
        print(f"| {name} | {count / wall:,.0f} | {wall:.2f} | {cpu:.2f} | {1e3 * cpu / count:.3f} |")
    ratios = sorted(their[0] / our[0] for our, their in zip(ours, theirs, strict=True))
    print(f"\nmagpie / {reference.name}, requests/s: {median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")


def run_reference(script: Path, url: str, model: str, requests: Path, concurrency: int) -> tuple[float, float]:
    base = url.rstrip("/").removesuffix("/v1") + "/v1"
    command = [sys.executable, str(script), base, model, str(requests), "--in-flight", str(concurrency)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert said["failed"] == 0, said
    return float(said["seconds"]), float(said["cpu"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_subparsers(dest="part", required=True)
    flight = parts.add_parser("in-flight")
    flight.add_argument("--rows", type=int, default=20_000)
    flight.add_argument("--concurrency", type=int, default=256)
    flight.add_argument("--seconds", type=float, default=0.2)
    others = parts.add_parser("clients")
    others.add_argument("--reference", type=Path, required=True)
    others.add_argument("--url")
    others.add_argument("--requests", type=int, default=5_000)
    others.add_argument("--rounds", type=int, default=7)
    others.add_argument("--concurrency", type=int, default=256)
    given = parser.parse_args()
    if given.part == "in-flight":
        in_flight(given.rows, given.concurrency, given.seconds)
    else:
        clients(given.reference, given.url, given.requests, given.rounds, given.concurrency)


if __name__ == "__main__":
    main()
