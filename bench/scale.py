"""How a run's commands grow with its size: seconds, CPU seconds and peak memory of each, in a process of its own.

    python -m bench.scale [--sizes 25000 100000] [--shard-rows 4096] [--only run status] [--slow]
    python -m bench.scale --sizes 250000 1000000 4000000 --keep FOLDER
    python -m bench.scale --sizes 100000 --keep FOLDER --only status --profile

The scripted engine, instruct and respond with the template of fledgling: what is measured is magpie. CPU seconds are to
be compared where a machine has other work; they are those of all processes of a command, and its memory is that of the
largest of them, pages of mapped files included. With `--keep` the runs and what was measured stay in a folder: a second
call measures what is not there yet, or what `--only` names, and prints all of it. The table's last column is how much
more memory the largest size takes than the one before it. While a run is made its memory and its open files are looked
at all the time: below the table stands by how much their peaks grew from the third quarter of it to the last one.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

GROWN_BY = 1000
ORIGINALS = 65_536
"""Rows that are made where a run is made of copies."""
READ = "import sys, magpie; run = magpie.open_run(sys.argv[1]); repr(run); run.counts()"
AGAIN = f"""{READ}; import time
began, cpu = time.perf_counter(), time.process_time(); repr(run); run.counts()
print(time.perf_counter() - began, time.process_time() - cpu)"""
BENCHMARK = "decontaminate.benchmarks=[{name: own, prompts: [How does a lens work when light falls on it from behind]}]"
WATCH_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Took:
    """What one process took."""

    seconds: float
    cpu: float
    megabytes: float
    """Peak of what it held in memory."""
    own_megabytes: float | None = None
    """The same without pages of mapped files, such as libraries: those come and go with what else the machine does."""
    memory_growth: float | None = None
    """How much more memory the process held at most in the last quarter of its time than in the third one."""
    files_growth: float | None = None
    """The same of its open files."""


@dataclass(frozen=True, slots=True)
class Bench:
    """One size's run, and how its commands are called."""

    folder: Path
    size: int
    shard_rows: str
    profile: bool

    @property
    def run(self) -> str:
        return str(self.folder / "run")

    def make(self, size: int) -> Took:
        """Create the run, or resume or enlarge it."""
        recipe = self.folder / "recipe.yaml"
        recipe.write_text(f"{{name: scale, size: {size}, shard_rows: {self.shard_rows}, engine: scripted}}")
        return self.magpie("run", "--recipe", str(recipe), "--out", self.run, "--json")

    def made_of_copies(self) -> Took:
        """Make the first `ORIGINALS` rows, and seal the others as copies of these."""
        took = self.make(ORIGINALS)
        copy_rows(Path(self.run), self.size)
        self.make(self.size)
        return took

    def grown(self) -> Took:
        return self.make(self.size + GROWN_BY)

    def again(self) -> Took:
        took, output = self.python("-c", AGAIN, self.run)
        wall, cpu = map(float, output.split())
        return Took(wall, cpu, took.megabytes)

    def exported(self) -> Took:
        return self.magpie("export", self.run, "--to", str(self.folder / "out.jsonl"), "--overwrite")

    def imported(self) -> Took:
        """Of what `export` wrote."""
        there = self.folder / "imported"
        shutil.rmtree(there, ignore_errors=True)
        try:
            return self.magpie("import", str(self.folder / "out.jsonl"), "--to", str(there))
        finally:
            shutil.rmtree(there, ignore_errors=True)

    def selected(self) -> Took:
        clauses = ("--with", "length(response) > 60 AND length(instruction) > 20", "--limit", str(self.size // 3))
        return self.magpie("select", self.run, *clauses)

    def report(self) -> Took:
        return self.magpie("report", self.run, "--to", str(self.folder / "report.html"), "--overwrite")

    def magpie(self, *words: str) -> Took:
        return self.python("-m", "magpie", *words)[0]

    def python(self, *words: str) -> tuple[Took, str]:
        """Run Python to its end; what it took and what it printed. Raises `SystemExit` where it does not end well."""
        profile = ["-m", "cProfile", "-o", str(self.folder / "profile")] if self.profile else []
        began, known = time.perf_counter(), Known([], [])
        with (
            tempfile.TemporaryFile() as output,
            subprocess.Popen([sys.executable, *profile, *words], stdout=output, stderr=subprocess.STDOUT) as process,
        ):
            watching = threading.Thread(target=known.watch, args=(process.pid,), daemon=True)
            watching.start()
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - began
            process.returncode = os.waitstatus_to_exitcode(status)
            known.ended.set()
            watching.join()
            output.seek(0)
            text = output.read().decode(errors="replace")
        if process.returncode:
            raise SystemExit(f"{' '.join(words)} ended with {process.returncode}: {text[-2000:]}")
        scale = 1 if sys.platform == "darwin" else 1024
        cpu, peak = usage.ru_utime + usage.ru_stime, usage.ru_maxrss * scale / 1e6
        if self.profile:
            print_profile(self.folder / "profile")
        own = max(known.memory) * 1024 / 1e6 if known.memory else None
        return Took(seconds, cpu, peak, own, growth(known.memory), growth(known.files)), text


MADE_OF_COPIES = f"run, of {ORIGINALS:,} rows"
STEPS: Mapping[str, Callable[[Bench], Took]] = {
    "run": lambda bench: bench.make(bench.size),
    MADE_OF_COPIES: Bench.made_of_copies,
    "resume, nothing to do": lambda bench: bench.make(bench.size),
    "status": lambda bench: bench.magpie("status", bench.run, "--json"),
    "repr, counts": lambda bench: bench.python("-c", READ, bench.run)[0],
    "the same, asked again": Bench.again,
    "show -n 5": lambda bench: bench.magpie("show", bench.run, "-n", "5", "--json"),
    "show --id": lambda bench: bench.magpie("show", bench.run, "--id", str(bench.size // 2), "--json"),
    "export messages": Bench.exported,
    "import": Bench.imported,
    f"{GROWN_BY:,} rows more": Bench.grown,
    "tag": lambda bench: bench.magpie("tag", bench.run),
    "decontaminate": lambda bench: bench.magpie("decontaminate", bench.run, "--set", BENCHMARK),
    "dedup": lambda bench: bench.magpie("dedup", bench.run),
    "select": Bench.selected,
    "report": Bench.report,
}
"""In this order: each works on what those before it have left."""
SLOW = ("import", "tag")
"""Steps that take minutes for each million rows, and are measured where they are asked for."""


def copy_rows(path: Path, size: int, originals: int = ORIGINALS) -> None:
    """Seal the rows behind the first ones of a run, up to a size, as a run would: the same rows under other numbers,
    with the number of the copy behind the instruction. originals: a multiple of the rows of a shard."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from magpie.runs import open_run, write_sealed
    from magpie.runs.shards import input_digest

    run = open_run(path)
    made = originals // run.shard_rows
    instruct, respond = run.stages
    tables = {stage.stage: [stage.shard(number).sealed() for number in range(made)] for stage in run.stages}
    for number in range(made, -(-size // run.shard_rows)):
        if respond.shard(number).is_sealed():
            continue
        copy, source = divmod(number, made)
        texts: dict[int, str] = {}
        for stage, above in ((instruct, []), (respond, [instruct])):
            table = tables[stage.stage][source]
            assert table is not None
            rows = pc.add(table.column("row"), copy * made * run.shard_rows)
            table = table.set_column(table.schema.get_field_index("row"), table.schema.field("row"), rows)
            if stage is instruct:
                numbered = pc.binary_join_element_wise(table.column("instruction"), str(copy), " ")
                at = table.schema.get_field_index("instruction")
                table = table.set_column(at, table.schema.field("instruction"), numbered)
                texts = dict(zip(rows.to_pylist(), numbered.to_pylist(), strict=True))
            else:
                digests = pa.array([input_digest([texts[row]]) for row in rows.to_pylist()], pa.int64())
                at = table.schema.get_field_index("input_digest")
                table = table.set_column(at, table.schema.field("input_digest"), digests)
            table = table.filter(pc.less(table.column("row"), size))
            write_sealed(stage.shard(number), table, stage.read_digest(above, number))


class Known:
    """What a process is seen to hold, where the system tells: memory of its own in KiB, and open files."""

    def __init__(self, memory: list[int], files: list[int]) -> None:
        self.memory, self.files = memory, files
        self.ended = threading.Event()

    def watch(self, pid: int) -> None:
        place = Path(f"/proc/{pid}")
        while not self.ended.wait(WATCH_SECONDS):
            try:
                status = (place / "status").read_text(encoding="ascii", errors="replace")
                files = len(list((place / "fd").iterdir()))
            except OSError:
                return
            self.memory += [int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon:")]
            self.files.append(files)


def growth(values: list[int]) -> float | None:
    """How much larger the peak of the last quarter of some values is than that of the third one, as a share."""
    quarter = len(values) // 4
    if quarter < 5:
        return None
    return max(values[-quarter:]) / max(values[-2 * quarter : -quarter]) - 1


def print_profile(path: Path) -> None:
    import pstats

    pstats.Stats(str(path)).sort_stats("tottime").print_stats(12)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[25_000, 100_000])
    parser.add_argument("--shard-rows", default="4096")
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    parser.add_argument("--only", nargs="+", choices=STEPS, metavar="STEP", help=", ".join(STEPS))
    parser.add_argument("--slow", action="store_true", help=f"measure {' and '.join(SLOW)} too")
    parser.add_argument("--copies", action="store_true", help=f"make {ORIGINALS:,} rows, and the others as copies")
    parser.add_argument("--profile", action="store_true", help="print what each command spends its time in")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        for size in options.sizes:
            folder = (options.keep or Path(scratch)) / str(size)
            folder.mkdir(parents=True, exist_ok=True)
            made = "run" if options.copies else MADE_OF_COPIES
            names = [name for name in STEPS if (name in options.only if options.only else name != made)]
            if not options.only and not options.slow:
                names = [name for name in names if name not in SLOW]
            measure(Bench(folder, size, options.shard_rows, options.profile), names, again=bool(options.only))
        print_table({size: figures((options.keep or Path(scratch)) / str(size)) for size in options.sizes})


def measure(bench: Bench, names: Sequence[str], *, again: bool) -> None:
    """Measure these steps, or those of them that were not measured yet."""
    found = figures(bench.folder)
    for name in names:
        if name in found and not again:
            continue
        took = asdict(STEPS[name](bench))
        if name in ("run", MADE_OF_COPIES):
            files = [path for path in Path(bench.run).rglob("*") if path.is_file()]
            took |= {"files": len(files), "bytes": sum(path.stat().st_size for path in files)}
        found[name] = took
        told = f"{took['seconds']:.2f} s, {took['cpu']:.2f} CPU s, {took['megabytes']:.0f} MB"
        print(f"{bench.size:,} rows: {name}: {told}", file=sys.stderr, flush=True)
        if not bench.profile:
            (bench.folder / "figures.json").write_text(json.dumps(found, indent=1))


def figures(folder: Path) -> dict[str, dict[str, Any]]:
    """What was measured of one size."""
    path = folder / "figures.json"
    return json.loads(path.read_text()) if path.exists() else {}


def print_table(measured: Mapping[int, Mapping[str, Mapping[str, Any]]]) -> None:
    """In Markdown: a line for each command, three columns for each size."""
    sizes = list(measured)
    print("| | " + " | ".join(f"{size:,} rows: s | CPU s | MB" for size in sizes) + " | memory |")
    print("|---|" + "---:|" * (3 * len(sizes) + 1))
    for name in STEPS:
        found = [measured[size].get(name) for size in sizes]
        if not any(found):
            continue
        cells = [
            f"{took['seconds']:.1f} | {took['cpu']:.1f} | {took['megabytes']:.0f}" if took else "| |" for took in found
        ]
        grown = ""
        if len(found) > 1 and (last := found[-1]) and (before := found[-2]):
            grown = f"{last['megabytes'] / before['megabytes'] - 1:+.0%}"
        print(f"| {name} | {' | '.join(cells)} | {grown} |")
    for size in sizes:
        if (made := measured[size].get("run")) is None:
            continue
        told = f"{made['files']:,} files, {made['bytes'] / size:.0f} bytes on disk for each row"
        told += f", {size / made['cpu']:.0f} rows made for each CPU second"
        if made["memory_growth"] is not None:
            told += (
                f"; over the last quarter memory {made['memory_growth']:+.0%}, open files {made['files_growth']:+.0%}"
            )
        print(f"\n{size:,} rows: {told}")


if __name__ == "__main__":
    main()
