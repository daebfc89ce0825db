"""The base class of all settings. Knows none of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import to_jsonable_python

from magpie.safe.redaction import has_credentials, register_url, register_variable


def _on_or_off(value: Any) -> Any:
    return ("on" if value else "off") if isinstance(value, bool) else value


def _as_read_back(value: dict[str, Any]) -> dict[str, Any]:
    return dict(to_jsonable_python(value))


def _known_as_secret(name: str) -> str:
    register_variable(name)
    return name


Count = Annotated[int, Field(ge=1)]
Words = Annotated[str, Field(min_length=1)]
KeyVariable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$"), AfterValidator(_known_as_secret)]
"""The name of an environment variable that holds a key: no message shows what it holds, and no child process gets it,
from the moment in which a recipe names it."""
OnOff = BeforeValidator(_on_or_off)
"""For a setting that may be `on` or `off`, which YAML takes for truth values."""
JsonObject = Annotated[dict[str, Any], AfterValidator(_as_read_back)]
"""Anything by name. A YAML date is text here, as it is when the run reads its recipe back."""


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
    """What a setting names the path of. A run's recipe holds full paths, so that it can be resumed from any folder."""

    FILE = "a file"
    MODEL = "a model: a file, a folder, a name inside the package, or an id of the Hub"


FilePath = Annotated[str, Field(min_length=1), Place.FILE]
ModelName = Annotated[str, Field(min_length=1), Place.MODEL]


class Settings(BaseModel):
    """Frozen, unknown keys refused, a docstring beneath every setting."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        strict=True,
        hide_input_in_errors=True,  # what was given may be a secret
    )


def places(annotation: Any) -> set[Place]:
    """The marks in a setting's type, at any depth: `tuple[FilePath, ...] | None` holds files."""
    here = {mark for mark in getattr(annotation, "__metadata__", ()) if isinstance(mark, Place)}
    return here.union(*(places(part) for part in get_args(annotation)))


_ALWAYS = object()


@dataclass(frozen=True, slots=True)
class Frozen:
    """The frozen name of a setting in fingerprints, which stays when the setting is renamed; it is part of the
    annotation.

        retries: Annotated[int, Frozen("again")] = 2           # was called `again` when rows were first made with it
        top_k: Annotated[int | None, Frozen(since=None)] = None  # new: runs from before have the rows that null makes

    A setting without it has its own name in fingerprints. `tests/plan/test_frozen.py` holds every name that has ever
    been in a fingerprint.
    """

    name: str | None = None
    """The name in fingerprints; None is the setting's own."""
    since: Any = _ALWAYS
    """The value that equals the behavior before this setting existed: at that value it is left out."""


def frozen(settings: BaseModel, only: Collection[str] | None = None, without: Collection[str] = ()) -> dict[str, Any]:
    """Settings as a fingerprint knows them: frozen names to plain values.

    only, without: names of settings that are covered, or that are not since something else decides the rows.

        frozen(Dedup())  # {"near": True, "threshold": 0.8, "ngram": 3, "numbers": True}
    """
    found: dict[str, Any] = {}
    for name, field in type(settings).model_fields.items():
        mark = next((one for one in field.metadata if isinstance(one, Frozen)), Frozen())
        value = getattr(settings, name)
        left_out = (only is not None and name not in only) or name in without
        if not left_out and (mark.since is _ALWAYS or value != mark.since):
            found[mark.name or name] = _plain(value)
    return found


def _plain(value: Any) -> Any:
    match value:
        case BaseModel():
            return frozen(value)
        case Mapping():
            return {key: _plain(item) for key, item in value.items()}
        case tuple() | list():
            return [_plain(item) for item in value]
    return to_jsonable_python(value)
