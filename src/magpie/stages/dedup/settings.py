"""Settings of the stage `dedup`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from magpie.settings.base import Settings


class Dedup(Settings):
    """Keep the earliest of instructions that say the same. Needs the extra `curation`."""

    near: bool = True
    """Drop near duplicates too; exact ones differ at most in case, spaces and the mark at their end."""
    threshold: Annotated[float, Field(gt=0.0, le=1.0)] = 0.8
    """Near are two that share this much of all their runs of words (Jaccard similarity)."""
    ngram: Annotated[int, Field(ge=1, le=20)] = 3
    """Words in a run; in Chinese and its like, characters."""
    numbers: bool = True
    """Instructions with different numbers in them are different tasks."""
