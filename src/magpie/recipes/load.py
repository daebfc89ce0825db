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
from magpie.recipes.engines import name_the_engine
from magpie.recipes.neighboring import name_the_embedder
from magpie.recipes.settings import Recipe
from magpie.safe.redaction import MOST_SHOWN, one_line, redact

DEFAULT = "basic"
"""The recipe of `magpie run` when none is named."""


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
            raise _refused(f"recipe {name_or_path!r}: not a YAML file that can be read: {error}") from None
    close = get_close_matches(name_or_path, known, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise _refused(
        f"recipe {name_or_path!r}: no such file, and no recipe of that name{hint} (shipped: {', '.join(known)})"
    )


def _refused(message: str) -> RecipeError:
    """What is wrong with a recipe. What stands in one may be a secret at a wrong place."""
    return RecipeError(redact(message))


def parse(text: str, where: str, overrides: Sequence[str] = (), replace: Mapping[str, Any] | None = None) -> Recipe:
    """A checked recipe from YAML text. `overrides` are `a.b=value` as on the command line, `replace` are top-level
    settings that win over both. Raises `RecipeError`; `where` says in its message what the text is.
    """
    document, problem = _yaml(text)
    if problem is not None:
        raise _refused(f"{where}: not valid YAML: {problem}")
    document = {} if document is None else document
    if not isinstance(document, dict):
        raise _refused(f"{where}: expected settings (`size: 1000`), found {type(document).__name__}")
    for override in overrides:
        _override(document, override)
    return check({**document, **(replace or {})}, where)


def check(document: Mapping[str, Any], where: str) -> Recipe:
    """A checked recipe from plain data. Raises `RecipeError`, outside of the handler: the caught error knows what was
    given, which may be a secret."""
    try:
        return Recipe.model_validate(_lists_as_tuples(document))
    except ValidationError as error:
        problem = _explain(error)
    raise _refused(f"{where}: {problem}")


def _yaml(text: str) -> tuple[Any, str | None]:
    """The value of a YAML document, or what is wrong with it."""
    try:
        return yaml.safe_load(text), None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return None, " ".join(str(error).split())


def dump(recipe: Recipe) -> str:
    """The recipe as YAML, every setting written out."""
    return yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=100)


def _override(document: dict[str, Any], override: str) -> None:
    path, equals, value = override.partition("=")
    names = path.strip().split(".")
    if not equals or not all(names):
        raise _refused(f"--set {override!r}: expected NAME=VALUE, as in --set instruct.sampling.temperature=1.1")
    parsed, problem = _yaml(value)
    if problem is not None:
        raise _refused(f"--set {override!r}: the value is not valid YAML")
    place = document
    for name in names[:-1]:
        below = place.get(name)
        place[name] = below if isinstance(below, dict) else _in_full(name, below) if isinstance(below, str) else {}
        place = place[name]
    place[names[-1]] = parsed


def _in_full(name: str, short: str) -> dict[str, Any]:
    """A setting that a text is short for, and that is to be refined: `engine: scripted` is `engine: {name: scripted}`,
    a URL is a server's."""
    try:
        found = name_the_embedder(short) if name == "embedder" else name_the_engine(short)
    except ValueError as error:
        problem = str(error)
    else:
        return dict(found)
    raise _refused(f"{name}: {problem}")


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


_NAMED = ("engine", "embedder")
"""Settings that are of one of several kinds, by name."""
_TELL_ENOUGH = ("value_error", "union_tag_invalid")
"""Kinds of errors that name what is wrong; what was given is several settings, and one of them may be a secret."""


def _explain_one(one: Any) -> str:
    loc = one["loc"]
    # After `engine` and `embedder` there is the name of one of their kinds, which nobody writes there.
    where = ".".join(str(part) for before, part in zip((None, *loc), loc, strict=False) if before not in _NAMED)
    if one["type"] == "extra_forbidden":
        return f"unknown setting {where!r}{_did_you_mean(one['loc'])}"
    if one["loc"][-1] == "api_key_env":
        return f"{where}: expected the name of an environment variable, such as MY_API_KEY, and never the key itself"
    told = one["msg"].removeprefix("Value error, ").replace("valid tuple", "list")
    found = "" if one["type"] in _TELL_ENOUGH else f", found {_shown(one['input'])}"
    return f"{where}: {one_line(told, MOST_SHOWN)}{found}"


def _shown(found: Any) -> str:
    """What was given, short. Of settings their names alone: one of their values may be a secret."""
    if isinstance(found, dict):
        return f"settings ({one_line(', '.join(map(str, found)), 100)})"
    if isinstance(found, tuple | list):
        return f"a list of {len(found)}"
    return repr(one_line(found, 100)) if isinstance(found, str) else one_line(repr(found), 100)


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
