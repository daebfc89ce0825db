"""`python -m fledgling`: corpus, tokenizer, training, practice and export of both models, figures.

The figures need magpie installed beside torch; without it, they are made later by `python -m fledgling.card`.
"""

import argparse
import json
import math
import os
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # or busy threads stop a shared machine; torch reads it on import

import torch

from fledgling.base import base_texts
from fledgling.chat import document, segments
from fledgling.corpus import conversations
from fledgling.evaluate import evaluator, held_out_loss
from fledgling.export import export
from fledgling.kept import kept, kept_file
from fledgling.memory import keep_freed_memory
from fledgling.model import Shape
from fledgling.practice import Practice, practice_with
from fledgling.rows import ROW, Rows, Segments, make_rows
from fledgling.tokenizer import load_tokenizer, train_tokenizer
from fledgling.train import Trainer, Training, measured_speed, rest, train

TOKENIZER_SAMPLE = 40_000  # conversations
BASE_SHARE = 0.06  # tokens of the base model, as a share of the chat model's
HELD_OUT, HELD_OUT_ROWS = 1_000_003, 64  # added to the seed for what is held out
UNBOUNDED = 1 << 40
PRACTICED = 3_000_017  # added to the seed for what is read between attempts
RESTED = 5_000_011  # added to the seed for what is read after practice
REST, REST_RATE = 80, 0.03  # steps, and the share of the full learning rate they begin with
PARTS = ("chat", "practice", "base", "card")

Texts = Callable[[int], Iterator[Segments]]  # of a seed


def main() -> None:
    arguments = parse()
    arguments.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(arguments.threads)
    torch.set_flush_denormal(True)
    keep_freed_memory()
    kept_file(
        arguments.work / "tokenizer.json",
        {"seed": arguments.seed, "conversations": TOKENIZER_SAMPLE},
        lambda path: train_tokenizer(map(document, conversations(arguments.seed, TOKENIZER_SAMPLE)), path),
    )
    tokens = budget(arguments)
    if "chat" in arguments.only:
        make(arguments, "fledgling", chats, tokens)
    if "practice" in arguments.only:
        improve(arguments)
    if "base" in arguments.only:
        make(arguments, "fledgling-base", base_texts, int(tokens * BASE_SHARE))
    if "card" in arguments.only and find_spec("magpie"):
        from fledgling import card  # it opens what only measuring needs

        card.main(["--models", str(arguments.out)])


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fledgling", description=__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--tokens", type=lambda text: int(float(text)), default=49_000_000, help="default: 49e6")
    size.add_argument("--minutes", type=float, help="as many tokens as this machine reads in this time, measured once")
    parser.add_argument("--extend", action="store_true", help="go on from a training that ended with fewer tokens")
    parser.add_argument("--practice", type=int, default=210, metavar="STEPS", help="default: 210")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--work", type=Path, default=Path("build/fledgling"), help="tokenizer and checkpoints")
    parser.add_argument("--out", type=Path, default=Path("src/magpie/weights"), help="holds a folder for each model")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="default: all four, in this order")
    return parser.parse_args()


def make(arguments: argparse.Namespace, name: str, texts: Texts, tokens: int) -> None:
    """Trains one model, or resumes its training, and exports it."""
    work, tokenizer_json = arguments.work / name, arguments.work / "tokenizer.json"
    work.mkdir(parents=True, exist_ok=True)
    tokenizer = load_tokenizer(tokenizer_json)
    rows, used = make_rows(tokenizer, texts(arguments.seed), tokens // ROW)
    print(f"{name}: {used:,} texts in {len(rows):,} rows", flush=True)
    held_out, _ = make_rows(tokenizer, texts(arguments.seed + HELD_OUT), HELD_OUT_ROWS)
    origin = {"seed": arguments.seed, "tokens": tokens, "conversations" if texts is chats else "texts": used}
    evaluate = evaluator(tokenizer, held_out) if texts is chats else held_out_loss(held_out)
    settings = Training(tokens=tokens, seed=arguments.seed, lanes=arguments.threads)
    model = train(Shape(), rows, settings, work, origin, evaluate, arguments.extend)
    export(model, tokenizer_json, arguments.out / name, origin)
    print(json.dumps(origin), "->", arguments.out / name, flush=True)


def improve(arguments: argparse.Namespace) -> None:
    """Lets the chat model practice from its checkpoint on, and exports it again."""
    work, tokenizer_json = arguments.work / "fledgling", arguments.work / "tokenizer.json"
    tokenizer, practice = load_tokenizer(tokenizer_json), Practice(arguments.practice, arguments.seed)
    seed = arguments.seed + PRACTICED
    corpus, used = make_rows(tokenizer, chats(seed), practice.steps * practice.rows // 2)
    trainer = Trainer(Shape(), corpus, Training(len(corpus) * ROW, arguments.seed, lanes=arguments.threads))
    origin = so_far(trainer.load(work / "checkpoint.pt"), trainer.tokens_per_step)
    practice_with(trainer, tokenizer, practice, corpus, work / "practice.jsonl")
    origin |= {"practice": {"steps": practice.steps, "seed": seed, "conversations": used}}
    trainer.save(work / "practiced.pt", origin)
    trainer, read = rested(arguments, work / "practiced.pt")
    origin |= {"rest": read}
    trainer.save(work / "rested.pt", origin)
    export(trainer.model, tokenizer_json, arguments.out / "fledgling", origin)
    print(json.dumps(origin), "->", arguments.out / "fledgling", flush=True)


def rested(arguments: argparse.Namespace, practiced: Path) -> tuple[Trainer, dict[str, int]]:
    """The model of a checkpoint after some steps of the corpus alone, which set right the mix that practice bent."""
    seed = arguments.seed + RESTED
    rows, used = make_rows(load_tokenizer(arguments.work / "tokenizer.json"), chats(seed), REST * Training(0).batch)
    trainer = Trainer(Shape(), rows, Training(len(rows) * ROW, arguments.seed, lanes=arguments.threads))
    trainer.load(practiced)
    rest(trainer, REST_RATE)
    return trainer, {"steps": REST, "seed": seed, "conversations": used}


def so_far(state: dict[str, Any], tokens_per_step: int) -> dict[str, Any]:
    """Where a checkpoint comes from; if it was stopped, what it has read, for rows hold conversations in order."""
    origin: dict[str, Any] = state["origin"]
    tokens = min(origin["tokens"], state["step"] * tokens_per_step)
    return origin | {"tokens": tokens, "conversations": math.ceil(origin["conversations"] * tokens / origin["tokens"])}


def chats(seed: int) -> Iterator[Segments]:
    return map(segments, conversations(seed, UNBOUNDED))


def budget(arguments: argparse.Namespace) -> int:
    """Tokens of the chat model. The speed, by which `--minutes` are tokens, is measured once, so that it can resume."""
    if arguments.minutes is None:
        return int(arguments.tokens)

    def speed() -> float:
        few: Rows = make_rows(load_tokenizer(arguments.work / "tokenizer.json"), chats(arguments.seed), 300)[0]
        return measured_speed(Shape(), few, Training(tokens=300 * ROW, seed=arguments.seed, lanes=arguments.threads))

    settings = {"seed": arguments.seed, "threads": arguments.threads}
    return int(kept(arguments.work / "speed.json", settings, speed) * arguments.minutes * 60)


if __name__ == "__main__":
    main()
