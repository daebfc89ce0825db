"""What a selection costs, in seconds and memory, on rows that are generated as they are read.

    python -m bench.selection [--rows 4000000] [--with pro] [--repeats 3]
    python -m bench.selection --diverse [--rows 100000] [--limit 10000]

The first: a shipped selection over rows as a run has them, responses of 300 to 3,000 characters among them; from the
first batch to the last fate, reading Parquet not counted. CPU seconds are those of both processes, this one and the one
that the selection runs in (Linux). The second: diverse rows of unit vectors in topics of very
different sizes (384 numbers each), beside the first rows in order and rows at random: how near the kept ones lie to one
another, and how far the others lie from the nearest kept one.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from magpie.columns import LABELS
from magpie.stages.select.building import selections
from magpie.stages.select.client import SandboxedRows, read_selection
from magpie.stages.select.diversity import cut, spread
from magpie.stages.select.process import sandbox_process
from magpie.stages.select.selection import Asked

BATCH = 4096
TEXTS = [("word " * 600)[: 300 + 27 * n] for n in range(100)]
Vectors = NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--with", dest="name", default="pro", choices=sorted(selections()))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--diverse", action="store_true")
    parser.add_argument("--limit", type=int, default=10_000)
    given = parser.parse_args()
    if given.diverse:
        diverse(given.rows or 100_000, given.limit)
    else:
        selecting(given.name, given.rows or 4_000_000, given.repeats)


def selecting(name: str, rows: int, repeats: int) -> None:
    """Seconds on the clock and of CPU time, since the machine may be shared."""
    drawn = measured(lambda: sum(batch.num_rows for batch in batches(rows)))
    took = [once(name, rows) for _ in range(repeats)]
    phases = [[median(which) for which in zip(*phase, strict=True)] for phase in zip(*took, strict=True)]
    looking, settling, telling, counting = phases
    looking = [all_of_it - drawing for all_of_it, drawing in zip(looking, drawn, strict=True)]
    print(f"{name} over {rows:,} rows, median of {repeats}       seconds      of CPU")
    told: dict[str, Sequence[float]] = {"looking at rows": looking, "their fates": settling, "telling them": telling}
    told["together"] = [sum(which) for which in zip(*told.values(), strict=True)]
    told |= {"beside that: costs, for --explain": counting, "generating the rows": drawn}
    for words, (seconds, cpu) in told.items():
        print(f"  {words:40} {seconds:10.1f}  {cpu:10.1f}")
    with sandbox_process() as process:
        ours, its = _peak(os.getpid()), _peak(process.pid)
    print(f"  peak memory of this process {ours:.2f} GiB, of the selection's {its:.2f} GiB")


def once(name: str, rows: int) -> list[tuple[float, float]]:
    with sandbox_process() as process:
        selection = read_selection(process, Asked(selections()[name]), tuple(LABELS))
    with tempfile.TemporaryDirectory() as folder, SandboxedRows(selection, Path(folder)) as judged:
        pid = judged.process.pid
        return [
            measured(lambda: judged.take(batches(rows)), pid),
            measured(judged.settle, pid),
            measured(lambda: sum(table.num_rows for table in judged.fates("not_selected")), pid),
            measured(judged.costs, pid),
        ]


def measured(work: Callable[[], object], child: int | None = None) -> tuple[float, float]:
    clock, cpu = time.perf_counter(), time.process_time() + _cpu(child)
    work()
    return time.perf_counter() - clock, time.process_time() + _cpu(child) - cpu


def _cpu(process: int | None) -> float:
    """The CPU seconds that another process has taken."""
    if process is None:
        return 0.0
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak(process: int) -> float:
    """The most memory that a process has had, in GiB."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 2**20


def batches(rows: int) -> Iterator[pa.RecordBatch]:
    """Rows with what the shipped selections read."""
    draw = np.random.default_rng(0)
    responses = pa.array(TEXTS)
    for at in range(0, rows, BATCH):
        count = min(BATCH, rows - at)
        columns = {name: draw_labels(draw, labels, count) for name, labels in LABELS.items()}
        columns |= {
            "is_repeat": pa.array(draw.random(count) < 0.1),
            "instruct_reward": pa.array(draw.normal(-8, 5, count)),
            "reward_difference": pa.array(draw.normal(1, 3, count)),
            "response": responses.take(pa.array(draw.integers(0, len(TEXTS), count))),
        }
        yield pa.record_batch({"row": pa.array(range(at, at + count), pa.int64()), **columns})


def draw_labels(draw: np.random.Generator, labels: tuple[str, ...], count: int) -> pa.Array:
    return pa.array(labels).take(pa.array(draw.integers(0, len(labels), count)))


def diverse(rows: int, limit: int) -> None:
    vectors = topics(rows)
    clock, cpu = time.perf_counter(), time.process_time()
    found = spread(vectors, np.zeros(rows, np.int64), limit)
    clock, cpu = time.perf_counter() - clock, time.process_time() - cpu
    cells = [len(cell) for cell in cut(vectors)]
    print(
        f"{limit:,} of {rows:,} vectors: {clock:.1f} s, {cpu:.1f} s of CPU; {len(cells)} cells of up to {max(cells):,}"
    )
    kept = np.flatnonzero(~np.isnan(found))
    chance = np.sort(np.random.default_rng(1).choice(rows, limit, replace=False))
    print("  squared distances              nearest kept neighbor      from any row to a kept one")
    print("                                    least      mean             mean      farthest")
    for name, rows_kept in (("diverse", kept), ("the first ones", np.arange(limit)), ("at random", chance)):
        least, mean = apart(vectors[rows_kept])
        far_mean, farthest = covered(vectors, vectors[rows_kept])
        print(f"  {name:30} {least:8.3f}  {mean:8.3f}         {far_mean:8.3f}      {farthest:8.3f}")


def topics(rows: int) -> Vectors:
    """Unit vectors around 500 topics, the largest of which has a quarter of them."""
    draw = np.random.default_rng(0)
    centers = draw.standard_normal((500, 384)).astype(np.float32)
    around = 0.7 * draw.standard_normal((rows, 384)).astype(np.float32)
    vectors = centers[draw.zipf(1.3, rows) % 500] + around
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def apart(kept: Vectors) -> tuple[float, float]:
    """The least and the mean distance of each kept vector to the nearest other."""
    nearest = []
    for at in range(0, len(kept), BATCH):
        near = 2 - 2 * (kept[at : at + BATCH] @ kept.T)
        near[np.arange(len(near)), np.arange(at, at + len(near))] = np.inf
        nearest.append(near.min(axis=1))
    every = np.concatenate(nearest)
    return float(every.min()), float(every.mean())


def covered(vectors: Vectors, kept: Vectors) -> tuple[float, float]:
    """The mean and the largest distance of a vector to the nearest kept one."""
    parts = (vectors[at : at + BATCH] for at in range(0, len(vectors), BATCH))
    every = np.concatenate([(2 - 2 * (part @ kept.T)).min(axis=1) for part in parts])
    return float(every.mean()), float(every.max())


if __name__ == "__main__":
    main()
