"""What all settings have in common. Knows none of them."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any, get_args

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=1)]
Words = Annotated[str, Field(min_length=1)]


class Place(Enum):
    """What a text says the place of. A run's recipe holds places in full, so that it goes on from any folder."""

    FILE = "a file"
    MODEL = "a model: a file, a folder, a name inside the package, or an id of the Hub"


FilePath = Annotated[str, Field(min_length=1), Place.FILE]
ModelName = Annotated[str, Field(min_length=1), Place.MODEL]


class Settings(BaseModel):
    """Frozen, unknown keys refused, a docstring beneath every setting."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, strict=True)


def places(annotation: Any) -> set[Place]:
    """The marks in a setting's type, at any depth: `tuple[FilePath, ...] | None` holds files."""
    here = {mark for mark in getattr(annotation, "__metadata__", ()) if isinstance(mark, Place)}
    return here.union(*(places(part) for part in get_args(annotation)))
