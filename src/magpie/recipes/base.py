"""What all settings have in common. Knows none of them."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from magpie.safe.redaction import has_credentials, register_url, register_variable

Count = Annotated[int, Field(ge=1)]
Words = Annotated[str, Field(min_length=1)]


def _known_as_secret(name: str) -> str:
    register_variable(name)
    return name


KeyVariable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$"), AfterValidator(_known_as_secret)]
"""The name of an environment variable that holds a key: no message shows what it holds, and no child process gets it,
from the moment in which a recipe names it."""


def check_server_url(url: str) -> None:
    """Raise `ValueError`, which does not show it, for a URL that holds a secret: a recipe is written into its run."""
    if has_credentials(url):
        register_url(url)
        raise ValueError(
            "holds a name or a password; put the key into an environment variable and name it by api_key_env"
        )
    if "?" in url or "#" in url:
        raise ValueError("ends with ? or #; expected the address up to /v1")


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
