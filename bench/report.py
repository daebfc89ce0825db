"""What a report takes: seconds and memory, by how many rows the run has.

    python -m bench.report [--rows 100000 1000000] [--keep FOLDER]

The runs are made: every column that a run of the whole method has, random texts of about 200 and 1,200 characters and
vectors of 384 numbers, in shards of 65,536 rows. Each report is a process of its own, so that its peak memory is its
own: what is counted is its resident memory without pages of mapped files, which the system may take back, as far as the
system tells them apart. `--keep` makes the runs in a folder and leaves them there.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

SHARD_ROWS = 65_536
VARIANTS = ("plain", "warm", "hot")
DIMENSION = 384


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one is not None:
        print(json.dumps(one(options.one)))
        return
    print(f"{'rows':>12}{'GB on disk':>12}{'seconds':>10}{'CPU s':>10}{'peak GB':>10}{'page KB':>10}")
    with tempfile.TemporaryDirectory() as scratch:
        for rows in options.rows:
            folder = (options.keep or Path(scratch)) / f"made-{rows}"
            if not folder.exists():
                make(folder, rows)
            size = sum(path.stat().st_size for path in folder.rglob("*.parquet")) / 1e9
            command = [sys.executable, "-m", "bench.report", "--one", str(folder)]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                raise SystemExit(done.stderr)
            told = json.loads(done.stdout.splitlines()[-1])
            figures = f"{told['seconds']:10.1f}{told['cpu']:10.1f}{told['peak']:10.2f}{told['page'] / 1000:10.0f}"
            print(f"{rows:12,}{size:12.2f}{figures}", flush=True)


def one(folder: Path) -> dict[str, Any]:
    """A report of a run, measured here."""
    import threading

    from magpie.report import make_report
    from magpie.report.page import page
    from magpie.runs import open_run

    peak, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            peak[0] = max(peak[0], resident())

    watching = threading.Thread(target=watch)
    watching.start()
    clock, cpu = time.perf_counter(), time.process_time()
    text = page(make_report(open_run(folder)))
    took = {"seconds": time.perf_counter() - clock, "cpu": time.process_time() - cpu}
    done.set()
    watching.join()
    return {**took, "peak": max(peak[0], resident()) / 1e9, "page": len(text.encode())}


def resident() -> int:
    """Bytes of memory that are this process's own: anonymous pages on Linux."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise SystemExit("this measures memory by /proc, which is not here")


# -- runs -------------------------------------------------------------------------------------------------------------


def make(folder: Path, rows: int, columns_of: Mapping[str, Sequence[str]] | None = None) -> None:
    """Write a run with these rows, as if every stage had made them. columns_of: stages to their columns, `STAGES` by
    default."""
    from dataclasses import asdict

    from magpie.plan.registry import stages
    from magpie.runs import RunFolder, StageFolder, write_sealed
    from magpie.runs.surviving import corpus_digest

    run = RunFolder(folder)
    made: list[StageFolder] = []
    for position, (name, columns) in enumerate((columns_of or STAGES).items(), start=1):
        spec = stages()[name]
        kept = [column for column in spec.columns if column.name in columns]
        kind: Any = "corpus" if name in ("neighbors", "select") else "row"
        reads = ("embedding",) if name == "neighbors" else () if name == "instruct" else ("instruction",)
        stage = run.stage(position, name, f"{position:08x}", kept, reads, kind)
        stage.make()
        read = corpus_digest(stage, made, rows, SHARD_ROWS) if kind == "corpus" else None
        for number, first in enumerate(range(0, rows, SHARD_ROWS)):
            count = min(SHARD_ROWS, rows - first)
            table = table_of(name, stage, first, count)
            write_sealed(stage.shard(number), table, stage.read_digest(made, number) if read is None else read)
        made.append(stage)
    run.write_recipe("size: 1\n")
    entries = [
        {
            "stage": stage.stage,
            "folder": stage.path.name,
            "columns": [asdict(column) for column in stage.columns],
            "reads": list(stage.reads),
            "kind": stage.kind,
        }
        for stage in made
    ]
    counts = {stage.stage: {"seconds": 10.0, "made": rows} for stage in made}
    session = {"seconds": 100.0, "ended": "done", "error": None, "stages": counts}
    head = {"name": "made", "size": rows, "shard_rows": SHARD_ROWS, "seed": 0, "model": None}
    run.write_index({**head, "stages": entries, "sessions": [session]})


