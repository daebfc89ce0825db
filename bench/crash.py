"""Kills `magpie run` with SIGKILL, 200 times by default, half by the clock and half by the line, and compares.

    python -m bench.crash [--kills 200] [--seed 0]

Prints a table: kills that struck, runs they were spread over, runs whose files were byte for byte those of a run that
nobody disturbed. Exits with 1 if one was not.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

from tests.crash.killing import RECIPE, count_lines, kill_after, kill_at_line, run_whole, shards


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        differing = bench(Path(folder), options.kills, random.Random(options.seed))
    sys.exit(1 if differing else 0)


def bench(folder: Path, kills: int, dice: random.Random) -> int:
    recipe, whole = folder / "crash.yaml", folder / "whole"
    recipe.write_text(RECIPE)
    run_whole(recipe, whole)
    expected = dict(shards(whole))
    lines = count_lines(recipe, folder / "counted")
    by_clock = by_line = runs = differing = 0
    while by_clock + by_line < kills:
        out = folder / f"run-{runs}"
        while True:
            clock = dice.random() < 0.5
            struck = (
                kill_after(recipe, out, dice.uniform(0.0, 0.8))
                if clock
                else kill_at_line(recipe, out, dice.randrange(1, lines))
            )
            if not struck:
                break
            by_clock, by_line = by_clock + clock, by_line + (not clock)
        runs += 1
        differing += dict(shards(out)) != expected
    print(f"{'killed by the clock':24}{by_clock:8}\n{'killed at a line':24}{by_line:8}\n{'runs':24}{runs:8}")
    print(f"{'runs that differ':24}{differing:8}")
    return differing


if __name__ == "__main__":
    main()
