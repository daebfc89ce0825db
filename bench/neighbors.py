"""What finding neighbors takes: time, memory, recall, on synthetic vectors, beside FAISS's own indexes.

    python -m bench.neighbors [--rows 10000 100000] [--dimension 384] [--threads 2] [--peers] [--upstream]

The vectors are made: clusters of very different sizes, in which vectors vary in 24 directions and a little noise, a
tenth of them near copies of others (squared distance about 0.01) and a fiftieth equal ones, all of length 1. Each
measurement is a process of its own, so that its peak memory is its own; that counts the pages of mapped files, which
the system may take back. Recall is measured twice: as the run reports it, and as `right` against all pairs here, for
2,000 rows of its own. `--peers`: FAISS's IVFFlat and HNSWFlat on the same vectors. `--upstream`: a flat search for k =
500, as upstream's code does it, for a slice of the rows, and what that comes to for all of them.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

CHECKED = 2000
"""Rows that are held against all others."""
K = 500
"""Neighbors that upstream's code asks for."""
SLICE = 2048
"""Rows for which `--upstream` asks."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--dimension", type=int, default=384)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--upstream", action="store_true")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one is not None:
        print(json.dumps(one(options.one, options.rows[0], options.dimension)))
        return
    print(f"{'':14}{'rows':>10}{'seconds':>9}{'CPU s':>9}{'peak GB':>9}{'recall':>9}{'right':>9}  ")
    ways = ["magpie", *(["ivf", "hnsw"] if options.peers else []), *(["flat500"] if options.upstream else [])]
    for rows in options.rows:
        for way in ways:
            told = measure(way, rows, options)
            shown = {key: f"{told[key]:9.4f}" if key in told else " " * 9 for key in ("recall", "right")}
            figures = f"{told['seconds']:9.1f}{told['cpu']:9.1f}{told['peak']:9.2f}{shown['recall']}{shown['right']}"
            print(f"{way:14}{rows:10,}{figures}  {told['note']}", flush=True)


def measure(way: str, rows: int, options: argparse.Namespace) -> dict[str, Any]:
    """One way in a process of its own."""
    threads = str(options.threads)
    environment = {**os.environ, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
    size = ["--rows", str(rows), "--dimension", str(options.dimension)]
    command = [sys.executable, "-m", "bench.neighbors", "--one", way, *size]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def one(way: str, rows: int, dimension: int) -> dict[str, Any]:
    """What `way` takes, measured here."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made"
        subprocess.run([sys.executable, "-c", _MAKE, str(path), str(rows), str(dimension)], check=True)
        clock, cpu = time.perf_counter(), time.process_time()
        told = WAYS[way](path, rows, dimension, Path(folder))
        # what is measured afterwards, such as recall against all pairs, is not in the time
        told.setdefault("seconds", time.perf_counter() - clock)
        told.setdefault("cpu", time.process_time() - cpu)
        return told


_MAKE = """
import sys
from pathlib import Path

from bench.neighbors import make

make(Path(sys.argv[1]), *map(int, sys.argv[2:]))
"""


