"""A sequence classifier: two layers and a head of one number on the chat model's body, which stays as it is.

The body knows what a right response is, since it writes one; the layers on top learn to see where a response leaves
that. At every token they learn whether all so far is right; the last token's number is the score. The body's states are
computed once and kept, so a step costs a fifth of what it would through the whole model.
"""

import hashlib
import json
import math
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from fledgling.graded import GradedRows
from fledgling.model import Fledgling, Layer, Norm, Shape
from fledgling.rows import ROW
from fledgling.train import Muon

LAYERS = 2  # on top of the body
AT_ONCE = 16  # rows whose states are computed together


@dataclass(frozen=True)
class Grading:
    """Settings of the training of the layers on top."""

    steps: int
    seed: int = 0
    batch: int = 8  # rows
    muon_rate: float = 0.02
    adam_rate: float = 4e-3
    weight_decay: float = 0.02
    warmup: int = 30  # steps
    smoothing: float = 0.01  # of the last token's label, which bounds the score
    pairs: float = 0.5  # weight of the loss of pairs, beside those of every token and of the last
    report_every: int = 20  # steps; a checkpoint is kept then, too

    def rate_at(self, step: int) -> float:
        climb = min(1.0, (step + 1) / self.warmup)
        return climb * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / self.steps)))


class Top(nn.Module):
    """Layers that begin by adding nothing, a norm, and a head without bias, as transformers' classifiers have it."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(shape) for _ in range(LAYERS))
        self.norm = Norm(shape.width)
        self.score = nn.Linear(shape.width, 1, bias=False)
        for name, parameter in self.named_parameters():
            if parameter.ndim == 2:
                adds = name.endswith(("o_proj.weight", "down_proj.weight"))
                nn.init.zeros_(parameter) if adds else nn.init.normal_(parameter, 0, 0.06)

    def forward(self, states: Tensor, cos: Tensor, sin: Tensor, mask: Tensor) -> Tensor:
        """Scores [batch, length] from the body's states [batch, length, width]."""
        for layer in self.layers:
            states = layer(states, cos, sin, None, mask)
        scores: Tensor = self.score(self.norm(states))[..., 0]
        return scores


# -- the body's states -------------------------------------------------------------------------------------------------


@torch.no_grad()
def states_of(body: Fledgling, rows: GradedRows, work: Path) -> np.ndarray:
    """What the body's last layer gives for each token, fp16 [rows, 320, width], kept in `work` and made once."""
    path, marker = work / "states.npy", work / "states.json"
    told = json.loads(marker.read_text()) if marker.exists() and path.exists() else {}
    first = told.get("rows", 0) if told.get("of") == digest(rows) else 0
    size = (len(rows), ROW, body.shape.width)
    states: np.ndarray = np.lib.format.open_memmap(path, "r+" if first else "w+", np.float16, size)
    for start in range(first, len(rows), AT_ONCE):
        batch = rows[slice(start, start + AT_ONCE)]
        ids, cos, sin, mask = inputs(body, batch)
        x = body.model.embed_tokens(ids)
        with torch.autocast("cpu", torch.bfloat16):
            for layer in body.model.layers:
                x = layer(x, cos, sin, None, mask)
        states[start : start + AT_ONCE] = x.float().numpy()
        marker.write_text(json.dumps({"of": digest(rows), "rows": start + len(batch)}))
    return states


