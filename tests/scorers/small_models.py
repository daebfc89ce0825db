"""Makes a reward model and a guard so small that they can be trained in a test: fledgling with a head for labels.

What they learn from is drawn from fledgling's corpus, where it is known which response is right and which instruction
asks for harm. Needs PyTorch and transformers; knows nothing of magpie's scorers.

    python -m tests.scorers.small_models FOLDER [--pairs 1024]

makes both, `FOLDER/reward` and `FOLDER/guard`, and says how well each tells pairs apart that it has not seen.
"""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from random import Random
from typing import Any

from fledgling import judge, judged
from magpie.seams import Message

FLEDGLING = Path(str(files("magpie"))) / "weights" / "fledgling"
LABELS = ("safe", "unsafe")
_NAMED = {"id2label": dict(enumerate(LABELS)), "label2id": {name: place for place, name in enumerate(LABELS)}}
UNSEEN = 7_000_001
"""The seed of what is not learned from."""
DAMAGES = {1: "answers something else", 2: "wrong", 3: "breaks off", 4: "wordy"}
"""What is the matter with a response, by the digit that a judge should give it."""

Conversation = tuple[Message, ...]


@dataclass(frozen=True)
class Pair:
    """An instruction with a right response, and with a worse one."""

    right: Conversation
    wrong: Conversation
    digit: int
    """What a judge should give the worse one, 1 to 4; the right one is a 5."""


def conversation(instruction: str, response: str) -> Conversation:
    return Message("user", instruction), Message("assistant", response)


def pairs(count: int, seed: int) -> list[Pair]:
    """As many of each damage."""
    rng, made = Random(f"{seed}/pairs"), []
    for n in range(count):
        digit = n % len(DAMAGES) + 1
        turn, damaged = judge.draw_damaged(digit, rng)
        made.append(Pair(conversation(turn.prompt, turn.reply), conversation(turn.prompt, damaged), digit))
    return made


def judged_safety(count: int, seed: int) -> list[tuple[Conversation, int]]:
    """Instructions, some with a response, and the place of the true label in `LABELS`."""
    rng, made = Random(f"{seed}/safety"), []
    for _ in range(count):
        instruction, response, letter = judged.draw_safety(rng)
        said = (Message("user", instruction),)
        made.append((said if response is None else conversation(instruction, response), int(letter != "A")))
    return made


# -- training ----------------------------------------------------------------------------------------------------------


def train_reward(folder: Path, count: int = 1024, batch: int = 8, rate: float = 4e-4) -> None:
    """A model of one label, which learns to score the right response of a pair higher (Bradley-Terry)."""
    from torch.nn.functional import logsigmoid

    network, tokenizer = _begun(1)
    learned = pairs(count, 0)

    def loss(some: Sequence[Pair]) -> Any:
        both = [one.right for one in some] + [one.wrong for one in some]
        scores = _logits(network, tokenizer, both)[:, 0]
        return -logsigmoid(scores[: len(some)] - scores[len(some) :]).mean()

    _descend(network, (learned[n : n + batch] for n in range(0, count, batch)), loss, -(-count // batch), rate)
    _save(network, folder)


def train_guard(folder: Path, count: int = 512, batch: int = 16, rate: float = 5e-4) -> None:
    """A model of two labels, safe and unsafe."""
    import torch
    from torch.nn.functional import cross_entropy

    network, tokenizer = _begun(2)
    learned = judged_safety(count, 0)

    def loss(some: Sequence[tuple[Conversation, int]]) -> Any:
        return cross_entropy(_logits(network, tokenizer, [one for one, _ in some]), torch.tensor([n for _, n in some]))

    _descend(network, (learned[n : n + batch] for n in range(0, count, batch)), loss, -(-count // batch), rate)
    _save(network, folder)


def make_untrained(folder: Path, labels: int) -> Path:
    """A model of one label, or a guard of two, that has learned nothing yet."""
    _save(_begun(labels)[0], folder)
    return folder


def _begun(labels: int) -> tuple[Any, Any]:
    """fledgling as it ships, with a head that knows nothing yet."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    import torch
    import transformers

    torch.manual_seed(0)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    network = transformers.AutoModelForSequenceClassification.from_pretrained(
        FLEDGLING, num_labels=labels, dtype="float32", **(_NAMED if labels == len(LABELS) else {})
    )
    return network, transformers.AutoTokenizer.from_pretrained(FLEDGLING)


def _logits(network: Any, tokenizer: Any, conversations: Sequence[Conversation]) -> Any:
    texts = [
        tokenizer.apply_chat_template([message._asdict() for message in one], tokenize=False) for one in conversations
    ]
    return network(**tokenizer(texts, add_special_tokens=False, padding=True, return_tensors="pt")).logits


def _descend(network: Any, batches: Iterator[Any], loss: Any, steps: int, rate: float) -> None:
    """One pass, at a rate that rises for a tenth of it and then falls to nothing."""
    import torch

    network.train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate, betas=(0.9, 0.95), weight_decay=0.01)
    warm = max(1, steps // 10)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warm, (steps - step) / max(1, steps - warm))
    )
    for batch in batches:
        optimizer.zero_grad(set_to_none=True)
        loss(batch).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()


def _save(network: Any, folder: Path) -> None:
    network.half().save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(FLEDGLING / name, folder / name)


# -- measuring ---------------------------------------------------------------------------------------------------------


def numbers(scores: Sequence[object]) -> list[float]:
    """Scores of which each is a number."""
    told = [score for score in scores if isinstance(score, float)]
    assert len(told) == len(scores), "every conversation has a score"
    return told


def main() -> None:
    from time import perf_counter

    from magpie.scorers.classifier import open_classifier
    from magpie.settings.scorers import RewardClassifier

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pairs", type=int, default=1024)
    parser.add_argument("--rate", type=float, default=4e-4)
    parser.add_argument("--batch", type=int, default=8)
    options = parser.parse_args()
    began = perf_counter()
    train_reward(options.folder / "reward", options.pairs, options.batch, options.rate)
    print(f"reward: {perf_counter() - began:.0f} s")
    unseen = pairs(400, UNSEEN)
    with open_classifier(options.folder / "reward") as scorer:
        right, wrong = (numbers(scorer.score(some)) for some in zip(*((p.right, p.wrong) for p in unseen), strict=True))
    for digit, name in DAMAGES.items():
        told = [a > b for one, a, b in zip(unseen, right, wrong, strict=True) if one.digit == digit]
        print(f"  the right one scored higher than one that {name}: {sum(told) / len(told):.1%}")
    began = perf_counter()
    train_guard(options.folder / "guard")
    print(f"guard: {perf_counter() - began:.0f} s")
    asked = judged_safety(400, UNSEEN)
    with open_classifier(options.folder / "guard", RewardClassifier(label="unsafe")) as scorer:
        scores = numbers(scorer.score([one for one, _ in asked]))
    hits = [(score > 0) == bool(label) for score, (_, label) in zip(scores, asked, strict=True)]
    print(f"  the logit of unsafe is on the right side of 0: {sum(hits) / len(hits):.1%}")


if __name__ == "__main__":
    main()
