"""A sequence classifier on fledgling's body, and its training on graded responses.

The body goes on learning to write right responses; a head of one number learns, at every token of a response, whether
all so far is right. The last token's number is the score. Stopped and started again with the same settings, training
goes on from its last checkpoint.
"""

import json
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from fledgling.graded import GradedRows
from fledgling.model import Fledgling, Norm
from fledgling.train import Muon, can_compile, split_parameters


@dataclass(frozen=True)
class Grading:
    """Settings of the training of a classifier."""

    steps: int
    seed: int = 0
    batch: int = 16  # rows
    rate: float = 0.35  # share of the rates that the body was trained with
    muon_rate: float = 0.02
    adam_rate: float = 4e-3
    weight_decay: float = 0.05
    warmup: int = 40  # steps
    smoothing: float = 0.01  # of the last token's label, which bounds the score
    last: float = 1.0  # weights of the parts of the loss, beside that of every token
    pairs: float = 0.5
    writing: float = 0.3
    checkpoint_every: int = 25
    report_every: int = 25


class Classifier(nn.Module):
    """A body and `score`, a head without bias, as in transformers' classifiers. Scores [batch, length]."""

    def __init__(self, body: Fledgling) -> None:
        super().__init__()
        self.body = body
        self.score = nn.Linear(body.shape.width, 1, bias=False)
        nn.init.zeros_(self.score.weight)

    def forward(self, ids: Tensor, positions: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        scores: Tensor = self.score(self.body.hidden(ids, positions, None, mask))[..., 0]
        return scores


@torch.no_grad()
def with_norms(body: Fledgling, ids: Tensor) -> Fledgling:
    """The same weights with normed queries and keys, whose sizes are those that they have on `ids` on average.

    It is not the same model any more: it has to read a while to be as good again.
    """
    made = Fledgling(replace(body.shape, normed=True))
    made.load_state_dict(body.state_dict(), strict=False)
    x = body.model.embed_tokens(ids)
    cos, sin = body.cos[: ids.shape[1]], body.sin[: ids.shape[1]]
    for layer, other in zip(body.model.layers, made.model.layers, strict=True):
        normed = layer.input_layernorm(x)
        for name in ("q", "k"):
            parts = getattr(layer.self_attn, f"{name}_proj")(normed).unflatten(-1, (body.shape.heads, -1))
            norm: Norm = getattr(other.self_attn, f"{name}_norm")
            norm.weight.fill_(float(parts.square().mean(-1).sqrt().mean()))
        x = layer(x, cos, sin, None, None)
    return made




class Trainer:
    """A classifier, its optimisers and the step they have reached."""

    def __init__(self, model: Classifier, rows: GradedRows, settings: Grading) -> None:
        torch.manual_seed(settings.seed)
        self.model, self.rows, self.settings, self.step = model, rows, settings, 0
        self.identity = {"settings": asdict(settings), "shape": asdict(model.body.shape), "rows": digest(rows)}
        matrices, rest = split_parameters(model.body)
        self.rest = [*rest, model.score.weight]
        self.muon = Muon(matrices)
        self.adam = torch.optim.AdamW(self.rest, lr=settings.adam_rate, betas=(0.9, 0.95), weight_decay=0.0)
        self.pool = ThreadPoolExecutor(1)
        hidden = model.body.hidden
        self.hidden: Callable[..., Tensor] = torch.compile(hidden) if can_compile() else hidden

    def rate(self) -> float:
        climb = min(1.0, (self.step + 1) / self.settings.warmup)
        falling = 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * self.step / self.settings.steps))
        return self.settings.rate * climb * falling

    def advance(self) -> dict[str, float]:
        size = self.settings.batch
        start = self.step * size % max(1, len(self.rows) - size + 1)
        batch = self.rows[slice(start, start + size)]
        with torch.autocast("cpu", torch.bfloat16):
            losses = self.losses(batch)
        total = losses["token"] + self.settings.last * losses["last"] + self.settings.pairs * losses["pairs"]
        (total + self.settings.writing * losses["writing"]).backward()
        nn.utils.clip_grad_norm_(self.rest, 1.0)
        rate = self.rate()
        for group in self.adam.param_groups:
            group["lr"] = self.settings.adam_rate * rate
        self.adam.step()
        momentum = 0.85 + 0.1 * min(1.0, self.step / 300)
        self.muon.step(self.settings.muon_rate * rate, self.settings.weight_decay, momentum, self.pool)
        self.model.zero_grad(set_to_none=True)
        self.step += 1
        return {name: float(loss.detach()) for name, loss in losses.items()}

    def losses(self, batch: GradedRows) -> dict[str, Tensor]:
        ids, positions, mask = inputs(batch)
        states = self.hidden(ids, positions, None, mask)
        scores = self.model.score(states)[..., 0].float()
        label, last = torch.from_numpy(batch.label.astype(np.int64)), torch.from_numpy(batch.last)
        told = label >= 0
        smooth = label[last].float().clamp(self.settings.smoothing, 1 - self.settings.smoothing)
        return {
            "token": functional.binary_cross_entropy_with_logits(scores[told], label[told].float()),
            "last": functional.binary_cross_entropy_with_logits(scores[last], smooth),
            "pairs": pair_loss(scores, label, last, torch.from_numpy(batch.group.astype(np.int64))),
            "writing": writing_loss(self.model.body, states, ids, batch),
        }

    def save(self, path: Path, origin: dict[str, Any]) -> None:
        state = {
            "identity": self.identity, "origin": origin, "step": self.step, "model": self.model.state_dict(),
            "adam": self.adam.state_dict(), "momenta": self.muon.momenta,
        }  # fmt: skip
        torch.save(state, path.with_suffix(".part"))
        path.with_suffix(".part").replace(path)

    def resume(self, path: Path) -> bool:
        if not path.exists():
            return False
        state = torch.load(path)
        if state["identity"] != self.identity:
            return False
        self.model.load_state_dict(state["model"])
        self.adam.load_state_dict(state["adam"])
        self.muon.momenta, self.step = state["momenta"], state["step"]
        return True


