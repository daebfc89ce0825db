"""Every stage, in the order of work: what can be judged from an instruction alone is judged before its response is paid
for. A new stage is a folder of `magpie.stages` and a line here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module

from magpie.columns import Column
from magpie.stages.spec import ColumnMap, StageSpec

_PACKAGES = (
    "imported",
    "instruct",
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


@cache
def stages() -> Mapping[str, StageSpec]:
    """Name to specification, in the registry's order.

    stages()["tag"].about
    """
    return {spec.name: spec for spec in STAGES}


@cache
def recipe_keys() -> Mapping[str, StageSpec]:
    """The keys of a recipe that hold a stage's settings, in the registry's order."""
    return {spec.recipe_key: spec for spec in STAGES}


@cache
def column_map() -> ColumnMap:
    """Every column that a stage may write, and which stages may write it."""
    columns: dict[str, Column] = {}
    makers: dict[str, tuple[str, ...]] = {}
    for spec in STAGES:
        for column in spec.columns:
            columns.setdefault(column.name, column)
            makers[column.name] = (*makers.get(column.name, ()), spec.name)
    return ColumnMap(columns, makers, tuple(spec.name for spec in STAGES))
