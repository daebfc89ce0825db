"""What OpenVINO can do, and its settings with every choice made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from magpie.modelfiles.model import ModelFiles
from magpie.seams import Capabilities, Capability

CAPABILITIES = Capabilities(("tokens",), frozenset({Capability.STRUCTURE}))
"""No bans: its sampler takes none. No log-probabilities: it returns only those of sampled tokens."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The settings with every choice made, and what the model's files say."""

    path: Path
    files: ModelFiles
    slots: int
    context: int
    device: str
    cache_gb: int
    blocks: int | None
    """Blocks of keys and values; None where it is not known how many fit into `cache_gb`."""
    properties: Mapping[str, Any]
