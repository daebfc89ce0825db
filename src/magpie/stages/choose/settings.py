"""Settings of the stage `choose`."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from magpie.settings.base import Settings


class Choose(Settings):
    """Take one of several responses as the response."""

    by: Literal["first", "reward", "majority"] = "reward"
    """`first`: the first that is of use. `reward`: the one that the stage `reward` scores highest. `majority`: the
    first with the final answer that most responses come to."""
    min_agreement: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    """For `majority`: the least share of the responses that come to the same answer; rows below it are dropped. At 0
    none is, and of responses without an answer that can be read the first is taken."""
    answers: Literal["text", "math"] = "text"
    """For `majority`: when two final answers are the same. `text`: when their normalized texts are, numbers as numbers.
    `math`: also when math-verify finds them equal, as `\\frac12` and 0.5, `1{,}000` and 1000; it is an extra."""

    @model_validator(mode="after")
    def _answers_are_compared(self) -> Self:
        if self.answers != "text" and self.by != "majority":
            raise ValueError(f"answers means nothing where by is {self.by}: leave it out, or set by to majority")
        return self
