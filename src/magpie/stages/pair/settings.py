"""Settings of the stage `pair`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from magpie.settings.base import Settings


class Pair(Settings):
    """Set the response with the highest reward (chosen) against a worse one (rejected)."""

    rejected: Literal["worst", "median", "random"] = "worst"
    """Which of the worse ones: the lowest reward (of equal ones the first), the middle one, or any of them.
    The paper: the lowest."""
    min_margin: Annotated[float, Field(ge=0.0)] = 0.0
    """The least difference of the two rewards; pairs that are closer are dropped."""
