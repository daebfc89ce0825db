"""Breaks commands off in every way that a system knows, repeats them, and compares what they leave.

    python -m bench.crash [--kills 20] [--tries 3] [--seed 0] [--only NAME ...] [--ways NAME ...]

Rows: commands (`tests/crash/operations.py`). Columns: SIGKILL at random instants of the command's life and, for `row
stages`, at random lines of what writes; SIGTERM, SIGHUP, two SIGINT; a full disk and one that nobody may write to any
more (file systems in memory, which root may mount); a limit on the size of files and on open files; a clock that
jumps by years. After each the command is repeated, and every file that it leaves is held against those of a command
that nothing disturbed, byte for byte. A cell says how often the command was broken off, of how many tries.

Then: kills, and how many of them after real progress. Exits with 1 if a file differs, if a command ends in a traceback,
or if a process outlives the command that started it. `train` is tried where TRL is installed. TMPDIR says where the
folders lie.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from tests.crash.breaking import (
    BREAKS,
    DISKS,
    Outcome,
    Undisturbed,
    break_and_finish,
    kill_at_instants,
    kill_at_lines,
)
from tests.crash.operations import OPERATIONS

KILL, LINE = "SIGKILL", "at a line"
WAYS = (KILL, LINE, *BREAKS, *DISKS)
WIDTH = 13
BY_LINE = ("row stages", "table stages", "corpus stages")
"""Commands that are also killed at lines."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="of each command")
    parser.add_argument("--tries", type=int, default=3, help="of each command, of every other way")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=offered(), choices=list(OPERATIONS), metavar="COMMAND")
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=WAYS, metavar="WAY")
    options = parser.parse_args()
    began = time.monotonic()
    print(
        "".join([f"{'':20}", *(f"{way:>{WIDTH}}" for way in options.ways), f"{'repeated':>10}{'wrong':>7}"]), flush=True
    )
    totals = {way: Outcome() for way in options.ways}
    with tempfile.TemporaryDirectory(prefix="crash-") as folder:
        for name in options.only:
            line(name, options.ways, Path(folder) / name.replace(" ", "-"), options, totals)
    print_totals(totals, time.monotonic() - began)
    sys.exit(1 if any(total.faults for total in totals.values()) else 0)


def offered() -> list[str]:
    """The commands that can run here."""
    return [name for name in OPERATIONS if name != "train" or find_spec("trl") is not None]


def line(name: str, ways: Sequence[str], folder: Path, options: argparse.Namespace, totals: dict[str, Outcome]) -> None:
    """One command, broken off in every way."""
    undisturbed = Undisturbed.of(OPERATIONS[name], folder)
    print(f"{name:20}", end="", flush=True)
    told = Outcome()
    for way in ways:
        dice = random.Random(f"{options.seed} {name} {way}")
        outcome = cell(way, undisturbed, folder / way.replace(" ", "-"), options, dice)
        print(f"{'-' if outcome is None else shown(way, outcome):>{WIDTH}}", end="", flush=True)
        for total in (totals[way], told):
            total.add(outcome or Outcome())
    print(f"{told.repeated:10}{len(told.faults):7}", flush=True)
    for fault in told.faults:
        print(f"    {fault}", flush=True)


def cell(
    way: str, undisturbed: Undisturbed, folder: Path, options: argparse.Namespace, dice: random.Random
) -> Outcome | None:
    """None where this way does not apply, or may not be tried here."""
    if way == KILL:
        return kill_at_instants(undisturbed, folder, options.kills, dice)
    if way == LINE:
        if undisturbed.operation.name not in BY_LINE:
            return None
        return kill_at_lines(undisturbed, folder, options.kills, dice)
    try:
        return break_and_finish(way, undisturbed, folder, options.tries, dice)
    except PermissionError:
        return None


def shown(way: str, outcome: Outcome) -> str:
    kills = f"{outcome.struck} ({outcome.worked})" if way in (KILL, LINE) else f"{outcome.struck} of {outcome.repeated}"
    return kills + (f" !{len(outcome.faults)}" if outcome.faults else "")


def print_totals(totals: dict[str, Outcome], seconds: float) -> None:
    killed = [totals[way] for way in (KILL, LINE) if way in totals]
    kills, worked = sum(total.struck for total in killed), sum(total.worked for total in killed)
    if kills:
        print(f"\n{kills} kills with SIGKILL, {worked} of them ({100 * worked / kills:.0f}%) after real progress")
    others = sum(total.struck for way, total in totals.items() if way not in (KILL, LINE))
    wrong = sum(len(total.faults) for total in totals.values())
    repeated = sum(total.repeated for total in totals.values())
    print(f"{others} commands broken off in other ways")
    print(f"{repeated} commands repeated to their end and compared, {wrong} of them wrong; {seconds / 60:.0f} minutes")


if __name__ == "__main__":
    main()
