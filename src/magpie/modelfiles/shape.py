"""The size of a model, from the head of its GGUF file: what must be known before it is loaded.

Reads no vocabulary. Keys: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from magpie.modelfiles.gguf import read_metadata


@dataclass(frozen=True, slots=True)
class Shape:
    """What a model's header says of its size."""

    context: int
    """The trained context, in tokens."""
    cache_bytes: int
    """Keys and values of one token in f16, in bytes; an estimate from above for models that share or skip layers."""
    file_bytes: int


def read_shape(path: Path) -> Shape:
    """Raises `ModelError` when the file is not there, is not GGUF, or ends too early.

    read_shape(path).context  # 4096
    """
    metadata = read_metadata(path, until=_is_known)
    prefix = metadata.get("general.architecture")

    def number(key: str, default: int) -> int:
        value = metadata.get(f"{prefix}.{key}", default)
        return int(value) if isinstance(value, int | float) and isfinite(value) else default

    heads = max(1, number("attention.head_count", 1))
    width = number("embedding_length", 0) // heads
    per_head = number("attention.key_length", width) + number("attention.value_length", width)
    cache = 2 * number("block_count", 0) * number("attention.head_count_kv", heads) * per_head
    return Shape(number("context_length", 0), cache, path.stat().st_size)


def _is_known(key: str, found: Mapping[str, Any]) -> bool:
    """Writers put the architecture's numbers before the tokenizer; where they did not, the tokenizer is read too."""
    return key.startswith("tokenizer.") and f"{found.get('general.architecture')}.context_length" in found
