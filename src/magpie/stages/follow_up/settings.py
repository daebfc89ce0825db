"""Settings of the stage `follow_up`."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from magpie.settings.base import Count, Frozen, ModelName, Settings, Words
from magpie.settings.engines import Engine
from magpie.settings.sampling import Sampling, Template


class Side(Settings):
    """One of the two who talk."""

    sampling: Sampling = Sampling()
    """Null settings are those of the first turn."""
    model: ModelName | None = None
    """Another model; `null` is the one of the first turn."""
    engine: Engine | None = None
    """What runs the other model; `null` is the recipe's where the model is too, else `auto`."""
    template: Template | None = None
    """How the other model's chat template is used; `null` is the recipe's where the model is too, else its own way."""


class FollowUp(Settings):
    """Continue each conversation: the model writes the user's next message, and answers it."""

    turns: Count | Annotated[tuple[Count, ...], Field(min_length=1)] = 2
    """How many pairs of instruction and response the whole conversation has, the first one included. From a list, each
    row draws one entry: with [2, 2, 3], two thirds of the rows have 2."""
    system: Words | None = None
    """A system prompt for the later turns; `null` is the one that the instruction was sampled under, if any."""
    system_for: Literal["user", "both", "neither"] = "user"
    """Whose turns are sampled under it. Upstream: the user's, since small models forget that they play the user."""
    user: Side = Side()
    """The model that writes as the user; `null` is that of `instruct`."""
    assistant: Side = Side()
    """The model that answers; `null` is that of `respond`."""
    n: Annotated[int, Field(ge=1, le=1024), Frozen(since=1)] = 1
    """Responses to the user's last message, each with a seed of its own. More than 1 go into the column `responses`,
    for `reward` and `pair`, and the first that is of use ends `turns`. Their temperature is that of `assistant`, and
    0.8 where nothing is said and the model's own is 0."""
    end_with_user: bool = False
    """End whole conversations with one more message of the user, which is not answered."""
    end_at_farewell: bool = True
    """End where the user has nothing further to ask: a thank you or a goodbye, which is left out."""
    screen: bool = True
    """Hold each user's message to the rules of the stage `screen`, where the recipe has that stage."""

    @model_validator(mode="after")
    def _last_is_answered(self) -> Self:
        if self.n > 1 and self.end_with_user:
            raise ValueError(f"n is {self.n} and end_with_user leaves the last message without an answer: take one")
        if self.n > 1 and 1 in (self.turns if isinstance(self.turns, tuple) else (self.turns,)):
            raise ValueError(f"n is {self.n}, and a conversation of one turn is answered by respond: set respond.n")
        return self
