"""Practice: the model writes, the grammar says what came of it, and the model learns from that.

What aligned models get from reinforcement learning with a verifier, after a training that only read. Each step it
writes user's turns (with nothing before them, under a domain's system prompt, after a first turn) and replies to its
own, all at temperature 1. What is valid and right becomes likelier, what is not less likely; rows of the corpus in the
same step hold it to the corpus in everything that the grammar does not judge.

Knows the grammar, the sampler and the trainer's optimisers; knows nothing of export and of figures.
"""

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from random import Random

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from fledgling.attempts import Context, Ledger, answerable, contexts, outcome, reach_of, wanted_shares
from fledgling.model import Fledgling
from fledgling.rows import Rows, pack, stack
from fledgling.sample import Sampler
from fledgling.systems import DOMAINS
from fledgling.train import Trainer, can_compile, compiled, seen_by

ALIKE = 48  # tokens by which contexts of one batch may differ
PROMPT_LIMIT, REPLY_LIMIT = 80, 110  # tokens; what goes on for longer is no good


@dataclass(frozen=True)
class Practice:
    """Settings. Counts are those of one step."""

    steps: int
    seed: int = 0
    free: int = 224  # user's turns with nothing before them
    under: int = 64  # user's turns under a system prompt
    later: int = 24  # user's second turns
    replies: int = 56
    rows: int = 64  # of a step; those that attempts leave free are the corpus's
    rate: float = 0.15  # share of the full learning rate, which falls to nothing
    weight: float = 5.0  # of attempts, against the corpus
    report_every: int = 10


@dataclass(frozen=True)
class Attempt:
    context: Context
    text: str
    ids: list[int]  # all of it, what stands before included
    start: int  # where the model's own begin
    outcome: str | None = None  # what it came to; None if it is no good
    wrong: int | None = None  # the token that went wrong, where one can be blamed


# -- a step ------------------------------------------------------------------------------------------------------------


class Practicing:
    """A model that practices, with the optimisers that trained it."""

    def __init__(self, trainer: Trainer, tokenizer: Tokenizer, practice: Practice, corpus: Rows) -> None:
        self.trainer, self.tokenizer, self.practice = trainer, tokenizer, practice
        self.corpus, self.used = corpus, 0
        self.loss = weighted(trainer.model)
        self.rng, self.ledger, self.wanted = Random(practice.seed), Ledger(), wanted_shares()
        self.samplers = [Sampler(trainer.model, tokenizer, practice.seed + lane) for lane in range(self.lanes)]

    @property
    def lanes(self) -> int:
        return self.trainer.settings.lanes

    def advance(self, step: int) -> dict[str, float]:
        """One step; what it found."""
        count = self.practice
        asked = self.attempt(list(contexts(count.free, count.under, count.later, self.rng)), PROMPT_LIMIT)
        able = list(answerable((one.context, one.text, one.outcome) for one in asked))
        replied = self.attempt(self.rng.sample(able, min(len(able), count.replies)), REPLY_LIMIT)
        self.learn([*asked, *replied], step)
        self.ledger.fade()
        return found(asked, replied)

    def attempt(self, some: Sequence[Context], limit: int) -> list[Attempt]:
        """One attempt at each, in lanes that take turns so that each gets some of every length."""
        order = sorted(some, key=lambda one: len(one.text))
        parts = [order[lane :: self.lanes] for lane in range(self.lanes)]
        written = self.trainer.lanes.map(lambda sampler, part: write(sampler, part, limit), self.samplers, parts)
        attempts = [attempt for part in written for attempt in part]
        for one in attempts:
            self.ledger.note(one.context.kind, one.outcome)
        return attempts

    def learn(self, attempts: Sequence[Attempt], step: int) -> None:
        rows = self.rows(attempts)
        parts = [rows[lane :: self.lanes] for lane in range(self.lanes)]
        gradients = self.trainer.lanes.map(self.gradients, parts)
        for parameter, *pieces in zip(self.trainer.parameters, *gradients, strict=True):
            parameter.grad = torch.stack(pieces).sum(0)
        left = 0.5 * (1 + math.cos(math.pi * step / self.practice.steps))
        self.trainer.update(self.practice.rate * left)

    def rows(self, attempts: Sequence[Attempt]) -> Rows:
        """Attempts and the corpus in one batch; `learned` holds what each token counts, less than nothing if bad."""
        packed = pack((one.ids, self.worth(one, self.practice.weight / len(attempts))) for one in attempts)
        tried = stack(list(packed), np.float32)
        count = max(1, self.practice.rows - len(tried))
        read = self.corpus[self.used : self.used + count]
        self.used = (self.used + count) % max(1, len(self.corpus) - self.practice.rows)
        counts = read.learned / max(1, int(read.learned.sum()))
        return Rows(
            np.concatenate([tried.ids, read.ids]),
            np.concatenate([tried.texts, read.texts]),
            np.concatenate([tried.learned, counts.astype(np.float32)]),
        )

    def worth(self, one: Attempt, whole: float) -> list[float]:
        """What each token counts: together `whole` times the advantage, all of it on the token that went wrong."""
        kind, length = one.context.kind, len(one.ids) - one.start
        wanted = self.wanted.get(kind, {}).get(one.outcome or "", 1.0)
        advantage = self.ledger.advantage(kind, one.outcome, wanted)
        shares = [1 / length] * length if one.wrong is None else [float(place == one.wrong) for place in range(length)]
        return [0.0] * one.start + [whole * advantage * share for share in shares]

    def gradients(self, rows: Rows) -> tuple[Tensor, ...]:
        torch.set_num_threads(1)
        ids = torch.from_numpy(rows.ids.astype(np.int64))
        weights = torch.from_numpy(rows.learned[:, 1:]).flatten()
        places = weights.nonzero()[:, 0]
        some = ids[:, :-1], seen_by(rows), places, ids[:, 1:].flatten()[places], weights[places]
        for dynamic in some[2:]:
            torch._dynamo.mark_dynamic(dynamic, 0)  # their number differs from step to step
        with torch.autocast("cpu", torch.bfloat16):
            loss = self.loss(*some)
        gradients: tuple[Tensor, ...] = torch.autograd.grad(loss, self.trainer.parameters)
        return gradients


