"""Texts that begin together, for models whose memory of a text is not keys and values alone: nobody joins later.

All prompts of a cohort have one length, so that no padding passes through a state. Rows that end leave; several cohorts
take turns. Has the methods of `torch_slots.Slots`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers import DynamicCache

from magpie.engines.transformers.forward import Forward


class Cohort:
    """One batch. `lengths` says how many tokens of each row are read, 0 where it has left."""

    def __init__(self, forward: Forward) -> None:
        self._forward = forward
        self.lengths: list[int] = []
        self._cache: Any = None

    def admit(self, prompts: Sequence[Sequence[int]]) -> tuple[list[int], Any]:
        """Read prompts of one length, once: their rows, and the logits of what follows each."""
        self._cache = DynamicCache(config=self._forward.model.config)
        self.lengths = [len(prompt) for prompt in prompts]
        logits = self._read(list(map(list, prompts)), list(range(self.lengths[0])))
        return list(range(len(prompts))), logits

    def step(self, tokens: Sequence[int]) -> Any:
        """Read one token for each row: the logits of what follows."""
        longest = max(self.lengths)
        self.lengths = [length + 1 if length else 0 for length in self.lengths]
        return self._read([[token] for token in tokens], [longest])

    def _read(self, ids: list[list[int]], positions: list[int]) -> Any:
        return self._forward(ids, None, [positions] * len(ids), self._cache)

    def leave(self, slots: Sequence[int]) -> None:
        for slot in slots:
            self.lengths[slot] = 0

    def shrink(self) -> list[int] | None:
        """Let go of rows that have left when they are more than half: those that are kept, in their new order."""
        kept = [slot for slot, length in enumerate(self.lengths) if length]
        if 2 * len(kept) >= len(self.lengths) or not kept:
            return None
        self._cache.reorder_cache(torch.tensor(kept, device=self._forward.device))
        self.lengths = [self.lengths[slot] for slot in kept]
        return kept
