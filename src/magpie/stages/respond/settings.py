"""Settings of the stage `respond`."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from magpie.settings.base import ModelName, Settings, Words
from magpie.settings.engines import Engine
from magpie.settings.sampling import Sampling, Template


class Answerer(Settings):
    """One of several models that answer in turn."""

    model: ModelName | None = None
    """The model; `null` is the recipe's."""
    engine: Engine | None = None
    """What runs it; `null` is the recipe's where the model is too, else `auto`."""
    template: Template | None = None
    """How its chat template is used; `null` is the recipe's where the model is too, else its own way."""
    sampling: Sampling | None = None
    """How it is sampled; `null` is as the stage says."""


class Respond(Settings):
    """Answer each instruction."""

    sampling: Sampling = Sampling()
    """Null settings are what suits the model's family, else what the paper does: temperature 0, and 0.8 where `n` is
    more than 1."""
    n: Annotated[int, Field(ge=1, le=1024)] = 1
    """Responses to an instruction, each with a seed of its own. More than 1 go into the column `responses`, for the
    stages `choose` and `pair`."""
    model: ModelName | None = None
    """Another model to answer with; `null` is the recipe's."""
    engine: Engine | None = None
    """What runs the other model; `null` is the recipe's where the model is too, else `auto`."""
    template: Template | None = None
    """How the other model's chat template is used; `null` is the recipe's where the model is too, else its own way."""
    models: tuple[Answerer, ...] = ()
    """Several models that answer in turn, in place of one: the n responses to an instruction come from the first, the
    second, and so on, then from the first again. Each has `model`, `engine`, `template` and `sampling`."""
    under_system: bool | None = None
    """Answer under the row's system prompt (the column `system`). `null`: where it was imported with the conversation,
    and not where the instruction was sampled under it, as upstream."""
    with_original: bool = False
    """Put the imported answer beside the new ones into `responses`, for `reward` and `pair` to set them against each
    other: the new against the old."""
    keep_unusable: bool = False
    """Keep a response that is cut, empty or leaks control tokens, as an evaluation does: there, failures count. The
    column `unusable` has the reason. Only for a single response."""
    reasoning: Literal["column", "response"] = "column"
    """Where a model's reasoning goes: into a column of its own, or with its delimiters into the response."""
    thought_tags: tuple[Words, Words] | None = None
    """The tags around reasoning, such as [<think>, </think>]; `null` takes those of the chat template."""

    @model_validator(mode="after")
    def _asks_them_all(self) -> Self:
        if self.models and (self.model or self.engine or self.template):
            raise ValueError("models: says who answers, and so does model, engine or template; expected one of the two")
        if self.keep_unusable and (self.n > 1 or self.with_original):
            raise ValueError("keep_unusable: keeps the one response of a row; expected n: 1, and no with_original")
        if self.n < len(self.models):
            raise ValueError(
                f"n: {self.n} leaves some of the {len(self.models)} models without a turn; expected n of at least "
                f"{len(self.models)}"
            )
        return self
