"""Several workers on one run, on this machine: how near they come to the ideal, and what kills cost.

    python -m bench.cluster [--rows 2000] [--workers 1 2 4] [--median 0.4] [--sigma 0.5]
    python -m bench.cluster --kills [--every 20]
    python -m bench.cluster --cores

Workers are processes with the scripted engine at window 16, whose requests take lognormal times that follow from their
seeds. The ideal is the list schedule of the very same times: rows in order, each at the first free one of 16 places for
each worker, stage after stage, nothing else taking any time. Starts of processes are not counted: the workers wait for
each other. `tail` is from the first worker without rows to the end of a stage, `longest` the longest row, as shares of
the stage. `--kills` kills a worker every so many seconds, adds one for each and one more, and holds the run against
that of one process, byte for byte. `--cores` compares two llama.cpp workers of one core each with one.
"""

from __future__ import annotations

import argparse
import heapq
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import exp
from pathlib import Path
from random import Random
from statistics import NormalDist

import magpie
from magpie.engines.scripted import Scripted, open_scripted
from magpie.errors import RequestFailed
from magpie.executors.making import Progress
from magpie.executors.workers import join
from magpie.models.engines import ModelUse
from magpie.runs.workers import read_workers, workers_folder
from magpie.seams import Completion, Engine, Request, derive_seed
from magpie.settings.engines import Scripted as ScriptedSettings

WINDOW = 16
STAGES = ("instruct", "respond", "respond_base")
RECIPE = """
name: cluster
size: {rows}
shard_rows: {shard_rows}
seed: 5
engine: {{name: scripted, window: {window}, empty_rate: 0.0, length_rate: 0.0}}
instruct: {{first_token_bans: []}}
respond: {{}}
respond_base: {{model: fledgling-base, engine: {{name: scripted, window: {window}, empty_rate: 0.0, length_rate: 0.0}}}}
"""


def seconds_of(seed: int, median: float, sigma: float) -> float:
    """How long a request takes: lognormal, by its seed."""
    share = (Random(seed).random() * 0.999998) + 0.000001
    return median * exp(sigma * NormalDist().inv_cdf(share))


class Slow:
    """The scripted engine, whose answers come after a while."""

    def __init__(self, engine: Scripted, median: float, sigma: float) -> None:
        self.engine, self.median, self.sigma = engine, median, sigma
        self.window, self.context, self.capabilities = engine.window, engine.context, engine.capabilities
        self._due: list[tuple[float, int, Request]] = []

    def submit(self, ticket: int, request: Request) -> None:
        due = time.monotonic() + seconds_of(request.seed, self.median, self.sigma)
        heapq.heappush(self._due, (due, ticket, request))

    def poll(self, wait: float) -> Sequence[tuple[int, Completion | RequestFailed]]:
        if self._due:
            time.sleep(max(0.0, min(wait, self._due[0][0] - time.monotonic())))
        now = time.monotonic()
        while self._due and self._due[0][0] <= now:
            _, ticket, request = heapq.heappop(self._due)
            self.engine.submit(ticket, request)
        return self.engine.poll(0.0)

    def cancel(self, tickets: Sequence[int]) -> None:
        self._due = [each for each in self._due if each[1] not in set(tickets)]
        heapq.heapify(self._due)


def opener(median: float, sigma: float):  # type: ignore[no-untyped-def]
    @contextmanager
    def opened(use: ModelUse) -> Iterator[Engine]:
        assert isinstance(use.engine, ScriptedSettings), "the recipe names it"
        size = 1 << 18 if use.files is None else use.files.tokenizer.vocab_size
        with open_scripted(use.engine, vocab_size=size) as engine:
            yield Slow(engine, median, sigma)

    return opened


# -- one worker -------------------------------------------------------------------------------------------------------


def work(out: Path, team: int, median: float, sigma: float) -> None:
    """What each process does: joins, waits for the others, makes rows; prints when its stages began and ended."""
    moments: dict[str, list[float]] = {}

    def watch(standing: Progress | str) -> None:
        if isinstance(standing, str):
            return
        if not moments:
            while len(list(workers_folder(out).glob("*.json"))) < team:
                time.sleep(0.02)
        counts, now = standing.counts, time.time()  # of one machine: its processes have one clock
        began, _, _ = moments.setdefault(standing.stage, [now, now, 0])
        rows = counts.made + counts.failed
        last = moments[standing.stage][1] if rows == moments[standing.stage][2] else now
        moments[standing.stage] = [began, last, rows]

    join(out, watch, opener=opener(median, sigma))
    times = os.times()
    print(json.dumps({"moments": moments, "cpu": times.user + times.system}))