STAGES: dict[str, Sequence[str]] = {
    "instruct": ("instruction", "variant"),
    "screen": ("language", "language_confidence"),
    "embed": ("embedding",),
    "neighbors": ("min_neighbor_distance", "nearest_row", "repeat_count", "is_repeat"),
    "tag": ("input_quality", "difficulty", "task_category", "quality_score", "difficulty_score"),
    "respond": ("response",),
    "reward": ("instruct_reward", "base_reward", "reward_difference"),
    "safety": ("safety", "harm_probability"),
    "select": ("selection_rank",),
}


def table_of(name: str, stage: Any, first: int, count: int) -> pa.Table:
    """The rows of a stage's shard."""
    import numpy as np

    from magpie.runs import arrow_schema

    rng = np.random.default_rng((first, len(name)))
    schema = arrow_schema(stage.columns)
    values: dict[str, Any] = {"row": pa.array(np.arange(first, first + count))}
    for column in stage.columns:
        values[column.name] = made_column(column, rng, first, count)
    nulls = {"drop_reason": dropped(name, rng, count), "error": None}
    for field in schema:
        if field.name not in values:
            given = nulls.get(field.name, 0)
            values[field.name] = pa.array([given] * count, field.type) if not isinstance(given, pa.Array) else given
    if name in ("instruct", "respond"):
        values["completion_tokens"] = pa.array(rng.integers(20, 400, count, np.int32))
    return pa.table({field.name: values[field.name] for field in schema}).cast(schema)


def dropped(name: str, rng: Any, count: int) -> pa.Array:
    """A tenth of the rows dropped by `screen`, three quarters by `select`."""
    share = {"screen": 0.1, "select": 0.75}.get(name, 0.0)
    mask = rng.random(count) >= share
    reason = "repeated_text" if name == "screen" else "not_selected: input_quality >= 'good'"
    return pa.array(np_full(count, reason), pa.string(), mask=mask)


def np_full(count: int, text: str) -> Any:
    import numpy as np

    return np.full(count, text, object)


LABELS = {
    "variant": VARIANTS,
    "language": ("en", "en", "en", "de", "fr"),
    "input_quality": ("very poor", "poor", "average", "good", "good", "excellent"),
    "difficulty": ("very easy", "easy", "medium", "hard", "very hard"),
    "task_category": ("Math", "Reasoning", "Planning", "Editing", "Coding & Debugging", "Information seeking"),
    "safety": ("safe",) * 19 + ("unsafe",),
}
TEXTS = {"instruction": 33, "response": 200}
"""Words in each, about."""


def made_column(column: Any, rng: Any, first: int, count: int) -> pa.Array:
    import numpy as np
    import pyarrow.compute as pc

    if column.name in LABELS:
        words = pa.array(LABELS[column.name])
        return words.take(pa.array(rng.integers(0, len(words), count)))
    if column.name in TEXTS:
        words = np.array([f"word{n:x}" for n in range(4000)])
        pool = [" ".join(rng.choice(words, int(rng.integers(5, 2 * TEXTS[column.name])))) for _ in range(2000)]
        begun = pa.array(pool).take(pa.array(rng.integers(0, len(pool), count)))
        number = pc.cast(pa.array(np.arange(first, first + count)), pa.string())
        return pc.binary_join_element_wise(begun, number, " ")
    if column.name == "embedding":
        flat = rng.standard_normal((count, DIMENSION), np.float32)
        flat /= np.linalg.norm(flat, axis=1, keepdims=True)
        return pa.ListArray.from_arrays(
            pa.array(np.arange(count + 1, dtype=np.int32) * DIMENSION), pa.array(flat.reshape(-1))
        )
    if column.type == "bool":
        return pa.array(rng.random(count) < 0.05)
    if column.type in ("int32", "int64"):
        return pa.array(rng.integers(0, first + count, count))
    return pa.array(rng.gamma(2.0, 0.4, count))


if __name__ == "__main__":
    main()
