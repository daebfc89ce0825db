"""Trains the model on rows of tokens: Muon for matrices, AdamW for the rest, a cosine that ends with the tokens.

Knows rows and a token budget; knows no text, and what is evaluated on the way is handed to it. Stopped and started
again with the same settings, it goes on from its last checkpoint and ends with the same weights (on the same machine).
"""

import json
import math
import os
import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fledgling.model import Fledgling, Shape
from fledgling.rows import ROW, Rows


@dataclass(frozen=True)
class Training:
    """Settings of a training run."""

    tokens: int
    seed: int = 0
    batch: int = 16  # rows
    lanes: int = 1  # parts of a batch that are computed side by side, each in one thread
    muon_rate: float = 0.02
    adam_rate: float = 4e-3
    weight_decay: float = 0.05  # on matrices, times the rate
    warmup: int = 100  # steps
    checkpoint_every: int = 200  # steps
    evaluate_every: int = 800  # steps
    report_every: int = 50  # steps


class Muon:
    """Momentum whose update is made orthogonal (Jordan et al. 2024), for all matrices of one size at a time."""

    def __init__(self, matrices: list[nn.Parameter]) -> None:
        by_size: dict[tuple[int, ...], list[nn.Parameter]] = defaultdict(list)
        for matrix in matrices:
            by_size[tuple(matrix.shape)].append(matrix)
        self.groups = list(by_size.values())
        self.momenta = [torch.zeros_like(torch.stack(list(group))) for group in self.groups]

    def step(self, rate: float, decay: float, momentum: float, pool: Executor) -> None:
        """Sizes are updated side by side in the threads of `pool`."""
        list(pool.map(lambda group, average: step(group, average, rate, decay, momentum), self.groups, self.momenta))


@torch.no_grad()
def step(group: list[nn.Parameter], average: Tensor, rate: float, decay: float, momentum: float) -> None:
    gradient = torch.stack([matrix.grad for matrix in group if matrix.grad is not None])
    average.lerp_(gradient, 1 - momentum)
    update = orthogonal(gradient.lerp(average, momentum))
    rows, columns = group[0].shape
    scale = rate * math.sqrt(max(1.0, rows / columns))
    for matrix, change in zip(group, update, strict=True):
        matrix.mul_(1 - rate * decay).add_(change, alpha=-scale)


def orthogonal(matrices: Tensor) -> Tensor:
    """Five Newton-Schulz steps towards the nearest matrices with equal singular values."""
    tall = matrices.shape[-2] > matrices.shape[-1]
    x: Tensor = (matrices.mT if tall else matrices).bfloat16()
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(5):
        square = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(square, square, square, beta=-4.7750, alpha=2.0315), x, beta=3.4445)
    return (x.mT if tall else x).to(matrices.dtype)


