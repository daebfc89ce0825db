"""What an export costs, in seconds and memory, over runs of several sizes: cost must grow as the rows do.

    python -m bench.export [--rows 100000 300000 1000000] [--format messages] [--to out.jsonl] [--keep FOLDER]

The rows are conversations of two rounds and some 3 KB, as in a ShareGPT dump, written straight into a run's files. Each
export runs in a process of its own, whose clock, CPU time and peak memory are printed, beside those of a plain copy of
the bytes that it wrote. `--keep` makes the runs in a folder and leaves them there for the next time.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from magpie.executors.local import execute
from magpie.plan.load import check
from magpie.plan.plan import make_plan
from magpie.plan.resolve import resolve
from magpie.runs import RunFolder, arrow_schema, write_sealed
from magpie.stages.imported.settings import Source

SHARD_ROWS = 4096
COLUMNS = ("instruction", "response", "turns", "system", "reasoning", "chosen", "rejected", "language")
SIZES = (100_000, 300_000, 1_000_000)
_WORDS = [
    f"{word}{number}" for number in range(50) for word in ("alpha ", "beta, ", "gamma\n", "d\u00e9j\u00e0 ", '"q" ')
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=SIZES)
    parser.add_argument("--format", default="messages")
    parser.add_argument("--to", default="out.jsonl")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--export", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.export:
        export_once(given.export, given.format, Path(given.to))
        return
    print(
        f"{'rows':>10} {'seconds':>9} {'of CPU':>9} {'peak GiB':>9} {'GB written':>11} {'copy, s':>9}   {given.format}"
    )
    with tempfile.TemporaryDirectory() as scratch:
        for rows in given.rows:
            run = (given.keep or Path(scratch)) / f"rows-{rows}"
            if not RunFolder(run).is_run():
                make_run(run, rows)
            measure(run, rows, given.format, Path(scratch) / given.to)


def measure(run: Path, rows: int, form: str, to: Path) -> None:
    command = [sys.executable, "-m", "bench.export", "--export", str(run), "--format", form, "--to", str(to)]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert found["rows"] == rows
    files = [to] if to.is_file() else [path for path in to.rglob("*") if path.is_file()]
    size, copying = sum(path.stat().st_size for path in files), _copy(files)
    print(
        f"{rows:>10,} {found['seconds']:10.1f} {found['cpu']:10.1f} {found['peak'] / 2**30:10.2f} {size / 1e9:10.2f} "
        f"{copying:10.1f}",
        flush=True,
    )
    for path in files:
        path.unlink()


def export_once(run: Path, form: str, to: Path) -> None:
    """In a process of its own, so that its peak memory is that of the export."""
    import resource

    import magpie
    from magpie.export import export

    clock, cpu = time.perf_counter(), time.process_time()
    made = export(magpie.open_run(run), form, to)
    seconds, cpu = time.perf_counter() - clock, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << (0 if sys.platform == "darwin" else 10)
    print(json.dumps({"rows": made.rows, "seconds": seconds, "cpu": cpu, "peak": peak}))


def _copy(files: list[Path]) -> float:
    """Seconds to read the files and write them down again, the least that an export could take."""
    started = time.perf_counter()
    with tempfile.TemporaryFile(dir=files[0].parent) as copy:
        for path in files:
            with path.open("rb") as file:
                while block := file.read(1 << 22):
                    copy.write(block)
        copy.flush()
        os.fsync(copy.fileno())
    return time.perf_counter() - started


def make_run(path: Path, rows: int) -> None:
    """A run of so many rows, as if they had been imported. The texts of its shards are the same."""
    source = Source(path="bench", digest=f"bench-{rows}", columns=COLUMNS)
    document = {"model": None, "source": source, "instruct": None, "respond": None, "size": rows}
    recipe = resolve(check({**document, "shard_rows": SHARD_ROWS}, "bench"), path)
    planned, folder = make_plan(recipe).stages[0], RunFolder(path)
    draw = np.random.default_rng(0)
    with folder.locked():
        place = folder.stage(0, planned.stage.name, planned.fingerprint, planned.stage.writes, kind="table")
        place.make()
        drawn = _rows(draw, SHARD_ROWS).cast(arrow_schema(place.columns))
        for number, first in enumerate(range(0, rows, SHARD_ROWS)):
            table = drawn.slice(0, min(SHARD_ROWS, rows - first))
            table = table.set_column(0, table.field(0), pa.array(range(first, first + len(table)), pa.int64()))
            write_sealed(place.shard(number), table, "")
    execute(recipe, path)


def _rows(draw: np.random.Generator, count: int) -> pa.Table:
    """Texts as long as those of conversations; a system prompt and a thought in some rows only."""
    numbers = range(count)
    texts = _texts(draw, 4 * count)
    turns = [
        [{"role": "user", "content": ask}, {"role": "assistant", "content": answer}]
        for ask, answer in zip(texts[: 2 * count : 2], texts[1 : 2 * count : 2], strict=True)
    ]
    columns = {
        "row": pa.array(numbers, pa.int64()),
        "instruction": [f"{n} {text[:400]}" for n, text in zip(numbers, texts[2 * count : 3 * count], strict=True)],
        "response": texts[3 * count :],
        "turns": turns,
        "system": ["Be brief." if n % 7 == 0 else None for n in numbers],
        "reasoning": ["A thought." if n % 5 == 0 else None for n in numbers],
        "chosen": texts[3 * count :],
        "rejected": texts[:count],
        "language": ["en"] * count,
    }
    wanted = arrow_schema(())
    rest = {name: pa.array([0 if "token" in name or name in ("attempts", "input_digest") else None] * count, kind)
            for name, kind in zip(wanted.names, wanted.types, strict=True) if name not in columns}  # fmt: skip
    return pa.table({**columns, **rest}).select([*wanted.names[:1], *COLUMNS, *wanted.names[1:]])


def _texts(draw: np.random.Generator, count: int) -> list[str]:
    """Texts of 900 characters in the mean."""
    pool = "".join(_WORDS[place] for place in draw.integers(0, len(_WORDS), 20_000))
    starts, lengths = draw.integers(0, len(pool) - 1801, count), draw.integers(20, 1780, count)
    return [pool[start : start + length] for start, length in zip(starts, lengths, strict=True)]


if __name__ == "__main__":
    main()
