"""Settings of the stage `neighbors`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from magpie.settings.base import Count, Settings


class Neighbors(Settings):
    """How far each instruction is from the nearest other one, and whether an earlier one says the same."""

    repeat_distance: Annotated[float, Field(gt=0.0)] = 0.05
    """Instructions nearer than this repeat each other; squared L2 distance, as in the paper. Between vectors of length
    1 it is twice 1 minus the cosine: 0.05 is a cosine of 0.975."""
    exact_rows: Count = 50_000
    """Up to so many different instructions, every pair is compared; above, only those in nearby cells."""
    recall: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.99
    """The share of nearest neighbors to find above `exact_rows`: so many cells are searched, by a sample. What was then
    found of another sample is in the run's report."""
