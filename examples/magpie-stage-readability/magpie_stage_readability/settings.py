"""Settings of both stages. The docstring beneath a setting is its help in recipes."""

from __future__ import annotations

from magpie.settings.base import ModelName, Settings
from magpie.settings.engines import Engine
from magpie.settings.sampling import Sampling, Template


class Readability(Settings):
    """Judge how easy an instruction is to read."""

    min_ease: float | None = None
    """Drop instructions below this reading ease; `null` drops none."""


class Title(Settings):
    """Let a model give each instruction a title."""

    sampling: Sampling = Sampling()
    """How it is sampled; at temperature 0 by default."""
    model: ModelName | None = None
    """The model that is asked; `null` is the recipe's."""
    engine: Engine | None = None
    """What runs it; `null` is the recipe's where the model is too, else `auto`."""
    template: Template | None = None
    """How its chat template is used; `null` is the recipe's where the model is too, else its own way."""
