"""Keys and values of many texts in one batch, each in a slot of its own: a text joins and leaves while others continue.

The texts end at the same column and begin where they begin, as with padding on the left; columns that no text reaches
any more are let go. So whatever a model does with distances between columns (sliding windows, masks) stays true, and
only the rows that end are replaced. Knows tensors and a forward pass; knows no requests and no sampling.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import Cache, DynamicCache
from transformers.cache_utils import DynamicLayer

from magpie.engines.transformers.forward import Forward

HEADROOM = 64
"""Columns kept free on the left, for a prompt that is longer than the texts that are there."""
STRIDE = 256
"""Columns by which the room on the right grows."""
PREFILL_TOKENS = 8192
"""The most tokens of prompts that are read at once."""


@dataclass(slots=True)
class Frame:
    """Where the columns in use lie. One for all layers, so that they cannot differ."""

    rows: int
    start: int
    end: int
    capacity: int


class SlotLayer(DynamicLayer):
    """One layer's keys and values: room for more of them, and a view of what is in use.

    Whatever else a release of transformers asks of a layer is inherited, and follows from `get_seq_length`.
    """

    def __init__(self, frame: Frame, keys: Any, values: Any) -> None:
        super().__init__()
        self.frame, self.is_initialized = frame, True
        self.keys, self.values = _room(frame, keys), _room(frame, values)

    def update(self, key_states: Any, value_states: Any, *_: Any, **__: Any) -> tuple[Any, Any]:
        begin, end = self.frame.end, self.frame.end + key_states.shape[-2]
        self.keys[:, :, begin:end] = key_states
        self.values[:, :, begin:end] = value_states
        return self.keys[:, :, self.frame.start : end], self.values[:, :, self.frame.start : end]

    def get_seq_length(self) -> int:
        return self.frame.end - self.frame.start

    def put(self, slots: Sequence[int], keys: Any, values: Any) -> None:
        """What prompts left goes into these slots, its last column last."""
        begin = self.frame.end - keys.shape[-2]
        self.keys[slots, :, begin : self.frame.end] = keys
        self.values[slots, :, begin : self.frame.end] = values

    def move(self, frame: Frame, kept: Sequence[int], columns: int) -> None:
        """Into a new frame: these rows, and their last columns."""
        old = slice(self.frame.end - columns, self.frame.end)
        for name in ("keys", "values"):
            there = getattr(self, name)
            room = _room(frame, there)
            room[: len(kept), :, frame.end - columns : frame.end] = there[list(kept), :, old]
            setattr(self, name, room)


def _room(frame: Frame, like: Any) -> Any:
    """Zeros, not uninitialized memory: a masked NaN is still a NaN in the sum."""
    return torch.zeros((frame.rows, like.shape[1], frame.capacity, like.shape[3]), dtype=like.dtype, device=like.device)


class Slots:
    """The batch. A slot is a row; `lengths` says how many tokens of each are read, 0 where it is free."""

    def __init__(self, forward: Forward) -> None:
        self._forward = forward
        self.lengths: list[int] = []
        self._frame = Frame(0, 0, 0, 0)
        self._cache: Any = None
        self._mask: Any = None

    def admit(self, prompts: Sequence[Sequence[int]]) -> tuple[list[int], Any]:
        """Read prompts: their slots, and the logits of what follows each."""
        different = {prompt: place for place, prompt in enumerate(dict.fromkeys(map(tuple, prompts)))}
        read, logits = self._read(list(different))  # that of instructions is one for all
        which = [different[tuple(prompt)] for prompt in prompts]
        slots = self._place(len(prompts), max(map(len, prompts)))
        self._put(slots, which, read, [len(prompt) for prompt in prompts])
        return slots, logits[which]

    def _read(self, prompts: Sequence[Sequence[int]]) -> tuple[Any, Any]:
        longest, cache = max(map(len, prompts)), DynamicCache()
        gaps = [longest - len(prompt) for prompt in prompts]
        ids = [[0] * gap + list(prompt) for gap, prompt in zip(gaps, prompts, strict=True)]
        positions = [[0] * gap + list(range(len(prompt))) for gap, prompt in zip(gaps, prompts, strict=True)]
        mask = self._forward.ones(len(prompts), longest)
        for row, gap in enumerate(gaps):
            mask[row, :gap] = 0
        return cache, self._forward(ids, mask, positions, cache)

    def _place(self, count: int, longest: int) -> list[int]:
        """Rows for so many texts, and columns for the longest of them."""
        unused = [slot for slot, length in enumerate(self.lengths) if not length]
        rows = max(len(self.lengths), len(self.lengths) + count - len(unused))
        frame = self._frame
        if rows > frame.rows or longest > frame.end:
            self._move(list(range(len(self.lengths))), rows, longest)
        frame = self._frame
        frame.start = min(frame.start, frame.end - longest)
        slots = [*unused, *range(len(self.lengths), rows)][:count]
        self.lengths += [0] * (rows - len(self.lengths))
        return slots

    def _move(self, kept: Sequence[int], rows: int, longest: int = 0) -> None:
        """Allocate rows, columns for a text of `longest`, and some to spare. Unused columns are not copied."""
        used = max((self.lengths[slot] for slot in kept), default=0)
        span = max(used, longest)
        end = span + HEADROOM
        frame = Frame(rows, end - span, end, end + max(STRIDE, span // 2))
        if self._cache is not None:
            for layer in self._cache.layers:
                layer.move(frame, kept, used)
                layer.frame = frame
            old, end = self._mask, self._frame.end
            self._mask = old.new_zeros((rows, frame.capacity))
            self._mask[: len(kept), frame.end - used : frame.end] = old[list(kept), end - used : end]
        self._frame = frame

    def _put(self, slots: Sequence[int], which: Sequence[int], read: Any, lengths: Sequence[int]) -> None:
        if self._cache is None:
            self._cache = Cache(layers=[SlotLayer(self._frame, one.keys, one.values) for one in read.layers])
            self._mask = self._forward.ones(self._frame.rows, self._frame.capacity) * 0
        for layer, one in zip(self._cache.layers, read.layers, strict=True):
            layer.put(slots, one.keys[which], one.values[which])
        end = self._frame.end
        for slot, length in zip(slots, lengths, strict=True):
            self.lengths[slot] = length
            self._mask[slot, : end - length] = 0
            self._mask[slot, end - length : end] = 1

    def step(self, tokens: Sequence[int]) -> Any:
        """Read one token for each slot: the logits of what follows. Tokens of free slots do not matter."""
        frame = self._frame
        if frame.end == frame.capacity:
            self._move(list(range(frame.rows)), frame.rows)
            frame = self._frame
        frame.start = frame.end - max(self.lengths)
        self._mask[:, frame.end] = 1
        logits = self._forward(
            [[token] for token in tokens],
            self._mask[:, frame.start : frame.end + 1],
            [[length] for length in self.lengths],
            self._cache,
        )
        frame.end += 1
        self.lengths = [length + 1 if length else 0 for length in self.lengths]
        return logits

    def leave(self, slots: Sequence[int]) -> None:
        """These are free."""
        for slot in slots:
            self.lengths[slot] = 0

    def shrink(self) -> list[int] | None:
        """Let go of free slots when they are more than half: the slots that are kept, in their new order."""
        kept = [slot for slot, length in enumerate(self.lengths) if length]
        if 2 * len(kept) >= len(self.lengths):
            return None
        if not kept:
            self._cache, self._mask, self._frame, self.lengths = None, None, Frame(0, 0, 0, 0), []
            return kept
        self._move(kept, len(kept))
        self.lengths = [self.lengths[slot] for slot in kept]
        return kept
