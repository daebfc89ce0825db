"""What a recipe would read and contact, and the libraries that it needs, told from its settings alone: no model is
looked at, and nothing is asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from magpie.errors import MissingExtra
from magpie.install import install_hint
from magpie.modelfiles.locate import shipped_models
from magpie.plan.recipe import Recipe
from magpie.plan.registry import recipe_keys
from magpie.settings.base import Place, Settings, places

HUB = "huggingface.co"


@dataclass(frozen=True, slots=True)
class Touches:
    """What is outside of magpie and of the run's folder."""

    reads: tuple[str, ...]
    """Files and folders."""
    contacts: tuple[str, ...]
    """URLs of servers, and what is fetched from the Hub where its cache does not have it."""


def touches(recipe: Recipe) -> Touches:
    """What the recipe would read and contact, each once.

    Example: `touches(resolve("basic", Path("runs/x"))).contacts` is `()`.
    """
    found = list(dict.fromkeys(_touched(recipe)))
    return Touches(
        tuple(text for kind, text in found if kind == "read"), tuple(text for kind, text in found if kind == "contact")
    )


def check_libraries(recipe: Recipe) -> None:
    """Raise `MissingExtra` for all that the stages need of the extra `curation` and is not installed, in one line."""
    lacking: dict[str, list[str]] = {}
    for key, settings in recipe.stages.items():
        for module, library in recipe_keys()[key].libraries(settings).items():
            if find_spec(module) is None:
                lacking.setdefault(library, []).append(key)
    if lacking:
        told = "; ".join(f"{library} ({', '.join(keys)})" for library, keys in lacking.items())
        raise MissingExtra(
            f"the recipe's stages need libraries that are not installed: {told}. Leave these stages or settings out, "
            f"or install them: {install_hint('curation')}"
        )


def _touched(value: Any, marks: frozenset[Place] = frozenset(), name: str = "") -> Iterator[tuple[str, str]]:
    match value:
        case Settings():
            for field_name, field in type(value).model_fields.items():
                own = frozenset(mark for mark in field.metadata if isinstance(mark, Place)) | places(field.annotation)
                yield from _touched(getattr(value, field_name), own, field_name)
        case Mapping():
            for key, item in value.items():
                yield from _touched(item, marks, str(key))
        case tuple() | list():
            for item in value:
                yield from _touched(item, marks, name)
        case str() if Place.MODEL in marks:
            yield from _model(value)
        case str() if Place.FILE in marks:
            yield "read", value
        case str() if name in ("url", "urls") and "://" in value:
            yield "contact", value
        case str() if name == "hub":
            yield "contact", f"{HUB}: {value}"


def _model(name: str) -> Iterator[tuple[str, str]]:
    if name in shipped_models():
        yield "read", f"{name} (inside the package)"
    elif Path(name).exists() or Path(name).is_absolute():
        yield "read", name
    elif "/" in name:
        yield "contact", f"{HUB}: {name}"
