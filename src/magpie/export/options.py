"""What an export may be asked for, beside its format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Literal

Thoughts = Literal["none", "inside", "field"]
"""Where a response's reasoning goes: nowhere; into the content, in think tags; into `reasoning_content` beside it."""


@dataclass(frozen=True, slots=True)
class Options:
    """What goes in, and how it is divided."""

    system: bool = False
    """Whether the system prompt that an instruction was sampled under opens its conversation."""
    reasoning: Thoughts = "none"
    embeddings: bool = False
    """Whether Parquet files hold the vectors: they are most of a file's size."""
    test_share: float = 0.0
    """The share of rows that go into a test split, 0 to below 1. Which rows follows from their ids alone."""
    license: str | None = None
    """The dataset's license, for its card; magpie never makes one up."""
    columns: tuple[str, ...] = ()
    """Columns of the run that are exported beside a format's own keys."""
    overwrite: bool = False
    """Whether a file that is there already is replaced."""
    pictures: Mapping[str, tuple[str, bytes]] = field(default_factory=dict)
    """Files for the card of a folder: a name to what it shows, in magpie's own words, and its bytes."""


def split_of(row_id: str, test_share: float) -> str:
    """`train` or `test`: the same for an id in every export, whatever else is exported; a test split with a larger
    share holds one with a smaller."""
    place = int.from_bytes(blake2b(row_id.encode(), digest_size=8).digest(), "big")
    return "test" if place < test_share * 2**64 else "train"