def weighted(model: Fledgling) -> Callable[..., Tensor]:
    return compiled(model.weighted_loss) if can_compile() else model.weighted_loss


def write(sampler: Sampler, some: Sequence[Context], limit: int) -> list[Attempt]:
    """An attempt at each, in batches of contexts of about one length, so that little is padding."""
    torch.set_num_threads(1)
    before = [encoding.ids for encoding in sampler.tokenizer.encode_batch([one.text for one in some])]
    attempts = []
    for _, group in groupby(zip(some, before, strict=True), key=lambda one: len(one[1]) // ALIKE):
        contexts, ids = zip(*group, strict=True)
        written = sampler.batch(list(ids), limit, temperature=1.0)
        attempts += [finished(sampler, *one) for one in zip(contexts, ids, written, strict=True)]
    return attempts


def finished(sampler: Sampler, context: Context, before: list[int], new: list[int]) -> Attempt:
    text = sampler.text(new)
    good = outcome(context, text.text) if text.ended and text.text else None
    wrong = wrong_token(sampler.tokenizer, context, text.text, new) if good is None else None
    return Attempt(context, text.text, [*before, *new], len(before), good, wrong)


def wrong_token(tokenizer: Tokenizer, context: Context, text: str, new: list[int]) -> int | None:
    """The first token after which the text can be nothing good; the last one, if it ended too early."""
    reach = reach_of(context, text)
    if reach is None:
        return None
    for place in range(len(new)):
        if len(tokenizer.decode(new[: place + 1], skip_special_tokens=True)) > reach:
            return place
    return len(new) - 1


def found(asked: Sequence[Attempt], replied: Sequence[Attempt]) -> dict[str, float]:
    sorts = {
        "valid": [one for one in asked if one.context.kind == "free"],
        "steered": [one for one in asked if one.context.kind in DOMAINS],
        "on topic": [one for one in asked if one.context.kind == "later"],
        "right": replied,
    }
    return {name: sum(one.outcome is not None for one in some) / max(1, len(some)) for name, some in sorts.items()}


# -- all of it ---------------------------------------------------------------------------------------------------------


def practice_with(trainer: Trainer, tokenizer: Tokenizer, practice: Practice, corpus: Rows, log: Path) -> None:
    """Changes the trainer's model. `log` gets a line of JSON for each report."""
    practicing, started = Practicing(trainer, tokenizer, practice, corpus), time.monotonic()
    lately: list[dict[str, float]] = []
    for step in range(practice.steps):
        lately.append(practicing.advance(step))
        if (step + 1) % practice.report_every == 0 or step + 1 == practice.steps:
            report(step + 1, practice.steps, lately, time.monotonic() - started, log)
            lately.clear()


def report(step: int, steps: int, lately: Sequence[dict[str, float]], seconds: float, log: Path) -> None:
    means = {name: sum(one[name] for one in lately) / len(lately) for name in lately[0]}
    shown = "  ".join(f"{name} {value:.3f}" for name, value in means.items())
    print(f"practice {step}/{steps}  {shown}  {(steps - step) * seconds / step / 60:.0f} min left", flush=True)
    with log.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps({"step": step, **means}) + "\n")
