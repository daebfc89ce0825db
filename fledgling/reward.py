"""`python -m fledgling.reward`: trains the reward model that ships inside magpie, and exports it in both formats.

Three steps, each kept in the work folder and not made again: the chat model answers some instructions at several
temperatures, and the grammar says which answers are right (`own.jsonl`); instructions with right and wrong responses
are packed into rows (`rows.npz`); a classifier on the chat model's body learns from them (`checkpoint.pt`). No
instruction and no response of the families held out is among them.
"""

import argparse
import json
import os
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from random import Random

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # torch reads it on import

import numpy as np
import torch
from tokenizers import Tokenizer

from fledgling.chat import before_assistant
from fledgling.classifier import Grading, assembled, train_top
from fledgling.graded import FIELDS, Graded, GradedRows, graded, make_graded_rows
from fledgling.imperfect import ANY_BY_NAME
from fledgling.memory import keep_freed_memory
from fledgling.quantized import export_classifier
from fledgling.responses import Asked, Response, instructions
from fledgling.sample import Sampler, load_model
from fledgling.tokenizer import load_tokenizer

NAME = "fledgling-reward"
MODELS = Path("src/magpie/weights")
DRAWN, ANSWERED = 5, 11  # added to the seed: of the instructions in the rows, and of those that the chat model answers
TEMPERATURES = (0.7, 1.0, 1.3, 1.6, 2.0)
AT_ONCE, LIMIT = 200, 160  # instructions answered together, and tokens of an answer
OWN, ROWS, STEPS = 2000, 2560, 660
OWN_SHARE = 0.25  # share of instructions with responses of the chat model's own


def main() -> None:
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    torch.set_flush_denormal(True)
    keep_freed_memory()
    arguments.work.mkdir(parents=True, exist_ok=True)
    tokenizer_json = MODELS / "fledgling" / "tokenizer.json"
    own = own_responses(arguments.work / "own.jsonl", arguments.seed, arguments.own)
    rows, used = graded_rows(
        arguments.work / "rows.npz", load_tokenizer(tokenizer_json), own, arguments.seed, arguments.rows
    )
    print(f"{used:,} instructions in {len(rows):,} rows", flush=True)
    body = load_model(MODELS / "fledgling")
    top, scale = train_top(body, rows, Grading(arguments.steps, arguments.seed), arguments.work)
    model, head = assembled(body, top, scale)
    export_classifier(model, head.numpy(), tokenizer_json, arguments.out / NAME)


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


def own_responses(path: Path, seed: int, count: int) -> list[tuple[Asked, list[Response]]]:
    """Instructions that the chat model answered wrongly at least once, each with all of its answers that ended."""
    if not path.exists():
        part = path.with_suffix(".part")
        with part.open("w", encoding="utf-8") as lines:
            for asked, text, right in answered(seed, count):
                line = {"prompt": asked.prompt, "family": asked.family.name, "slots": dict(asked.slots)}
                lines.write(json.dumps({**line, "text": text, "right": right}, ensure_ascii=False) + "\n")
        part.replace(path)
    found: dict[str, tuple[Asked, list[Response]]] = {}
    for line in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
        asked = Asked(line["prompt"], ANY_BY_NAME[line["family"]], line["slots"])
        found.setdefault(asked.prompt, (asked, []))[1].append(Response(line["text"], "own", line["right"]))
    return [one for one in found.values() if not all(response.right for response in one[1])]


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


# -- rows --------------------------------------------------------------------------------------------------------------


def graded_rows(
    path: Path, tokenizer: Tokenizer, own: Sequence[tuple[Asked, list[Response]]], seed: int, count: int
) -> tuple[GradedRows, int]:
    """The rows and how many instructions are in them."""
    if not path.exists():
        rows, used = make_graded_rows(tokenizer, learned(own, seed), count)
        part = path.with_suffix(".part.npz")
        np.savez_compressed(part, used=used, **{name: getattr(rows, name) for name in FIELDS})
        part.replace(path)
    with np.load(path) as arrays:
        return GradedRows(*(arrays[name] for name in FIELDS)), int(arrays["used"])


def learned(own: Sequence[tuple[Asked, list[Response]]], seed: int) -> Iterator[Graded]:
    """Instructions with graded responses, without end."""
    rng = Random(seed + DRAWN)
    own = list(own)
    rng.shuffle(own)
    for asked in instructions(seed + DRAWN):
        if own and rng.random() < OWN_SHARE:
            other, responses = rng.choice(own)
            yield graded(other, rng.sample(responses, min(2, len(responses))), rng)
        else:
            yield graded(asked, (), rng)


def learned_instructions(seed: int = 0, own: int = OWN + AT_ONCE, drawn: int = 2 * ROWS) -> set[str]:
    """All that the training may have shown, and some more: what is held out is not among it."""
    some = [*islice(instructions(seed + ANSWERED), own), *islice(instructions(seed + DRAWN), drawn)]
    return {asked.prompt for asked in some}


if __name__ == "__main__":
    main()
