"""Entry points of other packages: embedders, scorers and formats of exports, imported when they are used.

A package says in its pyproject.toml, under a name of its own, where its value is:

    [project.entry-points."magpie.embedders"]
    initials = "my_package:EMBEDDER"

The value of an embedder or a scorer is an `Extension`; that of a format is a `magpie.export.shapes.Shape`. Stages have
more to say of themselves, and a file of their own (`magpie.plan.plugins`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from magpie.errors import RecipeError
from magpie.safe.terminal import brief

EMBEDDERS, SCORERS, FORMATS = "magpie.embedders", "magpie.scorers", "magpie.export_formats"
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")


@dataclass(frozen=True, slots=True)
class Extension:
    """An embedder or a scorer of another package.

    EMBEDDER = Extension(open=open_initials, version=1)
    """

    open: Callable[..., AbstractContextManager[Any]]
    """Called with the `kwargs` of the recipe, when rows are missing; gives an `Embedder` or a `Scorer` as
    `magpie.seams` describes them."""
    version: int = 1
    """The version: increased when the same texts would get other vectors or scores; the fingerprint covers it."""
    loads_model: bool = False
    """Whether opening it loads a model: engines are then closed first, so that they never share memory."""


@cache
def offered(group: str) -> Mapping[str, EntryPoint]:
    """The entry points of a group, by their names. Imports none of them.

    >>> "messages" in offered(FORMATS)
    False
    """
    found = sorted(entry_points(group=group), key=lambda entry: (entry.name, package_of(entry)))
    return {entry.name: entry for entry in reversed(found) if _NAME.fullmatch(entry.name)}


def package_of(entry: EntryPoint) -> str:
    """The name and the version of the package that an entry point is of."""
    return "an unknown package" if entry.dist is None else f"{entry.dist.name} {entry.dist.version}"


def load_extension(group: str, name: str, kind: type | tuple[type, ...]) -> Any:
    """The value behind an entry point. kind: what it has to be an instance of.

    Raises `RecipeError`, one line with the package's name, where there is none, it does not load, or it has another
    type.
    """
    if name not in offered(group):
        known = ", ".join(offered(group)) or "none"
        raise RecipeError(f"{brief(name)}: no installed package offers this in {group}; offered: {known}")
    entry = offered(group)[name]
    value = load_entry(entry, f"{name}: what {package_of(entry)} offers in {group}")
    if not isinstance(value, kind):
        expected = kind[0] if isinstance(kind, tuple) else kind
        raise RecipeError(
            f"{name}: what {package_of(entry)} offers in {group} is {type(value).__name__}; expected a "
            f"{expected.__module__}.{expected.__qualname__}"
        )
    return value


def load_entry(entry: EntryPoint, what: str) -> Any:
    """Import what an entry point names. Raises `RecipeError` in one line, whatever the package raises."""
    try:
        return entry.load()
    except Exception as error:  # it is anybody's code
        told = brief(str(error), 200, quoted=False)
        raise RecipeError(
            f"{what} cannot be loaded ({type(error).__name__}: {told}); correct or uninstall the package"
        ) from error
