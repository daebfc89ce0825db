"""The same model and the same work through others: distilabel 1.5.3, and the loop that one writes first.

    python -m bench.peers [--rows 300] [--rounds 1]

Pairs of instruction and response a second, side by side in one go, on the model inside the package: once with the model
in transformers (float32, on this CPU), once behind one vLLM server. Instructions and responses are both sampled at
temperature 1 to at most 96 tokens, since distilabel has one sampling for both. Loading is in nobody's time.

The peers run in .venv-peers, which is made here on the first call; nothing of theirs is a dependency. magpie's engine
for transformers runs in .venv-engines and the server in .venv-vllm (scripts/). distilabel writes one prompt at a time
with transformers; it gets a tenth of the rows there, so that it ends in time.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from magpie.modelfiles.locate import find_model
from tests.engines.local_servers import vllm_server

PEERS, ENGINES = Path(".venv-peers/bin/python"), Path(".venv-engines/bin/python")
SERVER = Path(".venv-vllm/bin/python")
INSTALL = (
    ("torch",),
    ("distilabel[hf-transformers,openai]==1.5.3", "requests", "pillow", "accelerate"),
)
"""What distilabel needs beside its extras, in the order that lets a machine choose its own build of torch."""
MOST_TOKENS = 96
SLOW_SHARE = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--torch", default="torch", help="how torch is asked of pip, as in torch==2.13.0")
    options = parser.parse_args()
    install(options.torch)
    folder = str(find_model("fledgling").parent)
    print("| pairs a second | magpie | plain loop | distilabel 1.5.3 | magpie / loop | magpie / distilabel |")
    print("|---|---|---|---|---|---|", flush=True)
    rounds = [with_transformers(folder, options.rows) for _ in range(options.rounds)]
    print(row("model in transformers", rounds), flush=True)
    with vllm_server(Path(folder), 512, str(SERVER)) as url:
        rounds = [with_server(folder, options.rows, f"{url}/v1") for _ in range(options.rounds)]
    print(row("one vLLM server", rounds), flush=True)


def install(torch: str) -> None:
    """The peers' own environment, if it is not there."""
    if PEERS.exists():
        return
    subprocess.run([sys.executable, "-m", "venv", str(PEERS.parent.parent)], check=True)
    for packages in ((torch,), *INSTALL[1:]):
        subprocess.run([str(PEERS), "-m", "pip", "install", "--quiet", *packages], check=True)


def with_transformers(folder: str, rows: int) -> tuple[float, float, float]:
    few = max(50, rows // SLOW_SHARE)
    return (
        magpie(ENGINES, "transformers", rows),
        peer("peer_loop.py", "transformers", folder, rows),
        peer("peer_distilabel.py", "transformers", folder, few),
    )


def with_server(folder: str, rows: int, url: str) -> tuple[float, float, float]:
    return (
        magpie(Path(sys.executable), url, rows),
        peer("peer_loop.py", "server", folder, rows, url),
        peer("peer_distilabel.py", "server", folder, rows, url),
    )


def magpie(python: Path, engine: str, rows: int) -> float:
    """Pairs a second of `magpie run`: kept rows, by the seconds of both stages."""
    limits = [f"{stage}.sampling={{temperature: 1.0, max_tokens: {MOST_TOKENS}}}" for stage in ("instruct", "respond")]
    settings = [f"engine={engine}", *limits]
    with tempfile.TemporaryDirectory() as out:
        command = [str(python), "-m", "magpie", "run", "--size", str(rows), "--out", f"{out}/run", "--json"]
        told = said([*command, *(word for setting in settings for word in ("--set", setting))])
        run = json.loads(Path(f"{out}/run/run.json").read_bytes())
    stages = run["sessions"][-1]["stages"].values()
    return float(json.loads(told)["kept"]) / float(sum(stage["seconds"] for stage in stages))


def peer(program: str, kind: str, folder: str, rows: int, url: str | None = None) -> float:
    command = [str(PEERS), "-P", f"bench/{program}", kind, folder, str(rows), str(MOST_TOKENS), *([url] if url else [])]
    found = json.loads(said(command).splitlines()[-1])
    return float(found["pairs"]) / float(found["seconds"])


def said(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr[-3000:]}")
    return done.stdout


def row(name: str, rounds: Sequence[tuple[float, float, float]]) -> str:
    ours, loop, theirs = (median(each) for each in zip(*rounds, strict=True))
    return f"| {name} | {ours:.1f} | {loop:.1f} | {theirs:.1f} | {ours / loop:.1f} | {ours / theirs:.1f} |"


if __name__ == "__main__":
    main()
