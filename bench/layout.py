"""What a map takes, and how well it keeps topics together, beside UMAP.

    python -m bench.layout [--rows 10000 100000] [--dimension 384] [--threads 2] [--umap PYTHON]

The vectors are made, with a topic for each: twenty fields of ten topics, their sizes by Zipf's law. Those of a field
vary in the same 24 directions and a little noise, so that its topics overlap. They lie in a run of the usual files,
which `layout_of` reads. `topic` is the share of the 15 nearest rows on the map that are of a row's own topic, for
2,000 rows; `nearest` the same among the vectors themselves; `kept` how many of the 15 nearest vectors are among the
15 nearest on the map; `found` how many of the 8 nearest vectors the layout names as neighbors. Each measurement is a
process of its own. `--umap`: a Python that has umap-learn, run on the same vectors with its defaults and one seed.
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
from importlib import import_module
from pathlib import Path
from typing import Any

CHECKED = 2000
"""Rows whose neighbors are looked at."""
NEAR = 15
FIELDS, TOPICS = 20, 10
"""Fields, and topics of each."""
BLOCK = 1 << 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--dimension", type=int, default=384)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--umap", metavar="PYTHON")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one is not None:
        print(json.dumps(WAYS[options.one](options.folder, options.rows[0], options.dimension)))
        return
    print(
        f"{'':10}{'rows':>10}{'seconds':>9}{'CPU s':>9}{'peak GB':>9}{'topic':>9}{'nearest':>9}{'kept':>9}{'found':>9}"
    )
    for rows in options.rows:
        with tempfile.TemporaryDirectory(prefix="bench-layout-") as name:
            folder = Path(name)
            measured("make", sys.executable, rows, folder, options)
            for way, python in (("magpie", sys.executable), ("umap", options.umap)):
                if python is not None:
                    told = measured(way, python, rows, folder, options)
                    told |= measured("check", sys.executable, rows, folder, options)
                    took = f"{told['seconds']:9.1f}{told['cpu']:9.1f}{told['peak']:9.2f}"
                    keys = ("topic", "nearest", "kept", "found")
                    shares = "".join(f"{told[key]:9.3f}" for key in keys if key in told)
                    print(f"{way:10}{rows:10,}{took}{shares}", flush=True)


def measured(way: str, python: str, rows: int, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """One way, in a process of its own."""
    threads = str(options.threads)
    named = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
    environment = {**os.environ, **dict.fromkeys(named, threads)}
    size = ["--rows", str(rows), "--dimension", str(options.dimension), "--folder", str(folder)]
    command = [python, "-m", "bench.layout", "--one", way, *size]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def make(folder: Path, rows: int, dimension: int) -> dict[str, Any]:
    """The vectors, their topics, and a run that holds them."""
    import numpy as np

    rng = np.random.default_rng(7)
    fields = rng.standard_normal((FIELDS, dimension), np.float32)
    centers = np.repeat(fields, TOPICS, axis=0) + np.float32(0.8) * rng.standard_normal(
        (FIELDS * TOPICS, dimension), np.float32
    )
    bends = rng.standard_normal((FIELDS, 24, dimension), np.float32) * np.float32(0.2)
    shares = 1.0 / np.arange(1, len(centers) + 1)
    topics = rng.permutation(len(centers))[rng.choice(len(centers), rows, p=shares / shares.sum())]
    np.save(folder / "topics.npy", topics)
    made = np.lib.format.open_memmap(folder / "vectors.npy", "w+", np.float32, (rows, dimension))
    for start in range(0, rows, BLOCK):
        part = topics[start : start + BLOCK]
        values = centers[part] + np.float32(0.5) * rng.standard_normal((len(part), dimension), np.float32)
        latent = rng.standard_normal((len(part), 24), np.float32)
        for field in range(FIELDS):
            of_field = part // TOPICS == field
            values[of_field] += latent[of_field] @ bends[field]
        made[start : start + len(part)] = values / np.linalg.norm(values, axis=1, keepdims=True)
    write_run(folder / "run", made)
    return {}


def write_run(folder: Path, values: Any) -> None:
    """A run whose only columns are an instruction and its embedding."""
    from dataclasses import asdict

    import pyarrow as pa

    from magpie.plan.registry import column_map
    from magpie.runs import RunFolder, arrow_schema, write_sealed

    run, shard_rows, entries = RunFolder(folder), 8192, []
    for position, (stage, column) in enumerate((("instruct", "instruction"), ("embed", "embedding")), start=1):
        columns = [column_map().columns[column]]
        made = run.stage(position, stage, f"{position:08x}", columns)
        made.make()
        for start in range(0, len(values), shard_rows):
            part = values[start : start + shard_rows]
            rows = range(start, start + len(part))
            if stage == "embed":
                offsets = pa.array(range(0, part.size + 1, part.shape[1]), pa.int32())
                column_values: Any = pa.ListArray.from_arrays(offsets, pa.array(part.reshape(-1)))
            else:
                column_values = pa.array([f"instruction {row}" for row in rows])
            table = {"row": pa.array(rows, pa.int64()), column: column_values}
            schema = arrow_schema(columns)
            full = [
                table[field.name].cast(field.type) if field.name in table else _empty(field, len(part))
                for field in schema
            ]
            write_sealed(made.shard(start // shard_rows), pa.table(full, schema=schema), "")
        entries.append(
            {"stage": stage, "folder": made.path.name, "columns": [asdict(each) for each in columns], "reads": []}
        )
    run.write_recipe("about: made vectors\n")
    head = {"name": "made", "size": len(values), "shard_rows": shard_rows, "seed": 0, "model": None, "sessions": []}
    run.write_index({**head, "stages": [{**entry, "kind": "row"} for entry in entries]})


def _empty(field: Any, count: int) -> Any:
    import pyarrow as pa

    return pa.nulls(count, field.type) if not pa.types.is_integer(field.type) else pa.array([0] * count, field.type)


def magpie(folder: Path, _: int, __: int) -> dict[str, Any]:
    """From the run's files to the map, the cache being empty."""
    import numpy as np

    from magpie.layout import layout_of
    from magpie.runs import open_run

    clock, cpu = time.perf_counter(), time.process_time()
    layout = layout_of([open_run(folder / "run")], folder=folder / "cache")
    took = {"seconds": time.perf_counter() - clock, "cpu": time.process_time() - cpu, "peak": peak()}
    np.save(folder / "map.npy", layout.xy)
    np.save(folder / "neighbors.npy", np.asarray(layout.neighbors))
    return took


