"""Recipes from files, by name, with overrides, and what is wrong with them in one line.

Knows YAML and the settings' names; knows nothing of what they do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from magpie.errors import RecipeError
from magpie.recipes.engines import ENGINES
from magpie.recipes.settings import Recipe

_ENGINE_NAMES = {engine.model_fields["name"].default for engine in ENGINES}

DEFAULT = "basic"
"""The recipe of `magpie run` when none is named."""
MOST_VALUES = 1_000_000
"""Values of a recipe, which may be a stranger's; the lists of words in it are the most of them."""


def shipped() -> dict[str, str]:
    """Name to YAML text of the recipes inside the package."""
    folder = files("magpie") / "recipes" / "library"
    found = {entry.name: entry.read_text(encoding="utf-8") for entry in folder.iterdir()}
    return {name.removesuffix(".yaml"): text for name, text in sorted(found.items()) if name.endswith(".yaml")}


def recipe_text(name_or_path: str) -> str:
    """The text of a shipped recipe, or of a file. Raises `RecipeError` when there is neither."""
    known = shipped()
    if name_or_path in known:
        return known[name_or_path]
    path = Path(name_or_path).expanduser()
    if path.exists():
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(f"recipe {name_or_path!r}: not a YAML file that can be read: {error}") from error
    close = get_close_matches(name_or_path, known, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise RecipeError(
        f"recipe {name_or_path!r}: no such file, and no recipe of that name{hint} (shipped: {', '.join(known)})"
    )


def parse(text: str, where: str, overrides: Sequence[str] = (), replace: Mapping[str, Any] | None = None) -> Recipe:
    """A checked recipe from YAML text. `overrides` are `a.b=value` as on the command line, `replace` are top-level
    settings that win over both. Raises `RecipeError`; `where` says in its message what the text is.
    """
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise RecipeError(f"{where}: not valid YAML: {' '.join(str(error).split())}") from error
    except RecursionError:
        raise RecipeError(f"{where}: not a recipe: lists or settings in each other without end") from None
    _check_values(document, where)
    document = {} if document is None else document
    if not isinstance(document, dict):
        raise RecipeError(f"{where}: expected settings (`size: 1000`), found {type(document).__name__}")
    for override in overrides:
        _override(document, override)
    return check({**document, **(replace or {})}, where)


def check(document: Mapping[str, Any], where: str) -> Recipe:
    """A checked recipe from plain data."""
    try:
        return Recipe.model_validate(_lists_as_tuples(document))
    except ValidationError as error:
        raise RecipeError(f"{where}: {_explain(error)}") from error


def dump(recipe: Recipe) -> str:
    """The recipe as YAML, every setting written out."""
    return yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=100)


def _override(document: dict[str, Any], override: str) -> None:
    path, equals, value = override.partition("=")
    names = path.strip().split(".")
    if not equals or not all(names):
        raise RecipeError(f"--set {override!r}: expected NAME=VALUE, as in --set instruct.sampling.temperature=1.1")
    try:
        parsed = yaml.safe_load(value)
    except (yaml.YAMLError, RecursionError) as error:
        raise RecipeError(f"--set {override!r}: the value is not valid YAML") from error
    _check_values(parsed, f"--set {override!r}")
    place = document
    for name in names[:-1]:
        below = place.get(name)
        # `engine: scripted` is short for `engine: {name: scripted}`, and may be refined.
        place[name] = below if isinstance(below, dict) else {"name": below} if isinstance(below, str) else {}
        place = place[name]
    place[names[-1]] = parsed


def _check_values(document: Any, where: str) -> None:
    """Raises `RecipeError` for more values than a recipe has, and for a text that no file can hold.

    Values that aliases repeat count each time: ten lists of ten aliases each, one in the other, are ten billion values.
    """
    waiting, count = [document], 1
    while waiting:
        value = waiting.pop()
        if isinstance(value, str) and not value.isascii() and value != value.encode("utf-8", "replace").decode():
            raise RecipeError(f"{where}: a text holds half of a surrogate pair, which is no character: take it out")
        inside = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else ()
        count += len(inside)
        if count > MOST_VALUES:
            raise RecipeError(
                f"{where}: not a recipe: more than {MOST_VALUES:,} values, or a few that YAML aliases repeat as often"
            )
        waiting += inside


def _lists_as_tuples(value: Any) -> Any:
    """YAML has lists and no tuples, frozen settings have tuples and no lists; further arguments stay as given."""
    if isinstance(value, Mapping):
        return {
            key: item if key in ("kwargs", "engine_kwargs") else _lists_as_tuples(item) for key, item in value.items()
        }
    if isinstance(value, list):
        return tuple(_lists_as_tuples(item) for item in value)
    return value


def _explain(error: ValidationError) -> str:
    """Everything that is wrong, in words."""
    return "; ".join(_explain_one(one) for one in error.errors(include_url=False))


_TELL_ENOUGH = ("value_error", "union_tag_invalid")
"""Kinds of errors that name what is wrong; what was given is several settings, and one of them may be a secret."""


def _explain_one(one: Any) -> str:
    where = ".".join(str(part) for part in one["loc"] if part not in _ENGINE_NAMES)
    if one["type"] == "extra_forbidden":
        return f"unknown setting {where!r}{_did_you_mean(one['loc'])}"
    if one["loc"][-1] == "api_key_env":
        return f"{where}: expected the name of an environment variable, such as MY_API_KEY, and never the key itself"
    told = one["msg"].removeprefix("Value error, ").replace("valid tuple", "list")
    shown = "" if one["type"] in _TELL_ENOUGH else f", found {one['input']!r}"
    return f"{where}: {told}{shown}"


def _did_you_mean(loc: tuple[int | str, ...]) -> str:
    names = _settings_at(loc[:-1])
    close = get_close_matches(str(loc[-1]), names, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; expected one of {', '.join(names)}" if names else ""


def _settings_at(loc: tuple[int | str, ...]) -> list[str]:
    """The names of the settings at a place in the recipe."""
    models: list[type[BaseModel]] = [Recipe]
    for part in loc:
        tagged = [model for model in models if part in _tags(model)]
        models = tagged or [below for model in models for below in _models(model.model_fields.get(str(part)))]
    return list(dict.fromkeys(name for model in models for name in model.model_fields))


def _tags(model: type[BaseModel]) -> set[object]:
    name = model.model_fields.get("name")
    return {name.default} if name is not None else set()


def _models(field: Any) -> list[type[BaseModel]]:
    """The settings classes in a field's type."""
    if field is None:
        return []
    parts = getattr(field.annotation, "__args__", (field.annotation,))
    return [part for part in parts if isinstance(part, type) and issubclass(part, BaseModel)]