def start(out: Path, team: int, options: argparse.Namespace) -> subprocess.Popen[str]:
    words = [out, team, options.median, options.sigma]
    command = [sys.executable, "-m", "bench.cluster", "--one", *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def prepare(folder: Path, name: str, rows: int, shard_rows: int) -> Path:
    """A run that workers may join."""
    recipe, out = folder / "cluster.yaml", folder / name
    recipe.write_text(RECIPE.format(rows=rows, shard_rows=shard_rows, window=WINDOW))
    words = ["run", "--recipe", str(recipe), "--out", str(out), "--executor", "workers"]
    subprocess.run([sys.executable, "-m", "magpie", *words], check=True, capture_output=True)
    return out


# -- the ideal --------------------------------------------------------------------------------------------------------


def ideal(
    rows: Mapping[str, Sequence[int]], places: int, median: float, sigma: float
) -> dict[str, tuple[float, float]]:
    """Of each stage, the seconds of the list schedule of its rows, and of its longest row."""
    found = {}
    for stage, numbers in rows.items():
        free = [0.0] * places
        times = [seconds_of(derive_seed(5, stage, row, 0), median, sigma) for row in numbers]
        for seconds in times:
            heapq.heapreplace(free, free[0] + seconds)
        found[stage] = max(free), max(times)
    return found


def rows_of(out: Path) -> dict[str, list[int]]:
    """The rows that each stage made."""
    run = magpie.open_run(out)
    return {stage: run.sql(f"SELECT row FROM {stage} ORDER BY row").column("row").to_pylist() for stage in STAGES}


def makespan(options: argparse.Namespace, folder: Path) -> None:
    print(f"{options.rows} rows, shards of {options.shard_rows}, median {options.median} s, sigma {options.sigma}")
    print(
        f"{'workers':>8}{'stage':>14}{'ideal s':>10}{'measured s':>12}{'share':>8}{'tail':>8}{'longest':>9}{'CPU s':>8}"
    )
    for count in options.workers:
        out = prepare(folder, f"run-{count}", options.rows, options.shard_rows)
        processes = [start(out, count, options) for _ in range(count)]
        told = [json.loads(process.communicate()[0].splitlines()[-1]) for process in processes]
        cpu = sum(each["cpu"] for each in told)
        wanted = ideal(rows_of(out), count * WINDOW, options.median, options.sigma)
        total_ideal = total = 0.0
        for stage in STAGES:
            began = min(each["moments"][stage][0] for each in told)
            ends = [each["moments"][stage][1] for each in told]
            seconds, (best, longest) = max(ends) - began, wanted[stage]
            tail = (max(ends) - min(ends)) / seconds
            total_ideal, total = total_ideal + best, total + seconds
            print(
                f"{count:8}{stage:>14}{best:10.2f}{seconds:12.2f}{best / seconds:8.3f}{tail:8.1%}{longest / best:9.1%}"
            )
        print(f"{count:8}{'all':>14}{total_ideal:10.2f}{total:12.2f}{total_ideal / total:8.3f}{'':17}{cpu:8.1f}")


# -- kills ------------------------------------------------------------------------------------------------------------


def kills(options: argparse.Namespace, folder: Path) -> None:
    alone = prepare(folder, "alone", options.rows, options.shard_rows)
    start(alone, 1, argparse.Namespace(median=0.0, sigma=0.0)).communicate()
    out = prepare(folder, "run", options.rows, options.shard_rows)
    began, killed, done = time.monotonic(), 0, False
    workers = [start(out, 0, options) for _ in range(4)]
    while not done:
        time.sleep(options.every)
        done = any(process.poll() == 0 for process in workers)
        if not done:
            workers.pop(0).kill()
            killed += 1
            workers += [start(out, 0, options) for _ in range(2 if killed == 3 else 1)]
    for process in workers:
        process.communicate()
    same = sealed(out) == sealed(alone)
    rows = {stage: len(set(numbers)) for stage, numbers in rows_of(out).items()}
    print(f"{killed} kills in {time.monotonic() - began:.0f} s; rows {rows}; the files of one process: {same}")
    journals = len(list(out.glob("*-*/*.part")))
    print(f"journals that are left: {journals}; workers that were there: {len(read_workers(out))}")
    if not same:
        sys.exit(1)


def sealed(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.glob("*-*/*.parquet"))}


# -- llama.cpp --------------------------------------------------------------------------------------------------------


def cores(options: argparse.Namespace, folder: Path) -> None:
    seconds = []
    for count in (1, 2):
        out = folder / f"llama-{count}"
        words = ["--out", str(out), "--size", str(options.rows), "--set", "engine={name: llamacpp, threads: 1}"]
        magpie_ = [sys.executable, "-m", "magpie"]
        subprocess.run([*magpie_, "run", *words, "--executor", "workers"], check=True, capture_output=True)
        began = time.monotonic()
        pinned = [["taskset", "-c", str(core), *magpie_, "work", str(out)] for core in range(count)]
        for process in [subprocess.Popen(command, stdout=subprocess.DEVNULL) for command in pinned]:
            process.wait()
        seconds.append(time.monotonic() - began)
        print(f"{count} workers of one core: {seconds[-1]:.1f} s, starts included")
    print(f"{seconds[0] / seconds[1]:.2f} times as fast")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--shard-rows", type=int, default=512)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--median", type=float, default=0.4)
    parser.add_argument("--sigma", type=float, default=0.5)
    parser.add_argument("--kills", action="store_true")
    parser.add_argument("--every", type=float, default=20.0)
    parser.add_argument("--cores", action="store_true")
    parser.add_argument("--one", nargs=4, metavar=("OUT", "TEAM", "MEDIAN", "SIGMA"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        out, team, median, sigma = options.one
        work(Path(out), int(team), float(median), float(sigma))
        return
    with tempfile.TemporaryDirectory() as folder:
        if options.kills:
            kills(options, Path(folder))
        elif options.cores:
            cores(options, Path(folder))
        else:
            makespan(options, Path(folder))


if __name__ == "__main__":
    main()