def umap(folder: Path, _: int, __: int) -> dict[str, Any]:
    """With its defaults, apart from the seed, which makes it use one thread."""
    import numpy as np

    mapper: Any = import_module("umap").UMAP(random_state=1, n_jobs=1)
    values = np.load(folder / "vectors.npy")
    clock, cpu = time.perf_counter(), time.process_time()
    xy = mapper.fit_transform(values)
    took = {"seconds": time.perf_counter() - clock, "cpu": time.process_time() - cpu, "peak": peak()}
    np.save(folder / "map.npy", xy)
    (folder / "neighbors.npy").unlink(missing_ok=True)
    return took


def check(folder: Path, rows: int, _: int) -> dict[str, Any]:
    """How near a row's own topic is on the map, and how many of its neighbors stayed."""
    import faiss
    import numpy as np

    topics, xy = np.load(folder / "topics.npy"), np.load(folder / "map.npy").astype(np.float32)
    values = np.load(folder / "vectors.npy", mmap_mode="r")
    chosen = np.sort(np.random.default_rng(99).choice(rows, min(CHECKED, rows), replace=False))
    on_map = _others(faiss.knn(xy[chosen], xy, NEAR + 1)[1], chosen)
    near = _others(faiss.knn(np.ascontiguousarray(values[chosen]), np.ascontiguousarray(values), NEAR + 1)[1], chosen)
    kept = [len(set(one) & set(other)) for one, other in zip(on_map.tolist(), near.tolist(), strict=True)]
    own = topics[chosen][:, None]
    named = {}
    if (folder / "neighbors.npy").exists():
        known = np.load(folder / "neighbors.npy")[chosen]
        shared = [len(set(one) & set(other)) for one, other in zip(known.tolist(), near[:, :8].tolist(), strict=True)]
        named = {"found": float(np.mean(shared)) / 8}
    return named | {
        "topic": float(np.mean(topics[on_map] == own)),
        "nearest": float(np.mean(topics[near] == own)),
        "kept": float(np.mean(kept)) / NEAR,
    }


def _others(at: Any, chosen: Any) -> Any:
    """Without the row itself; without the last, where it is not among them."""
    import numpy as np

    order = np.argsort(at == chosen[:, None], axis=1, kind="stable")
    return np.take_along_axis(at, order, axis=1)[:, :NEAR]


def peak() -> float:
    """Of this process so far, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


WAYS = {"make": make, "magpie": magpie, "umap": umap, "check": check}


if __name__ == "__main__":
    main()
