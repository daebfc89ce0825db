"""Settings of the stage `embed`."""

from __future__ import annotations

from typing import Any

from pydantic import field_validator

from magpie.settings.base import Settings
from magpie.settings.embedders import Embedder, Hashing, name_the_embedder


class Embed(Settings):
    """Turn each instruction into a vector of length 1, so that distances tell how alike two are."""

    embedder: Embedder = Hashing()
    """`hashing`, a URL for a server, or a model for sentence-transformers, or an embedder of another
    package: each alone is short for its settings."""
    prefix: str = ""
    """Text to put before each instruction, where the model was trained with one, such as `query: `."""

    @field_validator("embedder", mode="before")
    @classmethod
    def _name_the_embedder(cls, value: Any) -> Any:
        return name_the_embedder(value)
