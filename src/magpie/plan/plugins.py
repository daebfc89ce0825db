"""Stages of other packages: entry points of the group `magpie.stages`, imported when a recipe or a command names one.

A package says in its pyproject.toml, under the stage's name, where its `StageSpec` is:

    [project.entry-points."magpie.stages"]
    readability = "magpie_stage_readability:SPEC"
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from magpie.columns import BOOKKEEPING, ROW, is_type
from magpie.errors import RecipeError
from magpie.extensions import load_entry, package_of
from magpie.safe.terminal import brief
from magpie.stages.spec import ColumnMap, StageSpec

GROUP = "magpie.stages"
BEFORE = "select"
"""Of magpie's own stages, the one before which a stage stands that names no other."""
_NAME = re.compile(r"[a-z][a-z_]{0,39}")


@cache
def plugins() -> Mapping[str, EntryPoint]:
    """The stages that other packages offer, by their names in recipes. Imports none of them.

    plugins()["readability"].dist.name
    """
    offered = sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, package_of(entry)))
    return {entry.name: entry for entry in reversed(offered) if _NAME.fullmatch(entry.name)}


def load_plugin(name: str, entry: EntryPoint, stages: Mapping[str, StageSpec], known: ColumnMap) -> StageSpec:
    """The specification behind an entry point, checked. stages, known: what is there already.

    Raises `RecipeError`, with the package's name, for one that does not load or does not fit in.
    """
    package = package_of(entry)
    spec = load_entry(entry, f"{name}: the stage of {package}")
    if (problem := _problem(name, spec, stages, known)) is not None:
        raise RecipeError(f"{name}: the stage of {package} does not fit in: {problem}")
    checked: StageSpec = spec
    return checked


def _problem(name: str, spec: object, stages: Mapping[str, StageSpec], known: ColumnMap) -> str | None:
    if not isinstance(spec, StageSpec):
        return f"its entry point is {type(spec).__name__}; expected a magpie.stages.spec.StageSpec"
    if spec.name != name or spec.recipe_key != name:
        return f"it calls itself {brief(spec.name)}; expected the name of its entry point"
    if spec.after is not None and spec.after not in stages:
        return f"after={spec.after!r} names no stage; expected one of {', '.join(stages)}"
    taken = {ROW.name, *(column.name for column in BOOKKEEPING), *known.columns}
    for column in spec.columns:
        if _NAME.fullmatch(column.name) is None:
            return f"the name of its column {brief(column.name)}; expected small letters and underscores"
        if column.name in taken:
            return f"its column {column.name} is there already; expected a name of its own"
        if not is_type(column.type):
            return f"the type of its column {column.name} is {brief(column.type)}; expected one of magpie.columns"
    return None


def in_order(own: Sequence[StageSpec], others: Iterable[StageSpec]) -> tuple[StageSpec, ...]:
    """Magpie's own stages, and each of the others behind the stage that it names; instances by their names."""
    ordered = list(own)
    others = list(others)
    packaged = [spec for spec in others if spec.instance is None]
    instances = [spec for spec in others if spec.instance is not None]
    # Instances come last, since a stage of a package may have one; in reverse, since each goes right behind its base.
    for spec in [*packaged, *sorted(instances, key=lambda spec: spec.name, reverse=True)]:
        names = [each.name for each in ordered]
        place = names.index(BEFORE) if spec.after is None else names.index(spec.after) + 1
        ordered.insert(place, spec)
    return tuple(ordered)
