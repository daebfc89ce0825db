"""Every stage, in the order of work: what can be judged from an instruction alone is judged before its response is paid
for. A new stage of magpie's own is a folder of `magpie.stages` and a line here; stages of other packages stand in
`plugins`, second instances are made of their base (`magpie.stages.instances`); both are here from their first use on.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint

from magpie.columns import Column
from magpie.plan.plugins import in_order, load_plugin, plugins
from magpie.stages.instances import instance, split
from magpie.stages.spec import ColumnMap, StageSpec

_PACKAGES = (
    "imported",
    "instruct",
    "sanitize",
    "screen",
    "dedup",
    "decontaminate",
    "embed",
    "neighbors",
    "tag",
    "shortlist",
    "respond",
    "screen_responses",
    "follow_up",
    "respond_base",
    "reward",
    "safety",
    "respond_against",
    "compare",
    "grade",
    "check",
    "choose",
    "pair",
    "select",
)
"""Packages of `magpie.stages`, each with a `SPEC`."""


def _spec(package: str) -> StageSpec:
    found: StageSpec = import_module(f"magpie.stages.{package}").SPEC
    return found


STAGES = tuple(_spec(package) for package in _PACKAGES)
"""Magpie's own stages."""
_used: list[StageSpec] = []
"""Stages of other packages and second instances that a recipe or a command of this process has named."""


def use_stage(name: str) -> None:
    """Make a stage known that is not one of magpie's own: one of another package, imported at the first use, or a
    second instance such as `tag@second`. Does nothing for any other name.

    Raises `RecipeError` where the package does not load, or the stage does not fit in or cannot be there twice.
    """
    if any(spec.recipe_key == name for spec in _used):
        return
    if (parts := split(name)) is not None:
        base, label = parts
        use_stage(base)
        if base not in recipe_keys():
            return
        spec = instance(recipe_keys()[base], label)
    elif name in offered():
        spec = load_plugin(name, offered()[name], stages(), column_map())
    else:
        return
    _used.append(spec)
    for cached in (stages, recipe_keys, column_map):
        cached.cache_clear()


@cache
def offered() -> Mapping[str, EntryPoint]:
    """The stages of other packages, by their names: none of them takes a name of magpie's own. Imports none of them."""
    own = {spec.name for spec in STAGES} | {spec.recipe_key for spec in STAGES}
    return {name: entry for name, entry in plugins().items() if name not in own}


def all_stages() -> tuple[StageSpec, ...]:
    """Every stage that is known in this process, in order."""
    return in_order(STAGES, _used)


@cache
def stages() -> Mapping[str, StageSpec]:
    """Name to specification, in the registry's order.

    stages()["tag"].about
    """
    return {spec.name: spec for spec in all_stages()}


@cache
def recipe_keys() -> Mapping[str, StageSpec]:
    """The keys of a recipe that hold a stage's settings, in the registry's order."""
    return {spec.recipe_key: spec for spec in all_stages()}


@cache
def column_map() -> ColumnMap:
    """Every column that a stage may write, and which stages may write it."""
    columns: dict[str, Column] = {}
    makers: dict[str, tuple[str, ...]] = {}
    for spec in all_stages():
        for column in spec.columns:
            columns.setdefault(column.name, column)
            makers[column.name] = (*makers.get(column.name, ()), spec.name)
    return ColumnMap(columns, makers, tuple(spec.name for spec in all_stages()))
