"""What all settings have in common. Knows none of them."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=1)]
Words = Annotated[str, Field(min_length=1)]


class Settings(BaseModel):
    """Frozen, unknown keys refused, a docstring beneath every setting."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, strict=True)
