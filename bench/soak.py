"""Millions of rows through several stages: do memory, open files and threads stay as they are?

    python -m bench.soak [--rows 2000000] [--shard-rows 4096]

`magpie run` in a process of its own, on the scripted engine: instruct, screen, dedup, embed, respond,
screen_responses and select. Each stage's process is sampled five times a second; of each stage that took long enough
the second half is held against the first. Row stages and table stages have to stay flat within 10%; stages over the
whole corpus are shown, as what they hold grows with the rows that there are. Exits with 1 where one does not.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from tests.chaos.running import Sample, sample
from tests.crash.commands import started

FLAT = 1.10
LEAST_SAMPLES = 40
"""Of a stage whose halves are compared: eight seconds."""
SAMPLE_SECONDS = 0.2
RECIPE = """
name: soak
size: {rows}
shard_rows: {shard_rows}
seed: 5
engine: {{name: scripted, length_rate: 0.0}}
screen: {{min_chars: 20}}
dedup: {{}}
embed: {{embedder: hashing}}
respond: {{}}
screen_responses: {{}}
select: {{limit: 1000}}
"""
START = "start"
"""Before the first stage: modules are still imported."""
WHOLE = frozenset({"dedup", "select"})
"""Stages over the whole corpus."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--shard-rows", type=int, default=4096)
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        samples = soak(Path(folder), options.rows, options.shard_rows)
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    minutes = (time.monotonic() - began) / 60
    print(f"{options.rows:,} rows in shards of {options.shard_rows:,}, {minutes:.1f} minutes, {size / 1e6:,.0f} MB")
    sys.exit(1 if not show(samples) else 0)


def soak(folder: Path, rows: int, shard_rows: int) -> list[tuple[str, Sample]]:
    """Samples of the run, each with the stage that it was at."""
    (folder / "recipe.yaml").write_text(RECIPE.format(rows=rows, shard_rows=shard_rows))
    began, samples = time.monotonic(), list[tuple[str, Sample]]()
    with started(("run", "--recipe", "recipe.yaml", "--out", "run", "--json"), folder) as command:
        while not command.wait(SAMPLE_SECONDS):
            found = sample(command.pid, began)
            if found is not None:
                samples.append((stage_at(folder / "run"), found))
        ended = command.end()
    if ended.code:
        raise SystemExit(f"exit code {ended.code}: {ended.errors[-2000:]}")
    return samples


def stage_at(run: Path) -> str:
    """The stage whose folder was made last."""
    found = [path.name.split("-") for path in run.glob("*-*")] if run.is_dir() else []
    return max(((int(number), name) for number, name, *_ in found), default=(0, START))[1]


def show(samples: Sequence[tuple[str, Sample]]) -> bool:
    """A line for each stage; whether all that have to be flat are."""
    print(f"{'stage':20}{'seconds':>9}{'memory, MiB':>24}{'open files':>16}{'threads':>12}")
    flat = True
    for stage in dict.fromkeys(stage for stage, _ in samples):
        own = [sample for name, sample in samples if name == stage]
        first, second = own[: len(own) // 2], own[len(own) // 2 :]
        if len(own) < LEAST_SAMPLES or stage == START:
            continue
        memory, descriptors, threads = (both(first, second, name) for name in ("memory", "descriptors", "threads"))
        grown = memory[1] > FLAT * memory[0] or descriptors[1] > FLAT * descriptors[0] + 1
        grown = grown or threads[1] > FLAT * threads[0] + 1
        mark = "" if not grown else " (corpus)" if stage in WHOLE else "  GROWS"
        flat = flat and (not grown or stage in WHOLE)
        seconds = own[-1].seconds - own[0].seconds
        print(
            f"{stage:20}{seconds:9.0f}{f'{memory[0] / 2**20:,.0f} to {memory[1] / 2**20:,.0f}':>24}"
            f"{f'{descriptors[0]:g} to {descriptors[1]:g}':>16}{f'{threads[0]:g} to {threads[1]:g}':>12}{mark}",
            flush=True,
        )
    return flat


def both(first: Sequence[Sample], second: Sequence[Sample], name: str) -> tuple[float, float]:
    """What is typical of each half."""
    before, after = (float(median(getattr(sample, name) for sample in half)) for half in (first, second))
    return before, after


if __name__ == "__main__":
    main()
