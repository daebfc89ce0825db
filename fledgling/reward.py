"""`python -m fledgling.reward`: trains the reward model that ships inside magpie, and exports it.

Three steps, each kept in the work folder and made again only where its settings are others: the chat model answers some
instructions at several temperatures, and the grammar says which answers are right (`own.jsonl`); instructions with
right and wrong responses are packed into rows (`rows.npz`); a classifier on the chat model's body learns from them
(`checkpoint.pt`). No instruction and no response of the families held out is among them.
"""

import argparse
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # torch reads it on import

import torch

from fledgling.chat import before_assistant
from fledgling.classifier import Grading, assembled, train_top
from fledgling.kept import digest_of
from fledgling.memory import keep_freed_memory
from fledgling.quantized import export_classifier
from fledgling.responses import Asked, instructions
from fledgling.sample import Sampler, load_model
from fledgling.shown import ANSWERED, AT_ONCE, KEY, Shown, graded_rows, own_responses
from fledgling.tokenizer import load_tokenizer

NAME = "fledgling-reward"
MODELS = Path("src/magpie/weights")
TEMPERATURES = (0.7, 1.0, 1.3, 1.6, 2.0)
LIMIT = 160  # tokens of an answer
OWN, ROWS, STEPS = 2000, 2560, 660


def main() -> None:
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    torch.set_flush_denormal(True)
    keep_freed_memory()
    arguments.work.mkdir(parents=True, exist_ok=True)
    tokenizer_json = MODELS / "fledgling" / "tokenizer.json"
    made_from = {"seed": arguments.seed, "own": arguments.own, "chat model": digest_of(MODELS / "fledgling")}
    own = own_responses(arguments.work / "own.jsonl", made_from, lambda: answered(arguments.seed, arguments.own))
    rows, used = graded_rows(
        arguments.work / "rows.npz", load_tokenizer(tokenizer_json), own, arguments.seed, arguments.rows
    )
    print(f"{used:,} instructions in {len(rows):,} rows", flush=True)
    body = load_model(MODELS / "fledgling")
    top, scale = train_top(body, rows, Grading(arguments.steps, arguments.seed), arguments.work)
    model, head = assembled(body, top, scale)
    shown = Shown.of(arguments.seed, arguments.own, used)
    export_classifier(model, head.numpy(), tokenizer_json, arguments.out / NAME, {KEY: shown.written()})


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fledgling.reward", description=__doc__)
    parser.add_argument("--own", type=int, default=OWN, help=f"instructions that the model answers; default: {OWN}")
    parser.add_argument("--rows", type=int, default=ROWS, help=f"of 320 tokens; default: {ROWS}")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"default: {STEPS}")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--work", type=Path, default=Path("build/fledgling/reward"), help="for what is kept on the way")
    parser.add_argument("--out", type=Path, default=MODELS, help="holds a folder for each model")
    return parser.parse_args()


# -- the chat model's own responses ------------------------------------------------------------------------------------


def answered(seed: int, count: int) -> Iterator[tuple[Asked, str, bool]]:
    """Each instruction with two answers, at two of the temperatures."""
    sampler = Sampler.of(MODELS / "fledgling", seed + ANSWERED)
    source = instructions(seed + ANSWERED)
    for batch in range(-(-count // AT_ONCE)):
        some = list(islice(source, AT_ONCE))
        for turn in (batch, batch + 2):
            temperature = TEMPERATURES[turn % len(TEMPERATURES)]
            texts = sampler.complete([before_assistant(one.prompt) for one in some], LIMIT, temperature)
            for asked, said in zip(some, texts, strict=True):
                if said.ended:
                    yield asked, said.text, asked.is_right(said.text)
        print(f"{(batch + 1) * AT_ONCE:,} of {count:,} instructions answered", flush=True)


if __name__ == "__main__":
    main()