def make(path: Path, rows: int, dimension: int) -> None:
    """Write the vectors."""
    import numpy as np

    rng = np.random.default_rng(7)
    clusters = max(8, rows // 400)
    centers = rng.standard_normal((clusters, dimension), np.float32)
    bends = rng.standard_normal((64, 24, dimension), np.float32) * np.float32(0.2)
    shares = rng.pareto(1.0, clusters) + 0.05
    chosen = rng.choice(clusters, rows, p=shares / shares.sum())
    made = np.lib.format.open_memmap(path, "w+", np.float32, (rows, dimension))
    for start in range(0, rows, 1 << 16):
        part = chosen[start : start + (1 << 16)]
        latent = rng.standard_normal((len(part), 24), np.float32)
        spread = np.empty((len(part), dimension), np.float32)
        for kind in range(64):
            of_kind = part % 64 == kind
            spread[of_kind] = latent[of_kind] @ bends[kind]
        noise = np.float32(0.1) * rng.standard_normal((len(part), dimension), np.float32)
        made[start : start + len(part)] = centers[part] + spread + noise
    for share, change in ((10, 0.15), (50, 0.0)):
        to, origin = rng.integers(0, rows, rows // share), rng.integers(0, rows, rows // share)
        made[to] = made[origin] + np.float32(change) * rng.standard_normal((len(to), dimension), np.float32)
    for start in range(0, rows, 1 << 16):
        part_of = made[start : start + (1 << 16)]
        part_of /= np.linalg.norm(part_of, axis=1, keepdims=True)


class Corpus:
    """The vectors as the stage is given them: from Arrow, a few thousand rows at a time."""

    def __init__(self, path: Path, rows: int, scratch: Path) -> None:
        self.path, self.count, self.scratch = path, rows, scratch
        self.figures: dict[str, Any] = {}

    def batches(self) -> Iterator[Any]:
        import numpy as np
        import pyarrow as pa

        for start in range(0, self.count, 4096):
            # read, not mapped: in a run these pages are Arrow's and go with their batch
            values = np.ascontiguousarray(np.load(self.path, mmap_mode="r")[start : start + 4096])
            flat = pa.array(values.reshape(-1))
            offsets = pa.array(range(0, values.size + 1, values.shape[1]), pa.int32())
            rows = pa.array(range(start, start + len(values)), pa.int64())
            yield pa.record_batch({"row": rows, "embedding": pa.ListArray.from_arrays(offsets, flat)})

    def report(self, figures: Mapping[str, Any]) -> None:
        self.figures.update(figures)


def magpie(path: Path, rows: int, _: int, folder: Path) -> dict[str, Any]:
    import numpy as np
    import pyarrow as pa

    from magpie.stages.neighbors.settings import Neighbors
    from magpie.stages.neighbors.work import neighbors

    scratch = folder / "scratch"
    scratch.mkdir()
    corpus = Corpus(path, rows, scratch)
    clock, cpu = time.perf_counter(), time.process_time()
    made = pa.concat_tables(list(neighbors(corpus, Neighbors())))
    took = {"seconds": time.perf_counter() - clock, "cpu": time.process_time() - cpu, "peak": peak()}
    distances = np.asarray(made.column("min_neighbor_distance"))
    figures = corpus.figures
    note = f"{figures['method']}, {figures['repeats']:,} repeats"
    if figures["method"] == "cells":
        note += f", {figures['cells_compared']} of {figures['cells']:,} cells, repeats {figures['repeat_recall']:.4f}"
    return {**took, "recall": figures["recall"], "right": right(path, distances), "note": note}


def right(path: Path, distances: Any) -> float:
    """The share of `CHECKED` rows whose distance is that to the nearest of all others."""
    import numpy as np

    from magpie.stages.neighbors.search import measured

    values = np.load(path, mmap_mode="r")
    chosen = np.sort(np.random.default_rng(99).choice(len(values), min(CHECKED, len(values)), replace=False))
    queries = np.ascontiguousarray(values[chosen])
    best = np.full(len(chosen), np.inf)
    for start in range(0, len(values), 1 << 15):
        base = np.ascontiguousarray(values[start : start + (1 << 15)])
        approximate = 2.0 - 2.0 * (queries @ base.T)
        own = (chosen >= start) & (chosen < start + len(base))
        approximate[own, chosen[own] - start] = np.inf
        at = approximate.argmin(axis=1)
        best = np.minimum(best, measured(queries, base[at]))
    return float(np.mean(distances[chosen] <= best * (1 + 1e-3) + 1e-5))


def ivf(path: Path, rows: int, dimension: int, _: Path) -> dict[str, Any]:
    """FAISS's inverted file as its wiki advises for this many vectors: 4 sqrt(n) cells, 32 of them looked at."""
    import faiss
    import numpy as np

    values = np.load(path)
    cells, looked_at = int(4 * rows**0.5), 32
    clock, cpu = time.perf_counter(), time.process_time()
    index: Any = faiss.index_factory(dimension, f"IVF{cells},Flat")
    index.train(values[: cells * 40])
    index.add(values)
    index.nprobe = looked_at
    return _searched(index, values, path, f"IVF{cells}, nprobe {looked_at}", clock, cpu)


def hnsw(path: Path, _: int, dimension: int, __: Path) -> dict[str, Any]:
    """FAISS's graph index: 32 links, 64 candidates."""
    import faiss
    import numpy as np

    values = np.load(path)
    clock, cpu = time.perf_counter(), time.process_time()
    index = faiss.IndexHNSWFlat(dimension, 32)
    index.hnsw.efConstruction, index.hnsw.efSearch = 64, 64
    index.add(values)
    return _searched(index, values, path, "HNSW32, ef 64", clock, cpu)


def _searched(index: Any, values: Any, path: Path, note: str, clock: float, cpu: float) -> dict[str, Any]:
    import numpy as np

    distances, at = index.search(values, 2)
    itself = at[:, 0] == np.arange(len(values))
    found = np.where(itself, distances[:, 1], distances[:, 0])
    took = {"seconds": time.perf_counter() - clock, "cpu": time.process_time() - cpu, "peak": peak()}
    return {**took, "right": right(path, np.maximum(found, 0.0)), "note": note}


def flat500(path: Path, rows: int, dimension: int, _: Path) -> dict[str, Any]:
    """All pairs, 500 neighbors of each: for a slice of the rows, and that times all of them."""
    import faiss
    import numpy as np

    index = faiss.IndexFlatL2(dimension)
    index.add(np.load(path))
    queries = np.load(path, mmap_mode="r")[:SLICE]
    clock, cpu = time.perf_counter(), time.process_time()
    index.search(np.ascontiguousarray(queries), min(K, rows))
    share = rows / len(queries)
    seconds, spent = (time.perf_counter() - clock) * share, (time.process_time() - cpu) * share
    note = f"k = {K}, from a slice of {len(queries):,} rows"
    return {"seconds": seconds, "cpu": spent, "peak": peak(), "note": note}


def peak() -> float:
    """Of this process so far, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


WAYS = {"magpie": magpie, "ivf": ivf, "hnsw": hnsw, "flat500": flat500}


if __name__ == "__main__":
    main()
