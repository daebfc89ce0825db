"""How a run's commands grow with its size: seconds, CPU seconds and peak memory of each, in a process of its own.

    python -m bench.scale [--sizes 20000 80000] [--shard-rows 4096]

The scripted engine, instruct and respond with the template of fledgling: what is measured is magpie.
CPU seconds are to be compared where a machine has other work.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

GROWN_BY = 1000
READ = "import sys, magpie; run = magpie.open_run(sys.argv[1]); repr(run); run.counts()"
AGAIN = f"""{READ}; import time
began, cpu = time.perf_counter(), time.process_time(); repr(run); run.counts()
print(time.perf_counter() - began, time.process_time() - cpu)"""


@dataclass(frozen=True, slots=True)
class Took:
    """What one process took."""

    seconds: float
    cpu: float
    megabytes: float
    """Peak of what it held in memory."""
    output: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[20_000, 80_000])
    parser.add_argument("--shard-rows", type=int, default=4096)
    options = parser.parse_args()
    header = "".join(f"{f'{size:,} rows: s':>18}{'CPU s':>8}{'MB':>7}" for size in options.sizes)
    print(f"{'':30}{header}")
    with tempfile.TemporaryDirectory() as folder:
        runs = {size: measured(Path(folder) / str(size), size, options.shard_rows) for size in options.sizes}
        for steps in zip(*runs.values(), strict=True):
            cells = "".join(f"{took.seconds:18.2f}{took.cpu:8.2f}{took.megabytes:7.0f}" for _, took in steps)
            print(f"{steps[0][0]:30}{cells}", flush=True)
        for size in options.sizes:
            files = [path for path in (Path(folder) / str(size) / "run").rglob("*") if path.is_file()]
            per_row = sum(path.stat().st_size for path in files) / size
            print(f"{size:,} rows: {len(files):,} files, {per_row:.0f} bytes on disk for each row")


def measured(folder: Path, size: int, shard_rows: int) -> Iterator[tuple[str, Took]]:
    """Each command on a run of this size, one after the other."""
    folder.mkdir()
    run, recipe = str(folder / "run"), folder / "recipe.yaml"
    recipe.write_text(f"{{name: scale, size: {size}, shard_rows: {shard_rows}, engine: scripted}}")
    make = ("run", "--recipe", str(recipe), "--out", run, "--json")
    yield "run", magpie(*make)
    yield "resume, nothing to do", magpie(*make)
    yield "status", magpie("status", run, "--json")
    yield "repr, counts", python("-c", READ, run)
    again = python("-c", AGAIN, run)
    wall, cpu = map(float, again.output.split())
    yield "the same, asked again", Took(wall, cpu, again.megabytes, "")
    yield "show -n 5", magpie("show", run, "-n", "5", "--json")
    yield "export", magpie("export", run, "--to", str(folder / "out.jsonl"))
    recipe.write_text(recipe.read_text().replace(f"size: {size}", f"size: {size + GROWN_BY}"))
    yield f"{GROWN_BY:,} rows more", magpie(*make)


def magpie(*words: str) -> Took:
    return python("-m", "magpie", *words)


def python(*words: str) -> Took:
    """Run Python to its end. Raises `CalledProcessError` where it does not end well."""
    began = time.perf_counter()
    with (
        tempfile.TemporaryFile() as output,
        subprocess.Popen([sys.executable, *words], stdout=output, stderr=subprocess.STDOUT) as process,
    ):
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, words, text)
    scale = 1 if sys.platform == "darwin" else 1024
    return Took(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * scale / 1e6, text)


if __name__ == "__main__":
    main()
