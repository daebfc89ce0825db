"""Settings of the stage `grade`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from magpie.settings.base import FilePath, ModelName, Settings
from magpie.settings.engines import Engine
from magpie.settings.sampling import Sampling, Template


class Grade(Settings):
    """Let a judge grade each answer from 1 to 10."""

    by: Literal["auto", "logprobs", "verdict"] = "auto"
    """How the judge answers. `logprobs`: by the probabilities of 1 to 10 at the first token of its reply, of which the
    expected grade is kept; each has to be one token. `verdict`: in words, which are read. `auto`: the first where it
    can be had, else the second."""
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
    """A Jinja file with what the judge is asked, which is given `instruction` and `response`, and `system`, `history`
    and `known_answer`, null where there are none; `null` is magpie's."""
