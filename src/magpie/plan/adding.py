"""A stage that is added to a run that is there: which other stages have to come with it, and which may not.

A column that is there, imported or made, is used. Stages that need no model are added on the way; one that asks a model
is never run without being asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from magpie.errors import RunError
from magpie.plan.recipe import Recipe
from magpie.plan.registry import column_map, stages
from magpie.stages.spec import StageSpec


def stages_to_add(recipe: Recipe, name: str, made: Collection[str], explicit: Collection[str]) -> list[str]:
    """The stages to work on, in order, so that the stage `name` of the recipe has what it reads; it is the last.

    made: the columns that the run has. explicit: the stages that the user gave settings for in the same call, which may
    ask a model. Raises `RunError`, with the command to run first, where a stage that needs a model would have to come.
    """
    order: list[str] = []
    _collect(recipe, stages()[name], set(made), explicit, order)
    return order


def _collect(recipe: Recipe, spec: StageSpec, made: set[str], explicit: Collection[str], order: list[str]) -> None:
    settings = recipe.settings(spec.recipe_key) or spec.settings_class()
    for column in spec.needs(settings, made):
        if column in made:
            continue
        maker = _maker(column, spec, order)
        if maker is None:
            continue  # the stage's builder says best what is missing
        if maker.needs_model and maker.name not in explicit:
            command = maker.name.replace("_", "-")
            raise RunError(
                f"{spec.name} reads {column}, which this run does not have; `{maker.name}` makes it and asks a model, "
                f"so it is not run unasked: run `magpie {command} RUN` first, or import rows that have {column}"
            )
        _collect(recipe, maker, made, explicit, order)
    order.append(spec.name)
    made |= {column.name for column in spec.columns}


def _maker(column: str, reader: StageSpec, order: Sequence[str]) -> StageSpec | None:
    """The stage to add for a column; None where no stage before the reader makes it, or it is added already."""
    names = list(stages())
    before = [name for name in column_map().makers.get(column, ()) if names.index(name) < names.index(reader.name)]
    usable = [name for name in before if stages()[name].command]
    return stages()[usable[0]] if usable and usable[0] not in order else None
