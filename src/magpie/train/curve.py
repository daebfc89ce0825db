"""The loss curve: what `log.jsonl` says. Steps that were made twice, after a kill, count once."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

import orjson

_SHARE = 0.1
"""The fraction of the entries, at the start and at the end, whose mean is shown."""


@dataclass
class Curve:
    """What a training logged."""

    steps: dict[int, Mapping[str, float]] = field(default_factory=dict)
    """Step to its entry: `loss`, `learning_rate`, `grad_norm`, `epoch`, and what the method adds."""
    seconds: float = 0.0
    """The seconds of all sessions together."""
    chosen: Mapping[str, Any] = field(default_factory=dict)
    parameters: int = 0
    trainable: int = 0
    warmup_steps: int = 0

    @property
    def first(self) -> float | None:
        """The mean loss of the first tenth."""
        return self._mean(slice(None, self._part))

    @property
    def last(self) -> float | None:
        """The mean loss of the last tenth."""
        return self._mean(slice(-self._part, None))

    @property
    def _part(self) -> int:
        return max(1, round(len(self.steps) * _SHARE))

    def _mean(self, part: slice) -> float | None:
        losses = [self.steps[step]["loss"] for step in sorted(self.steps)][part]
        return round(fmean(losses), 4) if losses else None


def read_curve(log: Path) -> Curve:
    """The curve of a training, so far."""
    found, seconds = Curve(), 0.0
    for text in log.read_bytes().splitlines() if log.exists() else ():
        line: dict[str, Any] = {}
        with suppress(ValueError):  # half a line, after a kill
            line = orjson.loads(text)
        if line.get("event") == "session":
            found.seconds += seconds
            seconds = 0.0
            found.chosen = line["chosen"]
            found.parameters, found.trainable = line["parameters"], line["trainable"]
            found.warmup_steps = line["warmup_steps"]
            found.steps = {step: entry for step, entry in found.steps.items() if step <= line["from"]}
        elif line.get("event") == "step":
            found.steps[line["step"]] = {key: value for key, value in line.items() if key not in ("event", "step")}
            seconds = line["seconds"]
    found.seconds += seconds
    return found
