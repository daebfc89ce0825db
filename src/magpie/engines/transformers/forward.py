"""A model's forward pass under one signature, whatever the model calls its arguments."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from transformers import Cache

from magpie.errors import ModelError


class Forward:
    """Reads tokens and says what follows."""

    def __init__(self, model: Any) -> None:
        self.model, self.device = model, model.device
        known = inspect.signature(model.forward).parameters
        self._cache = self._cache_parameter(known)
        self.takes_positions = "position_ids" in known
        self._last = {"logits_to_keep": 1} if "logits_to_keep" in known else {}

    def _cache_parameter(self, parameters: Iterable[str]) -> str:
        """Which parameter takes the cache. Its name differs between models and between releases of transformers
        (past_key_values, cache_params, since 5.24 cache), so it is tried: it is the parameter that has the name under
        which the model returns the cache it makes.
        """
        with torch.inference_mode():
            output = self.model(input_ids=torch.tensor([[0]], device=self.device), use_cache=True)
        for name in parameters:
            if isinstance(getattr(output, name, None), Cache):
                return name
        raise ModelError(
            f"{type(self.model).__name__} cannot be run by transformers here: its forward pass takes no cache that it "
            "returns, so that every token would read the whole text again"
        )

    def __call__(
        self, ids: Sequence[Sequence[int]], mask: Any, positions: Sequence[Sequence[int]], cache: Cache | None
    ) -> Any:
        """Logits of what follows each row; the cache takes the rows in.

        mask: what of the cache and `ids` is there; None where all of it is, which some models need to be told so.
        """
        arguments: dict[str, Any] = {
            "input_ids": torch.tensor(ids, device=self.device),
            "attention_mask": mask,
            "use_cache": cache is not None,
        }
        if cache is not None:
            arguments[self._cache] = cache
        if self.takes_positions:
            arguments["position_ids"] = torch.tensor(positions, device=self.device)
        return self.model(**arguments, **self._last).logits[:, -1]

    def ones(self, rows: int, columns: int) -> Any:
        """A mask that hides nothing."""
        return torch.ones((rows, columns), dtype=torch.long, device=self.device)
