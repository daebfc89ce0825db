"""AdamW over packed rows: how a trained model is taught something more in a few hundred steps. Knows no text."""

import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from torch import nn

from fledgling.model import Fledgling
from fledgling.rows import Rows
from fledgling.train import inputs


@dataclass(frozen=True)
class FineTuning:
    """Settings: a short climb of the rate, then half a cosine down to a share of it."""

    steps: int
    rate: float
    batch: int = 8  # rows
    warmup: int = 20  # steps
    lowest: float = 0.0  # share of the rate at the end
    weight_decay: float = 0.0
    seed: int = 0
    report_every: int = 20  # steps
    checkpoint_every: int = 20  # steps

    def rate_at(self, step: int) -> float:
        fall = 0.5 * (1 + math.cos(math.pi * step / self.steps))
        return self.rate * min(1.0, (step + 1) / self.warmup) * (self.lowest + (1 - self.lowest) * fall)


def finetune(model: Fledgling, rows: Rows, settings: FineTuning, checkpoint: Path | None = None) -> None:
    """Trains on the rows, each epoch in another order. With `checkpoint` it goes on from there, if that is of the same
    settings and rows, and keeps it as it goes."""
    model.train()
    adam = torch.optim.AdamW(
        model.parameters(), lr=settings.rate, betas=(0.9, 0.95), weight_decay=settings.weight_decay
    )
    identity = {"settings": asdict(settings), "rows": rows.digest()}
    first, started = resumed(model, adam, identity, checkpoint), time.monotonic()
    for step in range(first, settings.steps):
        for group in adam.param_groups:
            group["lr"] = settings.rate_at(step)
        with torch.autocast("cpu", torch.bfloat16, enabled=has_fast_bfloat16()):
            loss = model.loss(*inputs(rows[chosen(step, len(rows), settings)], "cpu"))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()
        adam.zero_grad(set_to_none=True)
        if (step + 1) % settings.report_every == 0:
            left = (settings.steps - step - 1) * (time.monotonic() - started) / (step + 1 - first) / 60
            print(f"step {step + 1}/{settings.steps}  loss {float(loss.detach()):.3f}  {left:.0f} min left", flush=True)
        if checkpoint and ((step + 1) % settings.checkpoint_every == 0 or step + 1 == settings.steps):
            save(model, adam, identity, step + 1, checkpoint)
    model.eval()


def has_fast_bfloat16() -> bool:
    """Whether this processor computes in bfloat16. Without its instructions a product takes thirty times as long as in
    float32, of which it is then put together."""
    return str(torch.backends.cpu.get_cpu_capability()).startswith(("AVX512", "AMX"))


def chosen(step: int, count: int, settings: FineTuning) -> np.ndarray:
    """The rows of a step: the same for the same seed, wherever training was stopped."""
    per_epoch = max(1, count // settings.batch)
    epoch, place = divmod(step, per_epoch)
    order = list(range(count))
    Random(f"{settings.seed}/{epoch}").shuffle(order)
    return np.array(order[place * settings.batch : (place + 1) * settings.batch])


def resumed(model: Fledgling, adam: torch.optim.Optimizer, identity: dict[str, Any], checkpoint: Path | None) -> int:
    """The step that was reached."""
    if checkpoint is None or not checkpoint.exists():
        return 0
    state = torch.load(checkpoint)
    if state["identity"] != identity:
        return 0
    model.load_state_dict(state["model"])
    adam.load_state_dict(state["adam"])
    print(f"going on from step {state['step']}", flush=True)
    return int(state["step"])


def save(model: Fledgling, adam: torch.optim.Optimizer, identity: dict[str, Any], step: int, checkpoint: Path) -> None:
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    state = {"identity": identity, "model": model.state_dict(), "adam": adam.state_dict(), "step": step}
    torch.save(state, checkpoint.with_suffix(".part"))
    checkpoint.with_suffix(".part").replace(checkpoint)
