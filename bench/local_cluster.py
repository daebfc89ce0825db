"""A Ray cluster of three nodes on this machine, and a real recipe on it: `make cluster`.

    python -m bench.local_cluster [--recipe basic] [--size 200] [--out FOLDER]

Each node is a raylet of its own: a head without room for workers, and two nodes with a processor each. Printed is which
worker made how many rows.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import magpie

NODES = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="basic")
    parser.add_argument("--size", type=int, default=200)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    from ray.cluster_utils import Cluster

    os.environ["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)  # what Ray's workers import
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    try:
        for _ in range(NODES):
            cluster.add_node(num_cpus=1)
        with tempfile.TemporaryDirectory() as folder:
            out = options.out or Path(folder) / "run"
            words = ["run", "--recipe", options.recipe, "--size", str(options.size), "--out", str(out)]
            where = ["--executor", "ray", "--ray-address", cluster.address, "--workers", str(NODES)]
            began = time.monotonic()
            subprocess.run([sys.executable, "-m", "magpie", *words, *where], check=True)
            _tell(out, time.monotonic() - began)
    finally:
        cluster.shutdown()


def _tell(out: Path, seconds: float) -> None:
    run = magpie.open_run(out)
    print(f"\n{run.kept():,} of {run.size:,} rows kept, {seconds:.0f} s with starts; rows by session:")
    for session in run.info["sessions"]:
        rows = {stage: counts["made"] + counts["failed"] for stage, counts in session["stages"].items()}
        print(f"  {session['executor']} {session['owner']}: {rows}")


if __name__ == "__main__":
    main()
