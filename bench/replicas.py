"""Several engines as one: how near the sharing of work comes to the ideal, what a killed replica costs, and what a
second core brings.

    python -m bench.replicas shares [--requests 2000] [--replicas 8] [--window 4] [--servers]
    python -m bench.replicas kills [--seconds 120] [--every 10] [--replicas 4]
    python -m bench.replicas cores [--engine llamacpp|openvino] [--requests 200] [--rounds 7]

`shares`: scripted replicas of which each takes longer than the one before, for a request up to a stated time that
follows from its seed; with `--servers`, scripted servers of stated times. Against the ideal list schedule, which gives
each request, in order, to the first slot that is free; and against the first replica alone.

`kills`: a run on scripted replicas of which one is killed (SIGKILL) every so many seconds, against the same run left
alone: rows that are lost, that are there twice or that differ, and errors.

`cores`: an engine of one core against two replicas of one core each, on the model inside the package, in turns. Only
on an idle machine of two cores does this mean anything.
"""

from __future__ import annotations

import argparse
import heapq
import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from importlib.resources import files
from pathlib import Path
from statistics import median

import pyarrow as pa

from bench.scripted_server import scripted_server
from bench.serving import requests_of
from magpie.engines.child.engine import ChildSpec
from magpie.engines.llamacpp.engine import child_spec as llamacpp_spec
from magpie.engines.openvino.engine import child_spec as openvino_spec
from magpie.engines.replicas.engine import Replicas, open_replicas
from magpie.engines.replicas.places import on_cores
from magpie.engines.scripted import child_spec, luck
from magpie.engines.server.engine import open_server
from magpie.executors.local import execute_plan
from magpie.modelfiles.model import open_model
from magpie.models.engines import ModelUse, open_engine
from magpie.models.hardware import usable_cores
from magpie.plan.load import parse
from magpie.plan.plan import make_plan
from magpie.runs import RunFolder, open_run
from magpie.seams import Completion, Engine, Request, SamplingParams, Tokens, derive_seed
from magpie.settings.engines import LlamaCpp, OpenVino, Scripted, Server

FIRST_SECONDS, MORE_SECONDS = 0.4, 0.1
"""That a request takes at most on the first replica, and how much longer on each further one."""


# -- shares -----------------------------------------------------------------------------------------------------------


def ideal(durations: Sequence[Sequence[float]], window: int, count: int) -> float:
    """Seconds of the list schedule. durations: of each request on each replica."""
    slots = [(0.0, replica) for replica in range(len(durations)) for _ in range(window)]
    heapq.heapify(slots)
    ends = 0.0
    for request in range(count):
        free, replica = heapq.heappop(slots)
        end = free + durations[replica][request]
        ends = max(ends, end)
        heapq.heappush(slots, (end, replica))
    return ends


def run(engine: Engine, requests: Sequence[Request]) -> tuple[float, float, int]:
    """Seconds, processor seconds of this process, and completion tokens."""
    sent = done = tokens = 0
    began, cpu = time.perf_counter(), time.process_time()
    while done < len(requests):
        while sent < len(requests) and sent - done < engine.window:
            engine.submit(sent, requests[sent])
            sent += 1
        for _, answer in engine.poll(0.5):
            assert isinstance(answer, Completion), answer
            done, tokens = done + 1, tokens + answer.completion_tokens
    return time.perf_counter() - began, time.process_time() - cpu, tokens


