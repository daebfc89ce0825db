"""From settings to stages: a file for each, and their order. The one place that knows which stages there are."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, cast

from magpie.pipeline.building.built import Built, Context
from magpie.pipeline.building.models import Models

__all__ = ["SETTINGS", "STAGES", "Built", "Context", "Models", "builder"]

STAGES = (
    "import",
    "instruct",
    "screen",
    "dedup",
    "decontaminate",
    "embed",
    "neighbors",
    "tag",
    "shortlist",
    "respond",
    "screen_responses",
    "follow_up",
    "respond_base",
    "reward",
    "safety",
    "choose",
    "pair",
    "select",
)
"""Every stage, in the order of work: what can be judged from an instruction alone is judged before its response is paid
for."""

SETTINGS = {"import": "source"}
"""Stage name to the name of its settings in a recipe, where it is another."""

_FILES = {"import": "source", "screen_responses": "screen"}
"""Stage name to the file that builds it, where it is another."""


def builder(stage: str) -> Callable[[Any, Context], Built]:
    """What builds a stage from its settings. Its file is opened when a recipe has the stage: a run that screens and
    selects nothing does not wait for what these need."""
    file = import_module(f"{__name__}.{_FILES.get(stage, stage)}")
    return cast("Callable[[Any, Context], Built]", getattr(file, f"build_{stage}"))
