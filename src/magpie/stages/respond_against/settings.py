"""Settings of the stage `respond_against`."""

from __future__ import annotations

from magpie.settings.base import ModelName, Settings, Words
from magpie.settings.engines import Engine
from magpie.settings.sampling import Sampling, Template


class RespondAgainst(Settings):
    """Let another model answer the same instructions; no row is dropped for what it answers."""

    model: ModelName | None = None
    """The model to be compared with; `null` is the recipe's."""
    engine: Engine | None = None
    """What runs it; `null` is the recipe's where the model is too, else `auto`."""
    template: Template | None = None
    """How its chat template is used; `null` is the recipe's where the model is too, else its own way."""
    sampling: Sampling = Sampling()
    """Null settings are what suits the model's family, else temperature 0."""
    thought_tags: tuple[Words, Words] | None = None
    """The tags around reasoning, such as [<think>, </think>], which is no part of an answer; `null` takes those of the
    chat template."""
