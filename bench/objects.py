"""Runs in a bucket: requests per 1,000 rows, seconds beside a folder, and the first read from another machine.

    python -m bench.objects [--rows 8192] [--shard-rows 4096] [--slow 0.02]

Needs obstore and moto (scripts/env-cluster.sh): the bucket is that of a server which this starts. slow: seconds that
each request waits at most, in front of it. Requests are counted at the server: those of the run by kind, and those of a
reader that has nothing of it yet. What a run asks by the clock (a worker's file and a look at the others' every 5 s,
the writer's record every 15 s) is in the count, and printed by itself too: a longer run has more of it.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections import Counter
from pathlib import Path

import magpie
from magpie.runs.objects import work
from tests.objects.buckets import Bucket, moto, served

RECIPE = """
name: objects
size: {rows}
shard_rows: {shard_rows}
seed: 11
engine: {{name: scripted, window: 64, seconds: {seconds}}}
dedup: {{}}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=8192)
    parser.add_argument("--shard-rows", type=int, default=4096)
    parser.add_argument("--slow", type=float, default=0.02)
    parser.add_argument("--seconds", type=float, default=0.0, help="What a request of the scripted engine takes.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, moto() as server, served(server) as bucket:
        os.environ.update(bucket.variables())
        bucket.weather.slow = options.slow
        bench(Path(scratch), bucket, options.rows, options.shard_rows, options.seconds)


def bench(scratch: Path, bucket: Bucket, rows: int, shard_rows: int, seconds: float) -> None:
    recipe = scratch / "objects.yaml"
    recipe.write_text(RECIPE.format(rows=rows, shard_rows=shard_rows, seconds=seconds))
    began = time.monotonic()
    local = magpie.run(str(recipe), out=scratch / "local")
    print(f"{'in a folder':34}{time.monotonic() - began:10.1f} s")
    url = "s3://bucket/objects"
    machine(scratch, "one")
    began = time.monotonic()
    magpie.run(str(recipe), out=url)
    took = time.monotonic() - began
    print(f"{'in a bucket':34}{took:10.1f} s")
    show("requests of the run", bucket.weather.requests, rows)
    print(f"{'of them by the clock, about':34}{took / 5 * 2 + took / 15:10.0f}")
    bucket.weather.requests.clear()
    machine(scratch, "two")
    began = time.monotonic()
    there = magpie.open_run(url)
    print(f"{'first read on another machine':34}{time.monotonic() - began:10.1f} s")
    show("requests of the reader", bucket.weather.requests, rows)
    bucket.weather.requests.clear()
    machine(scratch, "two")
    began = time.monotonic()
    there = magpie.open_run(url)
    print(
        f"{'read again there':34}{time.monotonic() - began:10.1f} s{sum(bucket.weather.requests.values()):6} requests"
    )
    assert there.table().equals(local.table()), "the dataset of the bucket is not that of the folder"


def machine(scratch: Path, name: str) -> None:
    """Work from now on as a machine that has nothing but its own cache."""
    os.environ["XDG_CACHE_HOME"] = str(scratch / name)
    work._mirrors.clear()


def show(title: str, requests: Counter[str], rows: int) -> None:
    """PUT? is a put with a condition."""
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(requests.items()))
    total = sum(requests.values())
    print(f"{title:34}{total:10}   {total / rows * 1000:6.1f} per 1,000 rows   {kinds}")


if __name__ == "__main__":
    main()
