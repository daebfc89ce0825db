"""A server that misbehaves at random, against engines, judges, an embedder and a scorer, over tens of thousands of
requests.

    python -m bench.chaos [--requests 20000] [--rate 0.3] [--restarts 20] [--seed 0]

A recipe whose every stage asks one server: instructions and responses, a judge's tags and a guard's verdicts, vectors,
rewards. To three of ten requests the server answers 429 (with all kinds of Retry-After), 500 and other errors, with
garbage, too few or impossible values, half an answer, a gzip bomb, another host's address, byte by byte, or not at all;
now and then it is stopped and started again. Then a good server makes what is left.

Prints what the server did, and what came of it. Exits with 1 where a row is neither made nor has its error, where a
command ends in a traceback, where the key is sent to the other host or written down, where a request is waited for
long after its deadline, or where the memory of the client grows.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.chaos.misbehaving import BOMB_MIB, DEADLINE, Misbehaving
from tests.chaos.running import Sample, Watched, chaotic_run

REQUESTS_OF_A_ROW = 7
"""About: some are tried again, rows that fail are not asked further."""
LEAST_REQUESTS = 5_000
"""Requests from which on memory is judged: in a short run it grows as stage after stage imports what it needs."""
GRACE = 5.0
"""Seconds that a request may be waited for after its deadline, on a machine that may be busy."""
GROWTH, ROOM = 1.10, BOMB_MIB << 20
"""The most that the memory of the second half of the longest session may be above that of the first, of its highest
tenths, with room for a bomb that is being unpacked."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--rate", type=float, default=0.3)
    parser.add_argument("--restarts", type=float, default=20.0, help="seconds between two restarts of the server")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    began = time.monotonic()
    rows = max(8, options.requests // REQUESTS_OF_A_ROW)
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        watched, chaos = chaotic_run(Path(folder), rows, options.rate, options.seed, options.restarts)
    faults = [*watched.faults, *late(chaos)]
    if watched.requests >= LEAST_REQUESTS:
        faults += grown(watched.samples)
    show(watched, chaos, rows, time.monotonic() - began)
    for fault in faults:
        print(f"WRONG: {fault}")
    sys.exit(1 if faults else 0)


def show(watched: Watched, chaos: Misbehaving, rows: int, seconds: float) -> None:
    bad = sum(chaos.did.values()) - chaos.did["well"]
    print(f"{watched.requests:,} requests, {bad:,} of them answered badly, {rows:,} rows, {watched.sessions} sessions")
    for kind, count in chaos.did.most_common():
        print(f"    {kind:24}{count:8,}")
    for ending, count in watched.endings.most_common():
        print(f"    {count:6,} sessions ended with: {ending}")
    print(f"rows of all stages made {watched.rows:,}, with an error {watched.failed:,}; then all made by a good server")
    print(f"longest wait for an answer that never came {chaos.waited:.1f} s, deadline {DEADLINE:g} s")
    first, second = halves(longest(watched.samples))
    print(f"memory of the client {peak(first) >> 20} MiB in the first half, {peak(second) >> 20} MiB in the second")
    print(f"open files at most {max(sample.descriptors for sample in watched.samples)}")
    print(f"{seconds / 60:.1f} minutes")


def late(chaos: Misbehaving) -> list[str]:
    over = chaos.waited > DEADLINE + GRACE
    return [f"a request was waited for {chaos.waited:.1f} s, deadline {DEADLINE:g} s"] if over else []


def grown(samples: Sequence[Sample]) -> list[str]:
    """Whether the longest session held more memory in its second half than in its first."""
    first, second = (peak(half) for half in halves(longest(samples)))
    if second <= GROWTH * first + ROOM:
        return []
    return [f"memory grew from {first >> 20} to {second >> 20} MiB"]


def longest(samples: Sequence[Sample]) -> list[Sample]:
    """The samples of the longest session, without its start: a process that begins anew has less memory."""
    sessions: list[list[Sample]] = [[]]
    for before, sample in zip([None, *samples], samples, strict=False):
        if before is not None and (sample.pid != before.pid):
            sessions.append([])
        sessions[-1].append(sample)
    found = max(sessions, key=len)
    return found[len(found) // 5 :]


def halves(samples: Sequence[Sample]) -> tuple[Sequence[Sample], Sequence[Sample]]:
    return samples[: len(samples) // 2], samples[len(samples) // 2 :]


def peak(samples: Sequence[Sample]) -> int:
    """The memory that a tenth of the samples exceed: one bomb that is being unpacked is no growth."""
    found = sorted(sample.memory for sample in samples)
    return found[9 * len(found) // 10] if found else 0


if __name__ == "__main__":
    main()
