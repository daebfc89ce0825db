"""Recipes from files, by name, with overrides, and what is wrong with them in one line.

Knows YAML and the settings' names; knows nothing of what they do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from magpie.errors import RecipeError
from magpie.plan.recipe import Recipe, stages_model
from magpie.plan.registry import offered, recipe_keys, use_stage
from magpie.safe.documents import MOST_CHARACTERS, MOST_DEPTH, check_values, read_yaml
from magpie.safe.paths import expanded
from magpie.safe.redaction import redact
from magpie.safe.terminal import brief
from magpie.settings.base import Settings
from magpie.settings.embedders import name_the_embedder
from magpie.settings.engines import name_the_engine

_Kind = TypeVar("_Kind", bound=BaseModel)
_MOST_BYTES = 4 * MOST_CHARACTERS
"""Of a recipe's file; `read_yaml` counts the characters."""

DEFAULT = "basic"
"""The recipe of `magpie run` when none is named."""


def shipped() -> dict[str, str]:
    """Name to YAML text of the recipes inside the package."""
    folder = files("magpie") / "plan" / "library"
    found = {entry.name: entry.read_text(encoding="utf-8") for entry in folder.iterdir()}
    return {name.removesuffix(".yaml"): text for name, text in sorted(found.items()) if name.endswith(".yaml")}


def recipe_text(name_or_path: str) -> str:
    """The text of a shipped recipe, or of a file. Raises `RecipeError` when there is neither."""
    known = shipped()
    if name_or_path in known:
        return known[name_or_path]
    path = expanded(name_or_path)
    if path.exists():
        data, problem = _read(path)
        if problem is not None:
            raise _refused(f"recipe {brief(name_or_path, 200)}: not a YAML file that can be read: {problem}")
        if len(data) > _MOST_BYTES:
            raise _refused(f"recipe {brief(name_or_path, 200)}: more than {_MOST_BYTES:,} bytes; expected a YAML file")
        return data.decode("utf-8-sig")
    close = get_close_matches(name_or_path[:100], known, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise _refused(
        f"recipe {brief(name_or_path, 200)}: no such file, and no recipe of that name{hint} "
        f"(shipped: {', '.join(known)})"
    )


def _read(path: Path) -> tuple[bytes, str | None]:
    """A file's bytes, as far as they are looked at, and what is wrong with them."""
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) <= _MOST_BYTES:
            data.decode("utf-8-sig")
    except OSError as error:
        return b"", str(error.strerror)
    except UnicodeDecodeError as error:
        return b"", f"no UTF-8 text at byte {error.start:,}"
    return data, None


def _refused(message: str) -> RecipeError:
    """What is wrong with a recipe. What stands in one may be a secret at a wrong place."""
    return RecipeError(redact(message))


def parse(text: str, where: str, overrides: Sequence[str] = (), replace: Mapping[str, Any] | None = None) -> Recipe:
    """A checked recipe from YAML text. `overrides` are `a.b=value` as on the command line, `replace` are top-level
    settings that win over both. Raises `RecipeError`; `where` says in its message what the text is.
    """
    document = read_yaml(text, where)
    document = {} if document is None else document
    if not isinstance(document, dict):
        raise _refused(f"{where}: expected settings (`size: 1000`), found {type(document).__name__}")
    for override in overrides:
        _override(document, override)
    return check({**document, **(replace or {})}, where)


def overrides_document(overrides: Sequence[str]) -> dict[str, Any]:
    """What overrides alone say, as a document. Raises `RecipeError`.

    >>> overrides_document(["respond.n=2"])
    {'respond': {'n': 2}}
    """
    document: dict[str, Any] = {}
    for override in overrides:
        _override(document, override)
    return document


def check(document: Mapping[str, Any], where: str) -> Recipe:
    """A checked recipe from plain data. Raises `RecipeError`, outside of the handler: the caught error knows what was
    given, which may be a secret."""
    check_values(document, where)
    try:
        return Recipe.model_validate(_lists_as_tuples(document))
    except ValidationError as error:
        problem = _explain(error)
    raise _refused(f"{where}: {problem}")


def check_stage(key: str, settings: Mapping[str, Any]) -> Settings:
    """A stage's checked settings from plain data. Raises `RecipeError`, as `check` does."""
    use_stage(key)
    try:
        return recipe_keys()[key].settings_class.model_validate(_lists_as_tuples(settings))
    except ValidationError as error:
        problem = _explain(error)
    raise _refused(f"{key}: {problem}")


def check_settings(kind: type[_Kind], key: str, overrides: Sequence[str]) -> _Kind:
    """Settings that no recipe has, from overrides alone, as in `train.lr=1e-4`. Raises `RecipeError`, as `check` does,
    also where an override is of something else.

    >>> from magpie.settings.sampling import Sampling
    >>> check_settings(Sampling, "sampling", ["sampling.temperature=0.5"]).temperature
    0.5
    """
    document = overrides_document(overrides)
    if other := next((name for name in document if name != key), None):
        raise _refused(f"--set {brief(other, quoted=False)}: expected a setting of {key}, as in {key}.NAME=VALUE")
    given = document.get(key, {})
    if not isinstance(given, dict):
        raise _refused(f"--set {key}: holds settings; expected {key}.NAME=VALUE")
    check_values(given, key)
    try:
        return kind.model_validate(_lists_as_tuples(given))
    except ValidationError as error:
        problem = _explain(error, kind)
    raise _refused(f"{key}: {problem}")


