"""What each step of a selection costs: the rows that it drops alone, in its turn, and that nothing else drops.

Knows what a selection found; prints nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

from magpie.stages.select.selection import Selection

if TYPE_CHECKING:
    from magpie.stages.select.rows import Judged


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one step, in rows."""

    step: str
    alone: int
    """Dropped if it were the only step."""
    in_turn: int
    """Dropped of those that the steps before leave."""
    only: int | None
    """Dropped by no other clause: what leaving it out would bring back to the steps after. None for what is no clause
    of WHERE."""


@dataclass(frozen=True, slots=True)
class Costs:
    """Of a whole selection, in rows."""

    rows: int
    """That reach it."""
    kept: int
    steps: tuple[Cost, ...]
    null: dict[str, int]
    """Columns that clauses read to the rows that have nothing there, where there are any; a clause drops what it cannot
    tell of."""

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """From what `plain` gives, once it was JSON."""
        return cls(**{**plain, "steps": tuple(Cost(**step) for step in plain["steps"])})


def costs(judged: Judged) -> Costs:
    """Counts a selection that has settled."""
    selection = judged.selection
    (rows,) = judged.numbers("SELECT count(*) FROM judged")
    (kept,) = judged.numbers("SELECT count(*) FROM fates WHERE fell IS NULL")
    steps = selection.steps()
    in_turn = _counted(judged, [f"fell = {n}" for n in range(len(steps))], "fates")
    clauses = len(selection.clauses)
    alone = [*_alone(judged), *_together_alone(judged, rows)]
    only = [*_only(judged), *[None] * (len(steps) - clauses)]
    counted = zip(steps, alone, in_turn, only, strict=True)
    return Costs(rows, kept, tuple(Cost(*one) for one in counted), _null(judged))


def _alone(judged: Judged) -> list[int]:
    return _counted(judged, [f"c{n} IS NOT TRUE" for n in range(len(judged.selection.clauses))])


def _only(judged: Judged) -> list[int]:
    missed = [f"c{n} IS NOT TRUE" for n in range(len(judged.selection.clauses))]
    together = " + ".join(f"({one})::INT" for one in missed)
    return _counted(
        judged, [f"missed = 1 AND {one}" for one in missed], f"(SELECT *, {together} AS missed FROM judged)"
    )


def _together_alone(judged: Judged, rows: int) -> list[int]:
    """What looks at several rows, over all of them."""
    selection = judged.selection
    dropped = []
    for share in selection.shares:
        dropped += judged.numbers(f"SELECT sum((q IS NOT TRUE)::INT) FROM (SELECT ({share.sql}) AS q FROM judged)")
    for key, quota in selection.quotas:
        groups = f"SELECT count(*) AS n FROM judged GROUP BY {key}"
        dropped += judged.numbers(f"SELECT sum(greatest(n - {quota.most}, 0)) FROM ({groups})")
    return dropped if selection.limit is None else [*dropped, max(0, rows - selection.limit)]


def _null(judged: Judged) -> dict[str, int]:
    names = judged.selection.clause_columns()
    counted = _counted(judged, [f"n{n}" for n in range(len(names))])
    return {name: count for name, count in zip(names, counted, strict=True) if count}


def _counted(judged: Judged, conditions: list[str], table: str = "judged") -> list[int]:
    """The rows that meet each condition."""
    counts = ", ".join(f"count(*) FILTER ({condition})" for condition in conditions)
    return judged.numbers(f"SELECT {counts} FROM {table}") if conditions else []


def in_words(selection: Selection, found: Costs) -> str:
    """The clauses and what each drops alone, in one line."""
    steps = ", ".join(f"{cost.step} drops {cost.alone:,}" for cost in found.steps[: len(selection.clauses)])
    null = "".join(f"; {name} is null in {count:,}" for name, count in found.null.items())
    return f"of {found.rows:,} rows {steps or 'none was dropped by a clause'}{null}"