class Trainer:
    """A model, its two optimisers and the step they have reached."""

    def __init__(self, shape: Shape, rows: Rows, settings: Training) -> None:
        torch.manual_seed(settings.seed)
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.settings, self.rows, self.step = settings, rows, 0
        self.identity: dict[str, Any] = {"settings": asdict(settings), "shape": asdict(shape), "rows": rows.digest()}
        self.model = Fledgling(shape).to(self.device)
        self.loss = compiled(self.model.loss) if can_compile() else self.model.loss
        self.parameters = tuple(self.model.parameters())
        self.lanes = ThreadPoolExecutor(settings.lanes)
        matrices, self.rest = split_parameters(self.model)
        self.muon = Muon(matrices)
        self.adam = torch.optim.AdamW(self.rest, lr=settings.adam_rate, betas=(0.9, 0.95), weight_decay=0.0, fused=True)
        self.tokens_per_step = settings.batch * ROW
        self.steps = settings.tokens // self.tokens_per_step

    def batch(self) -> Rows:
        """The rows of this step. They were drawn at random, so their own order will do, and a larger budget goes on."""
        size = self.settings.batch
        return self.rows[slice(self.step * size, (self.step + 1) * size)]

    def rate(self) -> float:
        """Share of the full learning rate: a short climb, then half a cosine down to 2%."""
        climb = min(1.0, (self.step + 1) / self.settings.warmup)
        return climb * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * self.step / self.steps)))

    def advance(self) -> float:
        """One step; returns its loss."""
        return self.learn(self.batch(), self.rate())

    def learn(self, batch: Rows, rate: float) -> float:
        parts = [batch[place :: self.settings.lanes] for place in range(self.settings.lanes)]
        learned = int(batch.learned.sum())
        losses, gradients = zip(*self.lanes.map(lambda part: self.gradients(part, learned), parts), strict=True)
        for parameter, *pieces in zip(self.parameters, *gradients, strict=True):
            parameter.grad = torch.stack(pieces).sum(0) if len(pieces) > 1 else pieces[0]
        self.update(rate)
        return sum(losses)

    def gradients(self, rows: Rows, learned: int) -> tuple[float, tuple[Tensor, ...]]:
        """Of some rows of a batch with `learned` tokens to learn: their share of its loss, and the gradients of that.

        Runs in a thread of its own. Lanes meet once a step, where threads inside of operations would meet two hundred
        times: on a machine with other work that is much faster, and sums come out the same every time.
        """
        torch.set_num_threads(1)
        ids, mask, places, targets = inputs(rows, self.device)
        for dynamic in (places, targets):
            torch._dynamo.mark_dynamic(dynamic, 0)  # their number differs from step to step
        with torch.autocast(self.device, torch.bfloat16):
            loss = self.loss(ids, mask, places, targets) * (len(targets) / learned)
        return float(loss.detach()), torch.autograd.grad(loss, self.parameters)

    def update(self, rate: float) -> None:
        """Changes the weights by their gradients, at this share of the full learning rate."""
        nn.utils.clip_grad_norm_(self.rest, 1.0)
        for group in self.adam.param_groups:
            group["lr"] = self.settings.adam_rate * rate
        self.adam.step()
        momentum = 0.85 + 0.1 * min(1.0, self.step / 300)
        self.muon.step(self.settings.muon_rate * rate, self.settings.weight_decay, momentum, self.lanes)
        self.model.zero_grad(set_to_none=True)
        self.step += 1

    @torch.no_grad()
    def loss_of(self, rows: Rows) -> float:
        """Mean loss over rows that training does not see."""
        size = self.settings.batch
        losses = []
        for start in range(0, len(rows), size):
            with torch.autocast(self.device, torch.bfloat16):
                losses.append(float(self.model.loss(*inputs(rows[start : start + size], self.device))))
        return sum(losses) / len(losses)

    def save(self, path: Path, origin: dict[str, Any]) -> None:
        state = {
            "identity": self.identity,
            "origin": origin,
            "step": self.step,
            "model": self.model.state_dict(),
            "adam": self.adam.state_dict(),
            "momenta": self.muon.momenta,
        }
        torch.save(state, path.with_suffix(".part"))
        path.with_suffix(".part").replace(path)

    def resume(self, path: Path, extend: bool) -> bool:
        """Goes on from `path` if it is a checkpoint of the same settings, shape and rows; or, to `extend` it, of a
        smaller budget, whose rows are the first of these."""
        if not path.exists():
            return False
        state = torch.load(path, map_location=self.device)
        known = state["identity"] == self.identity or (extend and state["identity"] == self.smaller(state["identity"]))
        if known:
            self.take(state)
        return known

    def load(self, path: Path) -> dict[str, Any]:
        """Goes on from `path`, whatever it was trained on; returns what else it holds."""
        state: dict[str, Any] = torch.load(path, map_location=self.device)
        self.take(state)
        return state

    def take(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.adam.load_state_dict(state["adam"])
        self.muon.momenta, self.step = state["momenta"], state["step"]

    def smaller(self, other: dict[str, Any]) -> dict[str, Any]:
        """What this training would be with the budget of `other`."""
        tokens = other["settings"]["tokens"]
        rows = self.rows[slice(tokens // ROW)]
        return {**self.identity, "settings": {**self.identity["settings"], "tokens": tokens}, "rows": rows.digest()}


def rest(trainer: Trainer, rate: float) -> None:
    """Reads all of the trainer's rows, at a share of the full learning rate that falls from `rate` to nothing."""
    size = trainer.settings.batch
    for step in range(trainer.steps):
        trainer.learn(trainer.rows[slice(step * size, (step + 1) * size)], rate * (1 - step / trainer.steps))


def can_compile() -> bool:
    """Compiled, a step on a CPU takes two thirds of the time; without a C++ compiler it is only slower."""
    return torch.cuda.is_available() or shutil.which(os.environ.get("CXX", "g++")) is not None


def compiled(loss: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """On a CPU in one piece of C++: Python's lock is free while it runs, so that lanes do not wait for each other."""
    options: dict[str, Any] = {} if torch.cuda.is_available() else {"cpp_wrapper": True}
    return torch.compile(loss, options=options)


def inputs(rows: Rows, device: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What `Fledgling.loss` takes: a token sees those before it in its own text, and no other text of its row.

    A token that counts several times is there as often.
    """
    ids = torch.from_numpy(rows.ids.astype(np.int64))
    counts = torch.from_numpy(rows.learned[:, 1:].astype(np.int64)).flatten()
    learned = torch.arange(len(counts)).repeat_interleave(counts)
    targets = ids[:, 1:].flatten()[learned]
    return ids[:, :-1].to(device), seen_by(rows).to(device), learned.to(device), targets.to(device)


def seen_by(rows: Rows) -> Tensor:
    """What is added to the scores of attention, so that a token sees only those before it in its own text."""
    texts = torch.from_numpy(rows.texts[:, :-1])
    seen = (texts[:, :, None] == texts[:, None, :]).tril()[:, None]
    return torch.zeros(seen.shape, dtype=torch.bfloat16).masked_fill_(~seen, float("-inf"))


Evaluate = Callable[[Trainer], Mapping[str, float]]


def split_parameters(model: Fledgling) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Matrices of the layers for Muon; embeddings and norms for AdamW."""
    named = list(model.named_parameters())
    is_matrix = [parameter.ndim == 2 and "embed" not in name for name, parameter in named]
    matrices = [parameter for (_, parameter), chosen in zip(named, is_matrix, strict=True) if chosen]
    return matrices, [parameter for (_, parameter), chosen in zip(named, is_matrix, strict=True) if not chosen]


def train(
    shape: Shape,
    rows: Rows,
    settings: Training,
    work: Path,
    origin: dict[str, Any],
    evaluate: Evaluate,
    extend: bool = False,
) -> Fledgling:
    """Trains to the end of the token budget. In `work` it keeps checkpoint.pt and, a line a report, train.jsonl."""
    trainer, checkpoint = Trainer(shape, rows, settings), work / "checkpoint.pt"
    if trainer.resume(checkpoint, extend):
        print(f"going on from step {trainer.step} of {trainer.steps}", flush=True)
    print(f"{trainer.model.parameter_count():,} parameters, {trainer.steps} steps on {trainer.device}", flush=True)
    watch = Watch(trainer, work / "train.jsonl")
    while trainer.step < trainer.steps:
        loss = trainer.advance()
        if trainer.step % settings.report_every == 0:
            watch.report({"loss": loss})
        if trainer.step % settings.checkpoint_every == 0 or trainer.step == trainer.steps:
            trainer.save(checkpoint, origin)
        if trainer.step % settings.evaluate_every == 0 or trainer.step == trainer.steps:
            watch.report(evaluate(trainer))
    return trainer.model


class Watch:
    """Prints how training goes, and writes the same as JSON lines."""

    def __init__(self, trainer: Trainer, log: Path) -> None:
        self.trainer, self.log = trainer, log
        self.started, self.first = time.monotonic(), trainer.step

    def report(self, figures: Mapping[str, float]) -> None:
        step, steps = self.trainer.step, self.trainer.steps
        pace = (time.monotonic() - self.started) / max(1, step - self.first)  # seconds a step, evaluations included
        speed, left = self.trainer.tokens_per_step / pace, (steps - step) * pace / 60
        shown = "  ".join(f"{name} {value:.3f}" for name, value in figures.items())
        print(f"step {step}/{steps}  {shown}  {speed:,.0f} tokens/s  {left:.0f} min left", flush=True)
        with self.log.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps({"step": step, "tokens": step * self.trainer.tokens_per_step, **figures}) + "\n")


def measured_speed(shape: Shape, rows: Rows, settings: Training, steps: int = 10) -> float:
    """Tokens per second of a few steps of a model that is thrown away."""
    trainer = Trainer(shape, rows, settings)
    trainer.advance()  # compiles
    started = time.monotonic()
    for _ in range(steps):
        trainer.advance()
    return steps * trainer.tokens_per_step / (time.monotonic() - started)
