"""Settings of the stage `tag`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from magpie.settings.base import FilePath, ModelName, OnOff, Settings
from magpie.settings.engines import Engine
from magpie.settings.sampling import Sampling, Template

TagName = Literal["quality", "difficulty", "category"]


class TagPrompts(Settings):
    """Jinja files of your own. Each renders the user message, is given `instruction`, and asks for what the package's
    file of that name asks for: a JSON object with the same keys, or, where `fast` is set, the same letters."""

    quality: FilePath | None = None
    """`null` is the package's `quality.jinja`, or `quality_fast.jinja`."""
    difficulty: FilePath | None = None
    """`null` is the package's `difficulty.jinja`, or `difficulty_fast.jinja`."""
    category: FilePath | None = None
    """`null` is the package's `category.jinja`, or `category_fast.jinja`."""


class Tag(Settings):
    """Let a judge say of each instruction how well it is put, how hard it is and which kind of task it is."""

    tags: tuple[TagName, ...] = ("quality", "difficulty", "category")
    """What is asked, each in a request of its own. `quality` gives `input_quality` and `quality_explanation`;
    `difficulty` gives `difficulty`, `intent` and `knowledge`; `category` gives `task_category` and
    `other_task_category`."""
    fast: bool = False
    """Ask for one letter instead, without any explanation, and keep the probability of each label and the expected
    score. One token is sampled, so that it costs reading the prompt; needs an engine with logprobs."""
    structure: Annotated[Literal["auto", "on", "off"], OnOff] = "auto"
    """Hold replies to a JSON schema. `auto`: only those that are asked for again, where the engine can; a reply is
    nearly always readable without, and sampling within a grammar is slower. `on`: all of them. `off`: none."""
    again: Annotated[int, Field(ge=0, le=5)] = 2
    """How often a reply that cannot be read is asked for again: first held to the schema, where that may be, and then
    at a temperature of at least 0.7. What still cannot be read is null, and the replies stand in `tag_raw`."""
    sampling: Sampling = Sampling()
    """Null settings are temperature 0, as in the paper, and at most 512 tokens; a judge that thinks needs more."""
    model: ModelName | None = None
    """Another model to judge with; `null` is the recipe's."""
    engine: Engine | None = None
    """What runs the other model; `null` is the recipe's where the model is too, else `auto`."""
    template: Template | None = None
    """How the other model's chat template is used; `null` is the recipe's where the model is too, else its own way."""
    prompts: TagPrompts = TagPrompts()
    """Other prompts than the package's."""

    @field_validator("tags", mode="after")
    @classmethod
    def _each_once(cls, value: tuple[TagName, ...]) -> tuple[TagName, ...]:
        if not value or len(set(value)) < len(value):
            raise ValueError(
                f"tags is [{', '.join(value)}]: expected at least one of quality, difficulty, category, once"
            )
        return value