def inputs(rows: GradedRows) -> tuple[Tensor, Tensor, Tensor]:
    """Ids, positions, and what is added to the scores of attention: a response sees its instruction and itself."""
    group, part = torch.from_numpy(rows.group.astype(np.int64)), torch.from_numpy(rows.part.astype(np.int64))
    same = group[:, :, None] == group[:, None, :]
    visible = (part[:, None, :] == 0) | (part[:, :, None] == part[:, None, :])
    seen = (same & visible).tril()[:, None]
    mask = torch.zeros(seen.shape, dtype=torch.bfloat16).masked_fill_(~seen, float("-inf"))
    ids, positions = (torch.from_numpy(array.astype(np.int64)) for array in (rows.ids, rows.position))
    return ids, positions, mask


def pair_loss(scores: Tensor, label: Tensor, last: Tensor, group: Tensor) -> Tensor:
    """Bradley and Terry's, over all pairs of a right and a wrong response to one instruction."""
    rows = torch.arange(len(scores))[:, None].expand_as(scores)[last]
    place, score, right = rows * 256 + group[last], scores[last], label[last] == 1
    pairs = (place[:, None] == place[None, :]) & right[:, None] & ~right[None, :]
    apart = (score[:, None] - score[None, :])[pairs]
    return -functional.logsigmoid(apart).mean() if len(apart) else score.sum() * 0


def writing_loss(body: Fledgling, states: Tensor, ids: Tensor, batch: GradedRows) -> Tensor:
    """Cross-entropy of the next token within right responses."""
    written, part = torch.from_numpy(batch.written), torch.from_numpy(batch.part.astype(np.int64))
    group = torch.from_numpy(batch.group.astype(np.int64))
    goes_on = written[:, :-1] & (part[:, 1:] == part[:, :-1]) & (group[:, 1:] == group[:, :-1])
    logits = functional.linear(states[:, :-1][goes_on], body.model.embed_tokens.weight)
    return functional.cross_entropy(logits.float(), ids[:, 1:][goes_on])


def digest(rows: GradedRows) -> str:
    import hashlib

    made = hashlib.sha256()
    for name in ("ids", "group", "part", "label"):
        made.update(getattr(rows, name).tobytes())
    return made.hexdigest()


def train_classifier(
    model: Classifier, rows: GradedRows, settings: Grading, work: Path, origin: dict[str, Any]
) -> Classifier:
    """Trains to the last step. In `work` it keeps checkpoint.pt and, a line a report, train.jsonl."""
    work.mkdir(parents=True, exist_ok=True)
    trainer, checkpoint, started = Trainer(model, rows, settings), work / "checkpoint.pt", time.monotonic()
    if trainer.resume(checkpoint):
        print(f"going on from step {trainer.step} of {settings.steps}", flush=True)
    first, sums = trainer.step, dict[str, float]()
    while trainer.step < settings.steps:
        for name, loss in trainer.advance().items():
            sums[name] = sums.get(name, 0.0) + loss / settings.report_every
        if trainer.step % settings.report_every == 0:
            pace = (time.monotonic() - started) / (trainer.step - first)
            shown = "  ".join(f"{name} {value:.3f}" for name, value in sums.items())
            print(f"step {trainer.step}/{settings.steps}  {shown}  {(settings.steps - trainer.step) * pace / 60:.0f} min left", flush=True)
            with (work / "train.jsonl").open("a", encoding="utf-8") as lines:
                lines.write(json.dumps({"step": trainer.step, **sums}) + "\n")
            sums = {}
        if trainer.step % settings.checkpoint_every == 0 or trainer.step == settings.steps:
            trainer.save(checkpoint, origin)
    return trainer.model
