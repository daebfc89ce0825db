"""What batch, warm-up and rate do to a small training: why the defaults of `magpie train` are not the paper's there.

    python -m bench.training [--rows 500] [--epochs 1] [--asked 300] [--work build/proof]

A base with latent abilities (`fledgling.latent`) is trained through `magpie train` on the same rows, once for each
line of `TRIED`, and answers the same instructions, which are not among the rows. The corpus's grammar says what is
right. The first line is the paper's batch and warm-up, which of so few rows never ends.
"""

from __future__ import annotations

import argparse
from itertools import islice
from pathlib import Path

import magpie
from bench.proof import Asked, answers, make_base, unseen
from fledgling.novelty import known_from
from fledgling.statistics import share
from fledgling.verdict import Talk, judge
from magpie.train import Train, train
from magpie.train.training import read_told

TRIED = {
    "paper": Train(batch=32, warmup=100),
    "batch 32": Train(batch=32),
    "batch 16": Train(batch=16),
    "batch 4": Train(batch=4),
    "left out": Train(),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--epochs", type=float, default=1.0)
    parser.add_argument("--asked", type=int, default=300)
    parser.add_argument("--work", type=Path, default=Path("build/proof"))
    given = parser.parse_args()
    asked = Asked(given.rows, 1, given.asked, 1, 0, given.epochs, given.work)
    base = make_base(asked, print)
    run = magpie.run(size=given.rows, out=given.work / "training" / f"raw-{given.rows}")
    rows = run.sql("SELECT instruction FROM rows").column("instruction").to_pylist()
    prompts = list(islice(unseen(known_from(rows)), given.asked))
    print(f"| settings | batch | warm-up | steps | right of {len(prompts)} | end by themselves |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, settings in TRIED.items():
        out = given.work / "training" / f"{name.replace(' ', '-')}-{given.rows}-{given.epochs:g}"
        file = out / f"{out.name}-f16.gguf"
        if not (out / "config.json").exists():
            train(run, str(base), "sft", out, settings.model_copy(update={"epochs": given.epochs}), gguf=True)
        told = read_told(out)
        found = answers(file, prompts)
        right = sum(
            ended and judge(Talk(None, (prompt,), (text,))).right
            for prompt, (text, ended) in zip(prompts, found, strict=True)
        )
        ended = sum(each for _, each in found) / len(found)
        chosen, steps = told["hyperparameters"], told["figures"]["steps"]
        one = share(right, len(prompts))
        print(f"| {name} | {chosen['batch']} | {chosen['warmup_steps']} | {steps} | {one.value:.1%} "
              f"[{one.low:.1%}, {one.high:.1%}] | {ended:.1%} |", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
