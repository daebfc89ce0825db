"""Settings of the stage `compare`."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from magpie.settings.base import FilePath, ModelName, Settings, Words
from magpie.settings.engines import Engine
from magpie.settings.sampling import Sampling, Template


class Compare(Settings):
    """Let a judge say which of two answers is better, each shown first once."""

    by: Literal["auto", "logprobs", "verdict"] = "auto"
    """How the judge answers. `logprobs`: by the probabilities of the two labels at the first token of its reply, one
    token a question. `verdict`: in words, which are read. `auto`: the first where the engine tells log-probabilities
    and the judge does not think, else the second."""
    model: ModelName | None = None
    """The judge; `null` is the recipe's model."""
    engine: Engine | None = None
    """What runs another judge; `null` is the recipe's where the model is too, else `auto`."""
    template: Template | None = None
    """How the judge's chat template is used; `null` is the recipe's where the model is too, else its own way."""
    sampling: Sampling = Sampling()
    """Of verdicts in words: null settings are temperature 0 and at most 1024 tokens; a judge that thinks needs more."""
    again: Annotated[int, Field(ge=0, le=5)] = 2
    """How often a verdict in words that cannot be read is asked for again, at a temperature of at least 0.7."""
    prompt: FilePath | None = None
    """A Jinja file with what the judge is asked, which is given `instruction`, `response_a` and `response_b`, and
    `system`, `history` and `known_answer`, null where there are none; `null` is magpie's."""
    labels: tuple[Words, Words] = ("A", "B")
    """What the judge calls the two answers."""

    @model_validator(mode="after")
    def _labels_differ(self) -> Self:
        if self.labels[0] == self.labels[1]:
            raise ValueError("labels: expected two that differ, such as [A, B]")
        return self