def inputs(body: Fledgling, rows: GradedRows) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Ids, rotations, and what is added to the scores of attention: a response sees its instruction and itself."""
    group, part = (torch.from_numpy(array.astype(np.int64)) for array in (rows.group, rows.part))
    same = group[:, :, None] == group[:, None, :]
    visible = (part[:, None, :] == 0) | (part[:, :, None] == part[:, None, :])
    seen = (same & visible).tril()[:, None]
    mask = torch.zeros(seen.shape, dtype=torch.bfloat16).masked_fill_(~seen, float("-inf"))
    ids, positions = (torch.from_numpy(array.astype(np.int64)) for array in (rows.ids, rows.position))
    return ids, body.cos[positions][:, None], body.sin[positions][:, None], mask


def size_of(states: np.ndarray, rows: GradedRows) -> float:
    """The root of the mean square of the states of some rows, by which all are divided."""
    some = torch.from_numpy(np.asarray(states[:8])).float()[torch.from_numpy(rows[slice(0, 8)].group > 0)]
    return float(some.square().mean().sqrt())


# -- training ----------------------------------------------------------------------------------------------------------


def train_top(body: Fledgling, rows: GradedRows, settings: Grading, work: Path) -> tuple[Top, float]:
    """The layers on top after the last step, and the size by which the body's states were divided. In `work` it keeps
    the states, checkpoint.pt and, a line a report, train.jsonl; stopped, it goes on from there."""
    states = states_of(body, rows, work)
    scale = size_of(states, rows)
    torch.manual_seed(settings.seed)
    top = Top(body.shape)
    matrices = [one for name, one in top.named_parameters() if one.ndim == 2 and "score" not in name]
    others = [one for name, one in top.named_parameters() if not (one.ndim == 2 and "score" not in name)]
    muon, pool = Muon(matrices), ThreadPoolExecutor(1)
    adam = torch.optim.AdamW(others, lr=settings.adam_rate, betas=(0.9, 0.95), weight_decay=0.0)
    identity = {"settings": asdict(settings), "rows": digest(rows)}
    first = resumed(work / "checkpoint.pt", identity, top, adam, muon)
    started, sums = time.monotonic(), np.zeros(3)
    for step in range(first, settings.steps):
        chosen = rows_of(step, len(rows), settings)
        batch = rows[chosen]
        _, cos, sin, mask = inputs(body, batch)
        some = torch.from_numpy(np.asarray(states[chosen])).float() / scale
        with torch.autocast("cpu", torch.bfloat16):
            scores = top(some, cos, sin, mask)
        losses = losses_of(scores.float(), batch, settings.smoothing)
        (losses[0] + losses[1] + settings.pairs * losses[2]).backward()
        nn.utils.clip_grad_norm_(others, 1.0)
        rate = settings.rate_at(step)
        for group in adam.param_groups:
            group["lr"] = settings.adam_rate * rate
        adam.step()
        momentum = 0.85 + 0.1 * min(1.0, step / 200)
        muon.step(settings.muon_rate * rate, settings.weight_decay, momentum, pool)
        top.zero_grad(set_to_none=True)
        sums += [float(loss.detach()) for loss in losses]
        if (step + 1) % settings.report_every == 0 or step + 1 == settings.steps:
            report(step + 1, first, started, sums / (step % settings.report_every + 1), settings, work)
            sums[:] = 0
            state = {"top": top.state_dict(), "adam": adam.state_dict(), "momenta": muon.momenta, "step": step + 1}
            torch.save({**state, "identity": identity}, work / "checkpoint.part")
            (work / "checkpoint.part").replace(work / "checkpoint.pt")
    return top.eval(), scale


def rows_of(step: int, count: int, settings: Grading) -> np.ndarray:
    """The rows of a step, in order: the same for the same seed, wherever training was stopped."""
    epoch, place = divmod(step * settings.batch, count // settings.batch * settings.batch)
    order = np.random.default_rng(settings.seed + epoch).permutation(count)
    return np.sort(order[place : place + settings.batch])


def losses_of(scores: Tensor, batch: GradedRows, smoothing: float) -> tuple[Tensor, Tensor, Tensor]:
    """Of every token, of the last ones, and of pairs of a right and a wrong response to one instruction."""
    label, group = (torch.from_numpy(array.astype(np.int64)) for array in (batch.label, batch.group))
    last = torch.from_numpy(batch.last)
    told = label >= 0
    every = functional.binary_cross_entropy_with_logits(scores[told], label[told].float())
    smooth = label[last].float().clamp(smoothing, 1 - smoothing)
    return every, functional.binary_cross_entropy_with_logits(scores[last], smooth), pairs(scores, label, last, group)


def pairs(scores: Tensor, label: Tensor, last: Tensor, group: Tensor) -> Tensor:
    """Bradley and Terry's loss, over all pairs within an instruction."""
    rows = torch.arange(len(scores))[:, None].expand_as(scores)[last]
    place, score, right = rows * 256 + group[last], scores[last], label[last] == 1
    some = (place[:, None] == place[None, :]) & right[:, None] & ~right[None, :]
    apart = (score[:, None] - score[None, :])[some]
    return -functional.logsigmoid(apart).mean() if len(apart) else score.sum() * 0


def report(step: int, first: int, started: float, losses: np.ndarray, settings: Grading, work: Path) -> None:
    left = (settings.steps - step) * (time.monotonic() - started) / (step - first) / 60
    told = dict(zip(("token", "last", "pairs"), map(float, losses), strict=True))
    shown = "  ".join(f"{name} {loss:.3f}" for name, loss in told.items())
    print(f"step {step}/{settings.steps}  {shown}  {left:.0f} min left", flush=True)
    with (work / "train.jsonl").open("a", encoding="utf-8") as lines:
        lines.write(json.dumps({"step": step, **told}) + "\n")


def resumed(path: Path, identity: Mapping[str, object], top: Top, adam: torch.optim.Optimizer, muon: Muon) -> int:
    """The step that a checkpoint of the same settings and rows has reached; 0 without one."""
    if not path.exists() or (state := torch.load(path))["identity"] != identity:
        return 0
    top.load_state_dict(state["top"])
    adam.load_state_dict(state["adam"])
    muon.momenta = state["momenta"]
    print(f"going on from step {state['step']}", flush=True)
    return int(state["step"])


def digest(rows: GradedRows) -> str:
    made = hashlib.sha256()
    for name in ("ids", "group", "part", "label"):
        made.update(np.ascontiguousarray(getattr(rows, name)).tobytes())
    return made.hexdigest()


# -- one model of both -------------------------------------------------------------------------------------------------


@torch.no_grad()
def assembled(body: Fledgling, top: Top, scale: float) -> tuple[Fledgling, Tensor]:
    """A model of all layers, and the head [1, width].

    States are divided by `scale` where they arise: what writes into them is divided, and every layer's norm undoes it.
    """
    shape = replace(body.shape, layers=body.shape.layers + LAYERS)
    model = Fledgling(shape)
    model.model.embed_tokens.weight.copy_(body.model.embed_tokens.weight / scale)
    for layer, other in zip(model.model.layers, (*body.model.layers, *top.layers), strict=True):
        layer.load_state_dict(other.state_dict())
    lower: Any = model.model.layers[: body.shape.layers]
    for layer in lower:
        layer.self_attn.o_proj.weight /= scale
        layer.mlp.down_proj.weight /= scale
    model.model.norm.load_state_dict(top.norm.state_dict())
    return model.eval(), top.score.weight.detach().clone()
