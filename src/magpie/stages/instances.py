"""Second instances of a judging stage: `tag@second` asks another judge, and writes `difficulty__second`.

An instance is a stage like any other: its specification is its base's under another name, and what its base builds is
renamed on the way out. It has seeds, a fingerprint and a folder of its own. Knows no stage by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from magpie.errors import RecipeError
from magpie.safe.terminal import brief
from magpie.seams import Asking, CorpusStage, Drop, Outcome, Row, Stage, TableStage

if TYPE_CHECKING:
    import pyarrow as pa

    from magpie.columns import Column
    from magpie.stages.spec import BoundStage, StageSpec

SIGN, BETWEEN = "@", "__"
"""What stands before an instance's name in the name of its stage, and in those of its columns."""
_LABEL = re.compile(r"[a-z][a-z0-9]{0,19}")


def split(name: str) -> tuple[str, str] | None:
    """The base stage and the instance that a name says; None for a name of no instance.

    >>> split("tag@second"), split("tag")
    (('tag', 'second'), None)
    """
    base, sign, label = name.partition(SIGN)
    return (base, label) if sign else None


def instance(base: StageSpec, label: str) -> StageSpec:
    """The specification of a second instance. Raises `RecipeError` for a name or a stage that does not allow one."""
    name = f"{base.name}{SIGN}{label}"
    if _LABEL.fullmatch(label) is None:
        raise RecipeError(
            f"{brief(name)}: expected a name of small letters and digits behind the {SIGN}, such as {base.name}@second"
        )
    if not base.repeatable:
        raise RecipeError(f"{brief(name)}: {base.name} cannot be in a recipe twice: only stages that judge rows can")
    columns = tuple(_named(column, label) for column in base.columns)
    key = f"{base.recipe_key}{SIGN}{label}"
    return replace(
        base,
        name=name,
        key=key,
        columns=columns,
        rewrites=(),
        by_default=False,
        after=base.name,
        instance=label,
        wrap=partial(bind, label),
    )


def bind(label: str, build: Callable[[Any, Any], BoundStage]) -> Callable[[Any, Any], BoundStage]:
    """The builder of an instance: what the base's builder makes, under the names of the instance."""

    def build_instance(settings: Any, context: Any) -> BoundStage:
        bound = build(settings, context)
        return replace(bound, stage=_renamed_stage(bound.stage, label))

    return build_instance


def _renamed_stage(stage: Any, label: str) -> Any:
    """The stage under its instance's name, writing the instance's columns."""
    names = {column.name: f"{column.name}{BETWEEN}{label}" for column in stage.writes}
    name, writes = f"{stage.name}{SIGN}{label}", tuple(_named(column, label) for column in stage.writes)
    match stage:
        case Stage():
            return replace(stage, name=name, writes=writes, ask=partial(_ask, stage.ask, names))
        case TableStage():
            return replace(stage, name=name, writes=writes, open=partial(_open, stage.open, names))
        case CorpusStage():
            raise AssertionError(f"{stage.name}: no stage over all rows is repeatable")


def _ask(ask: Callable[[Row], Asking], names: Mapping[str, str], row: Row) -> Asking:
    outcome: Outcome = yield from ask(row)
    if isinstance(outcome, Drop):
        return Drop(outcome.reason, _renamed(outcome.columns, names))
    return _renamed(outcome, names)


def _renamed(columns: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in columns.items()}


@contextmanager
def _open(
    open_base: Callable[[], AbstractContextManager[Callable[[pa.Table], pa.Table]]], names: Mapping[str, str]
) -> Iterator[Callable[[pa.Table], pa.Table]]:
    with open_base() as work:

        def renamed(table: pa.Table) -> pa.Table:
            made = work(table)
            return made.rename_columns([names.get(name, name) for name in made.column_names])

        yield renamed


def _named(column: Column, label: str) -> Column:
    return replace(column, name=f"{column.name}{BETWEEN}{label}")
