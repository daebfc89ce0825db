"""Trains the model on rows of tokens: Muon for matrices, AdamW for the rest, a cosine that ends with the tokens.

Knows rows [count, length + 1] and a token budget; knows no text. Stopped and started again with the same settings, it
goes on from its last checkpoint and ends with the same weights (on the same machine, with as many threads).
"""

import hashlib
import math
import time
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from fledgling.model import Fledgling, Shape


@dataclass(frozen=True)
class Training:
    """Settings of a training run."""

    tokens: int
    seed: int = 0
    batch: int = 12  # rows
    muon_rate: float = 0.02
    adam_rate: float = 4e-3
    weight_decay: float = 0.05  # on matrices, times the rate
    warmup: int = 60  # steps
    checkpoint_every: int = 200  # steps
    report_every: int = 25  # steps


class Muon:
    """Momentum whose update is made orthogonal (Jordan et al. 2024), for all matrices of one size at a time."""

    def __init__(self, matrices: list[nn.Parameter]) -> None:
        by_size: dict[tuple[int, ...], list[nn.Parameter]] = defaultdict(list)
        for matrix in matrices:
            by_size[tuple(matrix.shape)].append(matrix)
        self.groups = list(by_size.values())
        self.momenta = [torch.zeros_like(torch.stack(list(group))) for group in self.groups]

    @torch.no_grad()
    def step(self, rate: float, decay: float, momentum: float) -> None:
        for group, average in zip(self.groups, self.momenta, strict=True):
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
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    return (x.mT if tall else x).to(matrices.dtype)


class Trainer:
    """A model, its two optimisers and the step they have reached."""

    def __init__(self, shape: Shape, rows: np.ndarray, settings: Training) -> None:
        torch.manual_seed(settings.seed)
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.settings, self.rows, self.step = settings, rows, 0
        self.identity = {"settings": asdict(settings), "shape": asdict(shape), "rows": digest(rows)}
        self.model = Fledgling(shape).to(self.device)
        matrices, rest = split_parameters(self.model)
        self.muon = Muon(matrices)
        self.adam = torch.optim.AdamW(rest, lr=settings.adam_rate, betas=(0.9, 0.95), weight_decay=0.0)
        self.rest = rest
        self.tokens_per_step = settings.batch * (rows.shape[1] - 1)
        self.steps = settings.tokens // self.tokens_per_step

    def batch(self) -> Tensor:
        """The rows of this step: the corpus in a new order each time it has been read through."""
        size = self.settings.batch
        per_epoch = len(self.rows) // size
        epoch, place = divmod(self.step, per_epoch)
        order = np.random.default_rng([self.settings.seed, epoch]).permutation(len(self.rows))
        chosen = self.rows[order[place * size : (place + 1) * size]]
        return torch.from_numpy(chosen.astype(np.int64)).to(self.device)

    def rate(self) -> float:
        """Share of the full learning rate: a short climb, then half a cosine down to 2%."""
        climb = min(1.0, (self.step + 1) / self.settings.warmup)
        return climb * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * self.step / self.steps)))

    def advance(self) -> float:
        """One step; returns its loss."""
        with torch.autocast(self.device, torch.bfloat16):
            loss = self.model.loss(self.batch())
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self.rest, 1.0)
        rate = self.rate()
        for group in self.adam.param_groups:
            group["lr"] = self.settings.adam_rate * rate
        self.adam.step()
        momentum = 0.85 + 0.1 * min(1.0, self.step / 300)
        self.muon.step(self.settings.muon_rate * rate, self.settings.weight_decay, momentum)
        self.model.zero_grad(set_to_none=True)
        self.step += 1
        return float(loss.detach())

    def save(self, path: Path) -> None:
        state = {
            "identity": self.identity,
            "step": self.step,
            "model": self.model.state_dict(),
            "adam": self.adam.state_dict(),
            "momenta": self.muon.momenta,
        }
        torch.save(state, path.with_suffix(".part"))
        path.with_suffix(".part").replace(path)

    def resume(self, path: Path) -> bool:
        """Goes on from `path` if it is a checkpoint of the same settings, shape and rows."""
        if not path.exists():
            return False
        state = torch.load(path, map_location=self.device)
        if state["identity"] != self.identity:
            return False
        self.model.load_state_dict(state["model"])
        self.adam.load_state_dict(state["adam"])
        self.muon.momenta, self.step = state["momenta"], state["step"]
        return True


def digest(rows: np.ndarray) -> str:
    return hashlib.sha256(rows.tobytes()).hexdigest()


def split_parameters(model: Fledgling) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Matrices of the layers for Muon; embeddings and norms for AdamW."""
    named = list(model.named_parameters())
    is_matrix = [parameter.ndim == 2 and "embed" not in name for name, parameter in named]
    matrices = [parameter for (_, parameter), chosen in zip(named, is_matrix, strict=True) if chosen]
    return matrices, [parameter for (_, parameter), chosen in zip(named, is_matrix, strict=True) if not chosen]


def train(shape: Shape, rows: np.ndarray, settings: Training, checkpoint: Path) -> Fledgling:
    """Trains to the end of the token budget, printing progress and saving `checkpoint` as it goes."""
    trainer = Trainer(shape, rows, settings)
    if trainer.resume(checkpoint):
        print(f"going on from step {trainer.step} of {trainer.steps}", flush=True)
    print(f"{trainer.model.parameter_count():,} parameters, {trainer.steps} steps on {trainer.device}", flush=True)
    started, first = time.monotonic(), trainer.step
    while trainer.step < trainer.steps:
        loss = trainer.advance()
        if trainer.step % settings.report_every == 0:
            report(trainer, loss, (trainer.step - first) / (time.monotonic() - started))
        if trainer.step % settings.checkpoint_every == 0 or trainer.step == trainer.steps:
            trainer.save(checkpoint)
    return trainer.model


def report(trainer: Trainer, loss: float, steps_per_second: float) -> None:
    left = (trainer.steps - trainer.step) / steps_per_second / 60
    speed = trainer.tokens_per_step * steps_per_second
    print(
        f"step {trainer.step}/{trainer.steps}  loss {loss:.3f}  {speed:,.0f} tokens/s  {left:.0f} min left", flush=True
    )
