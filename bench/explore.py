"""What `magpie explore` takes, by rows: the index, the first picture, a filter, a search; seconds and memory.

    python -m bench.explore [--rows 100000 1000000] [--keep FOLDER]

The runs are those of `bench.report` without vectors: random texts of about 200 and 1,200 characters, with every column
that a run of the whole method has. The map is made up: clusters whose sizes follow Zipf's law (what a real one takes is
another bench's business). The server is a process of its own; Chromium opens the page, and times are those that a
person waits: from the start of that process, or from a click, until the counts, the table and the map are drawn. CPU
seconds are the server's. Of filters the slowest of eight counts, and the mean of their CPU time.
`--keep` makes the runs in a folder and leaves them there.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench.chromium import Chromium, find_chromium, open_chromium
from bench.report import STAGES, make

TOPICS = 60
FILTERS = ("difficulty", "language", "task_category", "input_quality")
READY = (
    "document.body.classList.contains('ready') && !document.body.classList.contains('busy') && "
    "Number(document.getElementById('canvas').dataset.drawn) > 0 && "
    "document.querySelectorAll('#table tbody tr').length > 0"
)
CLICK = """(async (act) => {
    const canvas = document.getElementById('canvas'), table = document.querySelector('#table table');
    const before = Number(canvas.dataset.drawn), count = document.getElementById('count').textContent;
    const begun = performance.now();
    act();
    while (Number(canvas.dataset.drawn) === before || document.querySelector('#table table') === table ||
        document.getElementById('count').textContent === count) await new Promise(requestAnimationFrame);
    return performance.now() - begun;
})"""


@dataclass
class Places:
    """A layout that is made up."""

    run: Any
    row: Any
    xy: Any
    cluster: Any
    names: list[str]
    neighbors: Any


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        run_server(options.serve)
        return
    program = find_chromium()
    if program is None:
        raise SystemExit("no Chromium is installed: apt-get install chromium")
    titles = (
        *("rows", "index s", "CPU s", "index MB", "picture s", "CPU s", "filter ms", "CPU ms", "search s", "CPU s"),
        *("sort ms", "zoom ms", "memory MB"),
    )
    print("".join(f"{title:>11}" for title in titles))
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["XDG_CACHE_HOME"] = str(Path(scratch) / "cache")
        for rows in options.rows:
            folder = (options.keep or Path(scratch)) / f"explored-{rows}"
            if not folder.exists():
                make(folder, rows, {name: columns for name, columns in STAGES.items() if name != "embed"})
            figures = measured(folder, program)
            print(f"{rows:11,}" + "".join(f"{figure:11,.1f}" for figure in figures), flush=True)


def run_server(folder: Path) -> None:
    """Index, then serve: a line of JSON for each."""
    from magpie.explore.web.explorer import Explorer
    from magpie.explore.web.index import open_index
    from magpie.explore.web.serving import listen, serve
    from magpie.runs import open_run
    from magpie.safe.shell import command_line

    run = open_run(folder)
    index = open_index(run)
    told = {"seconds": index.seconds, "cpu": time.process_time(), "bytes": index.bytes, "fresh": index.fresh}
    print(json.dumps(told), flush=True)
    explorer = Explorer([run], [index], made_up(len(index.rows)))
    serve(explorer, listen(0), lambda *words: command_line(map(str, words)), lambda address: print(address, flush=True))


def made_up(rows: int) -> Places:
    import numpy as np

    rng = np.random.default_rng(0)
    shares = 1 / np.arange(1, TOPICS + 1)
    cluster = rng.choice(TOPICS, rows, p=shares / shares.sum()).astype(np.int32)
    centers = rng.normal(0, 10, (TOPICS, 2))
    spread = 0.4 + 2.2 * np.sqrt(shares)
    xy = (centers[cluster] + rng.normal(0, 1, (rows, 2)) * spread[cluster, None]).astype(np.float32)
    neighbors = rng.integers(0, rows, (rows, 8), np.int32)
    names = [f"word{topic}, term{topic}" for topic in range(TOPICS)]
    return Places(np.zeros(rows, np.int16), np.arange(rows), xy, cluster, names, neighbors)


def measured(folder: Path, program: str) -> list[float]:
    """The figures of a line, as the titles name them."""
    with started(folder) as (_, line):
        index = json.loads(line())
        line()
    with open_chromium(program) as chromium:
        chromium.evaluate("1")
        begun = time.monotonic()
        with started(folder) as (process, line):
            line()
            chromium.open(line().strip(), width=1440)
            wait(chromium)
            picture, picture_cpu = time.monotonic() - begun, cpu_of(process.pid)
            chosen = "() => document.querySelectorAll('[data-field={}] .label')[1].click()"
            filters = [timed(chromium, chosen.format(name)) for name in FILTERS]
            filters += [timed(chromium, "() => document.querySelector('.chip').click()") for _ in FILTERS]
            filter_cpu = (cpu_of(process.pid) - picture_cpu) / len(filters)
            before = cpu_of(process.pid)
            find = "const text = document.getElementById('text'); text.value = 'WORD7F WORD'"
            search = timed(chromium, f"() => {{ {find}; document.getElementById('search').requestSubmit(); }}")
            search_cpu = cpu_of(process.pid) - before
            timed(chromium, "() => document.querySelector('.chip').click()")
            sort = asked(chromium, "rows", {"sort": "instruct_reward", "descending": True})
            zoom = asked(chromium, "map", {"box": [-3, -3, 3, 3], "cells": [360, 160], "color": "difficulty"})
            memory = memory_of(process.pid)
    made = [index["seconds"], index["cpu"], index["bytes"] / 1e6]
    acts = [picture, picture_cpu, max(filters), 1000 * filter_cpu, search / 1000, search_cpu]
    return [*made, *acts, sort, zoom, memory / 1e6]


def asked(chromium: Chromium, name: str, question: dict[str, Any]) -> float:
    """Milliseconds of a question to the server: the median of five, the first of which may have to sort."""
    body = json.dumps({"filters": [], **question})
    script = f"""(async () => {{ const begun = performance.now();
        const answer = await fetch('/api/{name}', {{ method: 'POST', headers: {{ 'content-type': 'application/json' }},
            body: {json.dumps(body)} }});
        await answer.arrayBuffer();
        if (!answer.ok) throw new Error(answer.status);
        return performance.now() - begun; }})()"""
    return median(float(chromium.evaluate(script)) for _ in range(5))


@contextmanager
def started(folder: Path) -> Iterator[tuple[subprocess.Popen[str], Callable[[], str]]]:
    """A server as a process, and what reads its next line."""
    words = [sys.executable, "-m", "bench.explore", "--serve", str(folder)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None, "a pipe"
        try:
            yield process, process.stdout.readline
        finally:
            process.terminate()


def memory_of(pid: int) -> int:
    """Bytes of a process's own memory: without pages of mapped files."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith("RssAnon:")))


def cpu_of(pid: int) -> float:
    """CPU seconds of a process so far."""
    times = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")


def wait(chromium: Chromium) -> None:
    end = time.monotonic() + 120
    while not chromium.evaluate(READY):
        if time.monotonic() > end:
            raise SystemExit(f"the page was not drawn: {chromium.evaluate('document.body.innerText')[:500]}")
        time.sleep(0.01)


def timed(chromium: Chromium, act: str) -> float:
    """Milliseconds from an act in the page until counts, table and map are those after it."""
    return float(chromium.evaluate(f"{CLICK}({act})"))


if __name__ == "__main__":
    main()
