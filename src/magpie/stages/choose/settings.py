"""Settings of the stage `choose`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from magpie.settings.base import Settings


class Choose(Settings):
    """Take one of several responses as the response."""

    by: Literal["first", "reward", "majority"] = "reward"
    """`first`: the first that is of use. `reward`: the one that the stage `reward` scores highest. `majority`: the
    first with the final answer that most responses come to."""
    min_agreement: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    """For `majority`: the least share of the responses that come to the same answer; rows below it are dropped. At 0
    none is, and of responses without an answer that can be read the first is taken."""