def text_digest(text: str) -> str:
    """What names a recipe's text."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def dump(recipe: Recipe) -> str:
    """The recipe as YAML, every setting written out."""
    return yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=100)


def _override(document: dict[str, Any], override: str) -> None:
    path, equals, value = override.partition("=")
    names = path.strip().split(".")
    if not equals or not all(names):
        raise _refused(f"--set {brief(override)}: expected NAME=VALUE, as in --set instruct.sampling.temperature=1.1")
    if len(names) > MOST_DEPTH:
        raise _refused(f"--set {brief(override)}: {len(names):,} names; expected at most {MOST_DEPTH}")
    parsed = read_yaml(value, f"--set {brief(path.strip(), quoted=False)}")
    place = document
    for name in names[:-1]:
        below = place.get(name)
        # A copy, since an alias may have put the same settings in two places.
        place[name] = (
            dict(below) if isinstance(below, dict) else _in_full(name, below) if isinstance(below, str) else {}
        )
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


def _explain(error: ValidationError, kind: type[BaseModel] | None = None) -> str:
    """Everything that is wrong, in words. kind: the settings that it is about, where they are none of a recipe."""
    found = error.errors(include_url=False)
    more = f"; and {len(found) - _MOST_SHOWN:,} more" if len(found) > _MOST_SHOWN else ""
    return "; ".join(_explain_one(one, kind) for one in found[:_MOST_SHOWN]) + more


_MOST_SHOWN = 10
"""Mistakes that a message shows."""


_NAMED = ("engine", "embedder")
"""Settings that are of one of several kinds, by name."""
_TELL_ENOUGH = ("value_error", "union_tag_invalid")
"""Kinds of errors that name what is wrong; what was given is several settings, and one of them may be a secret."""


def _explain_one(one: Any, kind: type[BaseModel] | None) -> str:
    loc = one["loc"]
    # After `engine` and `embedder` there is the name of one of their kinds, which nobody writes there.
    parts = [str(part) for before, part in zip((None, *loc), loc, strict=False) if before not in _NAMED]
    where = ".".join(brief(part, quoted=False) for part in parts)
    if one["type"] == "extra_forbidden":
        return f"unknown setting {brief('.'.join(parts), 200)}{_did_you_mean(one['loc'], kind)}"
    if one["loc"][-1] == "api_key_env":
        return f"{where}: expected the name of an environment variable, such as MY_API_KEY, and never the key itself"
    told = brief(one["msg"].removeprefix("Value error, ").replace("valid tuple", "list"), 500, quoted=False)
    found = "" if one["type"] in _TELL_ENOUGH else f", found {_shown(one['input'])}"
    return f"{where}: {told}{found}"


def _shown(found: Any) -> str:
    """What was given, short. Of settings their names alone: one of their values may be a secret."""
    if isinstance(found, dict):
        return f"settings ({brief(', '.join(map(str, found)), 100, quoted=False)})"
    if isinstance(found, tuple | list):
        return f"a list of {len(found)}"
    return brief(found, 200)


def _did_you_mean(loc: tuple[int | str, ...], kind: type[BaseModel] | None) -> str:
    names = _settings_at(loc[:-1], kind)
    close = get_close_matches(str(loc[-1])[:100], names, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; expected one of {', '.join(names)}" if names else ""


def _settings_at(loc: tuple[int | str, ...], kind: type[BaseModel] | None = None) -> list[str]:
    """The names of the settings at a place in the recipe, or in settings of another kind."""
    models: list[type[BaseModel]] = [Recipe, stages_model(tuple(recipe_keys()))] if kind is None else [kind]
    for part in loc:
        tagged = [model for model in models if part in _tags(model)]
        models = tagged or [below for model in models for below in _models(_fields(model).get(str(part)))]
    others = () if loc or kind is not None else offered()
    return list(dict.fromkeys([*(name for model in models for name in _fields(model)), *others]))


def _fields(model: type[BaseModel]) -> dict[str, Any]:
    """A model's settings by the names that they have in a recipe."""
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    if model is Recipe:
        del fields["stages"]  # its content stands at the top level
    return fields


def _tags(model: type[BaseModel]) -> set[object]:
    name = model.model_fields.get("name")
    return {name.default} if name is not None else set()


def _models(field: Any) -> list[type[BaseModel]]:
    """The settings classes in a field's type."""
    if field is None:
        return []
    parts = getattr(field.annotation, "__args__", (field.annotation,))
    return [part for part in parts if isinstance(part, type) and issubclass(part, BaseModel)]
