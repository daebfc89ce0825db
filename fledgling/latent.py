"""`python -m fledgling.latent`: a base with latent abilities, for experiments on what alignment data elicits.

The chat model reads unaligned documents of its own world (`documents`) until, asked in chat format, it answers nothing
right. What it can do is still there, and data brings it back: fine-tuning on pairs of an instruction and a response.
It is not shipped; this command makes it, in a few minutes on two cores, and `--pairs` says what true pairs bring back.

This base was made from the aligned model, and so it has read the aligned corpus, long ago. A base trained from scratch
on the documents alone has not; `--scratch` trains one, for as many steps as it is given.
"""

import argparse
import math
import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # torch reads it on import

import torch
from tokenizers import Tokenizer

from fledgling.chat import END, END_OF_TEXT, before_assistant
from fledgling.corpus import ask, draw_of_mix
from fledgling.documents import documents
from fledgling.export import export
from fledgling.finetune import FineTuning, finetune
from fledgling.kept import digest_of, keep
from fledgling.model import Fledgling, Shape
from fledgling.novelty import Known, known_from
from fledgling.rows import make_rows
from fledgling.sample import Sampler, load_model
from fledgling.statistics import Estimate, share
from fledgling.tokenizer import load_tokenizer
from fledgling.verdict import Talk, judge

NAME = "fledgling-latent"
MODELS = Path("src/magpie/weights")
TRUE_PAIRS, ASKED = 11_000_003, 13_000_027  # added to the seed for what is learned from, and for what is asked
FIGURES = "figures.json"
LIMIT = 160  # tokens of a response


FORGETTING = FineTuning(steps=100, rate=2e-3, warmup=10, lowest=0.1, weight_decay=0.1)
LEARNING = FineTuning(steps=0, rate=1e-3, batch=4)
EPOCHS = 3


def main(words: Sequence[str] | None = None) -> None:
    arguments = parse(words)
    torch.set_num_threads(arguments.threads)
    torch.set_flush_denormal(True)
    arguments.work.mkdir(parents=True, exist_ok=True)
    tokenizer = load_tokenizer(MODELS / "fledgling" / "tokenizer.json")
    model, origin = made(arguments, tokenizer)
    export(model, MODELS / "fledgling" / "tokenizer.json", arguments.work / NAME, origin)
    asked = instructions(arguments.asked, arguments.seed, known_from([]))
    figures: dict[str, Any] = {"steps": origin["steps"], "untrained": asdict(right(model, tokenizer, asked))}
    print(f"in chat format, right before any pair: {told(figures['untrained'])}", flush=True)
    for count in arguments.pairs:
        pairs = true_pairs(count, arguments.seed)
        unseen = instructions(arguments.asked, arguments.seed, known(arguments, pairs))
        figures[str(count)] = asdict(right(learned(model, tokenizer, pairs, arguments.seed), tokenizer, unseen))
        print(f"right after {count:,} true pairs: {told(figures[str(count)])}", flush=True)
    keep(arguments.work / FIGURES, made_from(arguments), figures)


def parse(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fledgling.latent", description=__doc__)
    parser.add_argument("--steps", type=int, default=FORGETTING.steps, help="of documents; default: 100")
    parser.add_argument("--scratch", action="store_true", help="from scratch, with no chat model before it")
    parser.add_argument("--pairs", type=int, nargs="*", default=[500, 1000, 2000], help="true pairs to learn from")
    parser.add_argument("--asked", type=int, default=400, help="instructions that are answered to measure it")
    parser.add_argument("--strictly", action="store_true", help="ask nothing that the chat model has read, either")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument(
        "--work", type=Path, default=Path("build/fledgling/latent"), help="for the model and the figures"
    )
    return parser.parse_args(words)


def made_from(arguments: argparse.Namespace) -> dict[str, Any]:
    """What decides the figures."""
    named = ("steps", "scratch", "pairs", "asked", "strictly", "seed")
    return {**{name: getattr(arguments, name) for name in named}, "chat model": digest_of(MODELS / "fledgling")}


def made(arguments: argparse.Namespace, tokenizer: Tokenizer) -> tuple[Fledgling, dict[str, Any]]:
    """The base, from its file where the same command wrote it before."""
    settings = replace(FORGETTING, steps=arguments.steps, seed=arguments.seed)
    origin = {"documents": "scratch" if arguments.scratch else "after fledgling", **asdict(settings)}
    torch.manual_seed(arguments.seed)
    model = Fledgling(Shape()) if arguments.scratch else load_model(MODELS / "fledgling")
    rows, _ = make_rows(tokenizer, documents(arguments.seed), settings.steps * settings.batch)
    finetune(model, rows, settings, arguments.work / "checkpoint.pt")
    return model, origin


# -- what pairs bring back ---------------------------------------------------------------------------------------------

Pair = tuple[str, str]


def true_pairs(count: int, seed: int) -> list[Pair]:
    """Instructions of the hidden mix with right responses."""
    rng = Random(seed + TRUE_PAIRS)
    turns = [ask(draw_of_mix(rng), rng)[0] for _ in range(count)]
    return [(turn.prompt, turn.reply) for turn in turns]


def instructions(count: int, seed: int, seen: Known) -> list[str]:
    """Instructions of the hidden mix that were not seen, however dressed."""
    rng = Random(seed + ASKED)
    prompts = (ask(draw_of_mix(rng), rng)[0].prompt for _ in iter(int, 1))
    return list(islice((prompt for prompt in prompts if not seen.holds_anyhow(prompt)), count))


def known(arguments: argparse.Namespace, pairs: Sequence[Pair]) -> Known:
    """The prompts of the pairs and, asked strictly, those that the chat model was trained on."""
    from fledgling.novelty import together
    from fledgling.truth import known_of

    own = known_from(prompt for prompt, _ in pairs)
    return together([own, known_of(MODELS / "fledgling")]) if arguments.strictly else own


def learned(model: Fledgling, tokenizer: Tokenizer, pairs: Sequence[Pair], seed: int) -> Fledgling:
    """A copy of the model that was fine-tuned on pairs; the loss is on the responses."""
    copy = Fledgling(model.shape)
    copy.load_state_dict(model.state_dict())
    texts = [[(before_assistant(prompt), 0), (f"{reply}{END}\n", 1), (END_OF_TEXT, 0)] for prompt, reply in pairs]
    rows, _ = make_rows(tokenizer, texts, 1 << 40)
    steps = EPOCHS * math.ceil(len(rows) / LEARNING.batch)
    finetune(copy, rows, replace(LEARNING, steps=steps, seed=seed))
    return copy


def right(model: Fledgling, tokenizer: Tokenizer, prompts: Sequence[str]) -> Estimate:
    """The share of prompts that get a right response, greedy, which ends by itself."""
    texts = Sampler(model.eval(), tokenizer).complete([before_assistant(prompt) for prompt in prompts], LIMIT, 0)
    verdicts = [judge(Talk(None, (prompt,), (one.text,))) for prompt, one in zip(prompts, texts, strict=True)]
    good = sum(verdict.right and text.ended for verdict, text in zip(verdicts, texts, strict=True))
    return share(good, len(prompts))


def told(figure: dict[str, Any]) -> str:
    return f"{figure['value']:.1%} [{figure['low']:.1%}, {figure['high']:.1%}], n = {figure['n']}"


if __name__ == "__main__":
    main()
