"""Every engine on the model inside the package: how fast, how near to its library, how soon, how large.

    python -m bench.engines [--rows 400] [--rounds 3] [--engines llamacpp openvino transformers vllm server]

Each engine is measured by `bench.engine_speed` in the environment that has its library: .venv, .venv-engines and
.venv-vllm, made by `make test` and the scripts in scripts/. An engine whose environment is not there is passed over,
and said to be. `server` is a vLLM server that is started here.

Prints a table in Markdown: medians of the rounds, tokens a second for a list of instruction requests (one short prompt)
and of response requests (as many prompts as requests).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from magpie.modelfiles.locate import find_model
from tests.engines.local_servers import vllm_server

PYTHONS = {
    "llamacpp": Path(".venv/bin/python"),
    "openvino": Path(".venv-engines/bin/python"),
    "transformers": Path(".venv-engines/bin/python"),
    "vllm": Path(".venv-vllm/bin/python"),
    "server": Path(".venv/bin/python"),
}
STAGES = ("instruct", "respond")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--engines", nargs="*", default=list(PYTHONS), choices=list(PYTHONS))
    options = parser.parse_args()
    print(
        "| engine | instruct, tokens/s | respond, tokens/s | run / library | engine / library | loads in | "
        "first answer | memory |\n|---|---|---|---|---|---|---|---|",
        flush=True,
    )
    for name in options.engines:
        if not needed(name).exists():
            print(f"{name}: passed over, {needed(name)} is not there", file=sys.stderr)
            continue
        with address(name) as url:
            print(row(measured(name, options.rows, options.rounds, url)), flush=True)


def needed(name: str) -> Path:
    return PYTHONS["vllm"] if name == "server" else PYTHONS[name]


@contextmanager
def address(name: str) -> Iterator[str | None]:
    if name != "server":
        yield None
        return
    with vllm_server(find_model("fledgling").parent, 512, str(PYTHONS["vllm"])) as url:
        yield url


def measured(name: str, rows: int, rounds: int, url: str | None) -> dict[str, Any]:
    command = [str(PYTHONS[name]), "-m", "bench.engine_speed", name, "--rows", str(rows), "--rounds", str(rounds)]
    done = subprocess.run(command + (["--url", url] if url else []), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def row(found: dict[str, Any]) -> str:
    rounds = found["rounds"]
    speeds = [median(one["run"][stage] for one in rounds) for stage in STAGES]
    ratios = [spread([one[way][s] / one["library"][s] for one in rounds for s in STAGES]) for way in ("run", "engine")]
    name, first, memory = found["engine"], 1000 * found["first_answer_seconds"], found["memory_mib"]
    cells = [f"`{name}`", f"{speeds[0]:,.0f}", f"{speeds[1]:,.0f}", *ratios, f"{found['load_seconds']:.1f} s"]
    return f"| {' | '.join([*cells, f'{first:.0f} ms', f'{memory:,.0f} MiB'])} |"


def spread(ratios: list[float]) -> str:
    return f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


if __name__ == "__main__":
    main()