def shares(count: int, replicas: int, window: int, by_servers: bool) -> None:
    requests = requests_of(count, 0)
    times = [FIRST_SECONDS + MORE_SECONDS * number for number in range(replicas)]
    print("| replicas | measured, s | ideal, s | ideal / measured | CPU s |\n|---|---|---|---|---|")
    for number in (1, replicas):
        if by_servers:
            taken = [[seconds] * count for seconds in times[:number]]
            opening: AbstractContextManager[Engine] = servers(times[:number], window)
        else:
            taken = [[luck(request.seed, 2) * seconds for request in requests] for seconds in times[:number]]
            specs = [child_spec(Scripted(window=window, seconds=seconds, empty_rate=0.0)) for seconds in times[:number]]
            opening = open_replicas(specs)
        few = requests[: max(1, count * number // replicas)]
        with opening as engine:
            run(engine, requests_of(2 * window * number, 1))  # so that it is known how long an answer takes
            took, cpu, _ = run(engine, few)
        best = ideal(taken, window, len(few))
        print(f"| {number} | {took:.2f} | {best:.2f} | {best / took:.3f} | {cpu:.2f} |")


@contextmanager
def servers(times: Sequence[float], window: int) -> Iterator[Engine]:
    with ExitStack() as stack:
        urls = tuple(stack.enter_context(scripted_server(seconds)) for seconds in times)
        yield stack.enter_context(open_server(Server(url=urls, concurrency=window)))


# -- kills ------------------------------------------------------------------------------------------------------------


def kills(seconds: float, every: float, replicas: int) -> None:
    window, each = 8, 0.5
    rows = int(seconds * replicas * window / (each / 2) / 2)  # two requests a row, each half of `each` on average
    engine = f"{{name: scripted, replicas: {replicas}, window: {window}, seconds: {each}}}"
    plan = make_plan(parse(f"{{name: kills, size: {rows}, engine: {engine}}}", "bench"))
    calm = make_plan(parse(f"{{name: kills, size: {rows}, engine: scripted}}", "bench"))
    opened: list[Engine] = []
    killed: list[int] = []
    over = threading.Event()

    @contextmanager
    def opener(use: ModelUse) -> Iterator[Engine]:
        with open_engine(use) as made:
            opened.append(made)
            yield made

    def kill() -> None:
        while not over.wait(every):
            pids = opened[-1].pids if opened and isinstance(opened[-1], Replicas) else []
            if pids:
                with suppress(ProcessLookupError):
                    os.kill(pids[len(killed) % len(pids)], signal.SIGKILL)
                    killed.append(pids[len(killed) % len(pids)])

    with tempfile.TemporaryDirectory() as folder:
        killer = threading.Thread(target=kill, daemon=True)
        killer.start()
        began = time.perf_counter()
        execute_plan(plan, RunFolder(Path(folder, "killed")), opener=opener)
        took = time.perf_counter() - began
        over.set()
        execute_plan(calm, RunFolder(Path(folder, "calm")))
        ours, expected = (texts(Path(folder, name)) for name in ("killed", "calm"))
    found = ours.column("row").to_pylist()
    lost = len(set(expected.column("row").to_pylist()) - set(found))
    differ = 0 if lost else sum(a != b for a, b in zip(ours.to_pylist(), expected.to_pylist(), strict=False))
    errors = sum(error is not None for error in ours.column("error").to_pylist())
    print("| rows | replicas | killed | seconds | lost | doubled | with an error | that differ |")
    print("|---|---|---|---|---|---|---|---|")
    doubled = len(found) - len(set(found))
    print(f"| {rows:,} | {replicas} | {len(killed)} | {took:.0f} | {lost} | {doubled} | {errors} | {differ} |")


def texts(folder: Path) -> pa.Table:
    table = open_run(folder).table()
    return table.select([name for name in ("row", "instruction", "response", "error") if name in table.column_names])


# -- cores ------------------------------------------------------------------------------------------------------------


def cores(name: str, count: int, rounds: int) -> None:
    folder = Path(str(files("magpie"))) / "weights" / "fledgling"
    model = folder / "fledgling-f16.gguf"
    places = on_cores(2, usable_cores()[:2])
    prompt = tuple(open_model(folder).tokenizer.encode("<|im_start|>user\n"))
    sampling = SamplingParams(max_tokens=128)

    def spec(place_number: int) -> ChildSpec:
        place = places[place_number]
        made = (
            llamacpp_spec(model, LlamaCpp(threads=1, context=512))
            if name == "llamacpp"
            else openvino_spec(model, OpenVino(threads=1, context=512))
        )
        environment = {**made.environment, **place.environment()}
        return ChildSpec(made.opener, made.arguments, made.name, environment, cores=place.cores)

    rates: dict[int, list[float]] = {1: [], 2: []}
    with open_replicas([spec(0)]) as one, open_replicas([spec(0), spec(1)]) as two:
        for number in range(rounds + 1):
            for replicas, engine in ((1, one), (2, two)):
                seeds = (derive_seed(number, "cores", row, 0) for row in range(count))
                took, _, tokens = run(engine, [Request(Tokens(prompt), sampling, seed=seed) for seed in seeds])
                if number:  # the first round warms up
                    rates[replicas].append(tokens / took)
    ratios = sorted(b / a for a, b in zip(rates[1], rates[2], strict=True))
    print("| engine | one of one core, tokens/s | two of one core each | two / one |\n|---|---|---|---|")
    alone, both = median(rates[1]), median(rates[2])
    print(f"| {name} | {alone:,.0f} | {both:,.0f} | {median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}) |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_subparsers(dest="part", required=True)
    sharing = parts.add_parser("shares")
    sharing.add_argument("--requests", type=int, default=2000)
    sharing.add_argument("--replicas", type=int, default=8)
    sharing.add_argument("--window", type=int, default=4)
    sharing.add_argument("--servers", action="store_true")
    killing = parts.add_parser("kills")
    killing.add_argument("--seconds", type=float, default=120.0)
    killing.add_argument("--every", type=float, default=10.0)
    killing.add_argument("--replicas", type=int, default=4)
    two = parts.add_parser("cores")
    two.add_argument("--engine", choices=["llamacpp", "openvino"], default="llamacpp")
    two.add_argument("--requests", type=int, default=200)
    two.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    match given.part:
        case "shares":
            shares(given.requests, given.replicas, given.window, given.servers)
        case "kills":
            kills(given.seconds, given.every, given.replicas)
        case "cores":
            cores(given.engine, given.requests, given.rounds)


if __name__ == "__main__":
    main()
