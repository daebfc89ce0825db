"""The settings reference of the site, from the docstrings of the settings classes: `python scripts/settings_page.py`.

`mkdocs build` makes it anew each time (scripts/site.py), so that it cannot be old. Knows no stage by name.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from magpie.plan.recipe import Recipe
from magpie.plan.registry import STAGES
from magpie.settings import embedders, engines, sampling, scorers
from magpie.train.settings import Train

SHARED = (
    ("Engines", "What runs a model: `engine`, of a recipe or of a stage.", engines),
    ("Sampling and templates", "How tokens are sampled, and how a chat template is used.", sampling),
    ("Embedders", "What turns texts into vectors: `embed.embedder`.", embedders),
    ("Scorers", "What scores a conversation.", scorers),
)


def settings_page() -> str:
    """The page as Markdown."""
    return "\n".join(
        [
            "# Settings",
            "",
            "Every setting of a recipe, from the docstrings of the code. `magpie recipes NAME` prints a recipe with",
            "the same words. `--set stage.setting=VALUE` overrides one, and so does `settings` of `magpie.run`.",
            "",
            "## The recipe",
            "",
            *_table(Recipe, skip=("stages",)),
            *(line for spec in STAGES for line in _stage(spec.recipe_key, spec.about, spec.settings_class)),
            *(line for title, about, module in SHARED for line in _module(title, about, module)),
            "## Training",
            "",
            "`magpie train RUN --set train.NAME=VALUE`",
            "",
            *_table(Train),
        ]
    )


def _stage(key: str, about: str, settings: type[BaseModel]) -> Iterator[str]:
    yield from (f"## `{key}`", "", about, "", *_table(settings))
    own = settings.__module__
    for nested in _nested(settings, own, set()):
        yield from (f"### {nested.__name__}", "", _first_line(nested), "", *_table(nested))


def _module(title: str, about: str, module: types.ModuleType) -> Iterator[str]:
    yield from (f"## {title}", "", about, "")
    for kind in vars(module).values():
        is_own = isinstance(kind, type) and issubclass(kind, BaseModel) and kind.__module__ == module.__name__
        if is_own and not kind.__name__.startswith("_") and kind.model_fields:
            yield from (f"### {kind.__name__}", "", _first_line(kind), "", *_table(kind))


def _nested(settings: type[BaseModel], module: str, seen: set[type]) -> Iterator[type[BaseModel]]:
    """The settings classes of the same file that the fields are of, each once."""
    for field in settings.model_fields.values():
        for kind in _classes(field.annotation):
            if kind.__module__ == module and kind not in seen and kind is not settings:
                seen.add(kind)
                yield kind
                yield from _nested(kind, module, seen)


def _classes(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in typing.get_args(annotation):
        yield from _classes(part)


def _table(settings: type[BaseModel], skip: tuple[str, ...] = ()) -> list[str]:
    rows = [
        f"| `{name}` | {_type(field.annotation)} | {_default(field)} | {_cell(field.description or '')} |"
        for name, field in settings.model_fields.items()
        if name not in skip
    ]
    return ["| setting | type | default | meaning |", "|---|---|---|---|", *rows, ""] if rows else ["No settings.", ""]


def _type(annotation: Any) -> str:
    """An annotation in the words of YAML."""
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _type(parts[0])
    if annotation is type(None):
        return "null"
    if origin in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys(_type(part) for part in parts))
    if origin is typing.Literal:
        return " or ".join(f"`{part}`" for part in parts)
    if origin in (tuple, list) or annotation in (tuple, list):
        inner = [_type(part) for part in parts if part is not Ellipsis]
        return f"list of {' or '.join(dict.fromkeys(inner))}" if inner else "list"
    names = {str: "text", int: "whole number", float: "number", bool: "true or false"}
    if annotation in names:
        return names[annotation]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation.__name__
    is_mapping = isinstance(origin, type) and issubclass(origin, Mapping)
    return "mapping" if is_mapping else _cell(getattr(annotation, "__name__", str(annotation)))


def _default(field: Any) -> str:
    if field.default_factory is not None:
        return "empty"
    if field.default is PydanticUndefined:
        return "required"
    if isinstance(field.default, BaseModel):
        return type(field.default).__name__
    words = {None: "`null`", True: "`true`", False: "`false`"}
    if field.default is None or isinstance(field.default, bool):
        return words[field.default]
    value = list(field.default) if isinstance(field.default, tuple) else field.default
    return f"`{_cell(str(value))}`"


def _first_line(kind: type[BaseModel]) -> str:
    return _cell((kind.__doc__ or "").strip().partition("\n\n")[0])


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    print(settings_page())
