"""Samples the next token of every text in a batch, each with its own settings and its own dice.

A text's dice are its seed's alone: one number a token, which falls on the probabilities laid end to end. So a text does
not depend on what else is in the batch, but for the last bits of the arithmetic. Knows tensors; knows no model.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from magpie.seams import Request

NEARLY_ONE = 1.0 - 2**-23
"""The highest throw: float32 has nothing between this and the end of the line."""

TIES = 8
"""As many more are looked at: in 16 bits the likeliest are often equal, and the first of them is the greedy one."""


@dataclass(slots=True, eq=False)
class Dice:
    """How one text is sampled."""

    request: Request
    allowed: Callable[[], bytes] | None = None
    """A byte for each token id, not 0 where a structure allows it next."""
    throw: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.throw = random.Random(self.request.seed)


@dataclass(frozen=True, slots=True)
class Sampled:
    ids: list[int]
    likeliest: list[list[tuple[int, float]]]
    """For each row, ids and log-probabilities under the model itself, as many as the row asks for."""


def sample(logits: Any, rows: Sequence[Dice]) -> Sampled:
    """One token for each row of logits (rows x vocabulary). Changes `logits`."""
    logits = logits.float()
    likeliest = _likeliest(logits, rows)
    _mask(logits, rows)
    warm = [n for n, row in enumerate(rows) if row.request.sampling.temperature > 0]
    if len(warm) == len(rows):
        return Sampled(_thrown(logits, rows).tolist(), likeliest)
    ids = logits.argmax(-1)
    if warm:
        ids[warm] = _thrown(logits[warm], [rows[n] for n in warm])
    return Sampled(ids.tolist(), likeliest)


def _likeliest(logits: Any, rows: Sequence[Dice]) -> list[list[tuple[int, float]]]:
    most = max((row.request.logprobs for row in rows), default=0)
    if not most:
        return [[] for _ in rows]
    asking = [n for n, row in enumerate(rows) if row.request.logprobs]
    found = logits[asking].log_softmax(-1).topk(min(most + TIES, logits.shape[-1]))
    told: list[list[tuple[int, float]]] = [[] for _ in rows]
    for n, ids, values in zip(asking, found.indices.tolist(), found.values.tolist(), strict=True):
        ordered = sorted(zip(ids, values, strict=True), key=lambda one: (-one[1], one[0]))
        told[n] = ordered[: rows[n].request.logprobs]
    return told


def _mask(logits: Any, rows: Sequence[Dice]) -> None:
    banned = [(n, token) for n, row in enumerate(rows) for token in row.request.banned if token < logits.shape[-1]]
    if banned:
        where = torch.tensor(banned, device=logits.device).T
        logits[where[0], where[1]] = -torch.inf
    for n, row in enumerate(rows):
        if row.allowed is not None:
            logits[n].masked_fill_(_forbidden(row.allowed(), logits), -torch.inf)


def _forbidden(allowed: bytes, logits: Any) -> Any:
    told = torch.frombuffer(bytearray(allowed), dtype=torch.uint8)[: logits.shape[-1]].to(logits.device)
    forbidden = torch.ones(logits.shape[-1], dtype=torch.bool, device=logits.device)
    forbidden[: len(told)] = told == 0
    return forbidden


def _thrown(logits: Any, rows: Sequence[Dice]) -> Any:
    temperatures = torch.tensor([row.request.sampling.temperature for row in rows], device=logits.device)
    probabilities = (logits / temperatures[:, None]).softmax(-1)
    narrow = [n for n, row in enumerate(rows) if row.request.sampling.top_p < 1]
    if narrow:
        tops = torch.tensor([rows[n].request.sampling.top_p for n in narrow], device=logits.device)
        probabilities[narrow] = _nucleus(probabilities[narrow], tops)
    line = probabilities.cumsum(-1)
    throws = torch.tensor([min(row.throw.random(), NEARLY_ONE) for row in rows], device=logits.device)
    return torch.searchsorted(line, throws[:, None] * line[:, -1:], right=True)[:, 0].clamp(max=logits.shape[-1] - 1)


def _nucleus(probabilities: Any, tops: Any) -> Any:
    """The likeliest tokens that make up `tops` of the probability, and nothing else."""
    ordered, places = probabilities.sort(dim=-1, descending=True, stable=True)
    ordered[ordered.cumsum(-1) - ordered >= tops[:, None]] = 0
    return torch.zeros_like(probabilities).scatter_(-1, places, ordered)
