"""What building a stage takes and gives. Knows no stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from magpie.columns import Column
from magpie.pipeline.building.models import Models
from magpie.pipeline.engines import ModelUse
from magpie.recipes import Recipe
from magpie.seams import AnyStage


@dataclass(frozen=True, slots=True)
class Built:
    """A stage, bound to its settings, its chats and its models."""

    stage: AnyStage
    settings: Mapping[str, Any]
    """Plain values: all that decides what the stage makes of a row, beside what it reads. The fingerprint covers it."""
    uses: Mapping[str, ModelUse] = field(default_factory=dict)
    """What runs its requests, by the name that they give."""
    identity: Any = None
    """Of the models behind it; the fingerprint covers it."""
    warnings: tuple[str, ...] = ()
    """What a reader should know before it runs."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a stage may be built from, beside its own settings."""

    recipe: Recipe
    models: Models
    above: Sequence[Built] = ()
    """The stages before it, in order."""

    def made(self) -> dict[str, tuple[Column, str]]:
        """Every column that is there for the stage to read, with the stage that makes it."""
        return {column.name: (column, one.stage.name) for one in self.above for column in one.stage.writes}
