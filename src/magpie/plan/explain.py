"""A recipe as YAML with every setting's meaning above it: the reference that `magpie recipes NAME` prints.

The meanings are the docstrings of the settings classes and the stages' `about`; there is no second copy.
"""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from magpie.plan.recipe import Recipe
from magpie.plan.registry import recipe_keys

_WIDTH = 100


def explain(recipe: Recipe) -> str:
    """YAML that reads back as the same recipe."""
    return "".join(f"{line}\n" for line in (*_lines(recipe, ""), *_stages(recipe)))


def _stages(recipe: Recipe) -> Iterator[str]:
    """Every stage, null where the recipe does not have it."""
    for key, spec in recipe_keys().items():
        if spec.instance is not None and recipe.settings(key) is None:
            continue
        yield from (f"# {line}" for line in wrap(spec.about, _WIDTH))
        settings = recipe.settings(key)
        yield f"{key}: null" if settings is None else f"{key}:"
        if settings is not None:
            yield from _lines(settings, "  ")


def _lines(settings: BaseModel, indent: str) -> Iterator[str]:
    for name, field in type(settings).model_fields.items():
        if isinstance(settings, Recipe) and name == "stages":
            continue
        meaning = " ".join((field.description or "").split())
        yield from (f"{indent}# {line}" for line in wrap(meaning, _WIDTH - len(indent)))
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            yield f"{indent}{name}:"
            yield from _lines(value, indent + "  ")
        elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
            yield f"{indent}{name}:"
            yield from (f"{indent}  - {_scalar(_short(item))}" for item in value)
        else:
            yield f"{indent}{name}: {_scalar(settings.model_dump(mode='json', include={name})[name])}"


def _short(item: BaseModel) -> Any:
    """One of several settings of a kind, without what it leaves at its default, as far as that reads back the same."""
    try:
        said = item.model_dump_json(exclude_defaults=True)
        same = type(item).model_validate_json(said) == item
    except ValidationError:
        same = False
    return item.model_dump(mode="json", exclude_defaults=same)


def _scalar(value: Any) -> str:
    """A value on one line."""
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10_000)
    return text.removesuffix("\n").removesuffix("\n...")
