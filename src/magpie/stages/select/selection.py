"""What a selection is: as settings give it, and taken apart into steps that can be counted one by one.

Knows no SQL and no run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import pyarrow as pa

from magpie.stages.select.shown import clipped


@dataclass(frozen=True, slots=True)
class Quota:
    """The most rows that may have the same value."""

    by: str
    """An expression over the columns, as SQL."""
    most: int


@dataclass(frozen=True, slots=True)
class Asked:
    """A selection as settings give it."""

    text: str
    """A SELECT."""
    also: tuple[str, ...] = ()
    """Further clauses."""
    without: tuple[str, ...] = ()
    """Columns: clauses of the text that read one of them are left out; those of `also` stay."""
    order: str | None = None
    """What stands behind ORDER BY, in place of the text's own."""
    limit: int | None = None
    """In place of the text's own."""
    quotas: tuple[Quota, ...] = ()
    diverse: bool = False
    """Order by how far a row lies from those before it."""
    bands: str | None = None
    """An expression: of two rows, the one with the larger value comes first, however near it lies to others."""

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """From what `dataclasses.asdict` gives, once it was JSON."""
        quotas = tuple(Quota(**quota) for quota in plain["quotas"])
        return cls(**{**plain, "also": tuple(plain["also"]), "without": tuple(plain["without"]), "quotas": quotas})


@dataclass(frozen=True, slots=True)
class Clause:
    """A condition that a row has to meet."""

    words: str
    """As its author wrote it."""
    sql: str
    """Over the columns; a clause of QUALIFY, over the keys."""
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Selection:
    """What a selection comes down to: clauses, then clauses over several rows, quotas, and a limit in an order."""

    clauses: tuple[Clause, ...]
    shares: tuple[Clause, ...]
    """Of QUALIFY."""
    quotas: tuple[tuple[str, Quota], ...]
    """Each with the key that holds its value."""
    order: tuple[str, ...]
    """Over the keys; ties end with the row's number."""
    limit: int | None
    diverse: bool
    band: str | None
    """The key that holds the row's band."""
    keys: Mapping[str, str]
    """What else is to be known of a row beside whether it meets the clauses: name to SQL over the columns."""
    places: Mapping[str, str]
    """What rows are ordered by that looks at several of them, after WHERE and QUALIFY: name to SQL over the keys."""
    labels: tuple[str, ...]
    """The columns that are read as labels with an order."""
    reads: tuple[str, ...]
    """Every column that is read, as the author writes its name."""

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """From what `dataclasses.asdict` gives, once it was JSON."""
        lists = {name: tuple(plain[name]) for name in ("order", "labels", "reads")}
        clauses = {name: tuple(map(_clause, plain[name])) for name in ("clauses", "shares")}
        quotas = tuple((key, Quota(**quota)) for key, quota in plain["quotas"])
        return cls(**{**plain, **lists, **clauses, "quotas": quotas})

    def steps(self) -> list[str]:
        """What may drop a row, in order: the clauses' words, `quota of ...`, `limit`. Long words are cut: every row
        that is dropped carries them."""
        told = [clause.words for clause in (*self.clauses, *self.shares)]
        told += [f"quota of {quota.by}" for _, quota in self.quotas]
        return [clipped(step, 300) for step in told] + ["limit"] * (self.limit is not None)

    def clause_columns(self) -> list[str]:
        """The columns that clauses of WHERE read, each once."""
        return list(dict.fromkeys(column for clause in self.clauses for column in clause.columns))

    def settings(self) -> dict[str, Any]:
        """All that decides which rows come through, as plain values."""
        return {
            "clauses": [clause.words for clause in (*self.clauses, *self.shares)],
            "quotas": [[quota.by, quota.most] for _, quota in self.quotas],
            "order": [_with_keys(order, self.keys, self.places) for order in self.order],
            "limit": self.limit,
            "diverse": self.diverse,
            "bands": None if self.band is None else self.keys[self.band],
        }


def told(fell: pa.Table, selection: Selection, reason: str) -> pa.Table:
    """`row`, `selection_rank` and `drop_reason`, from `row`, `rank` and `fell`, the number of the step that dropped the
    row: `not_selected: NOT is_repeat`."""
    reasons = pa.array([f"{reason}: {step}" for step in selection.steps()], pa.string())
    columns = {"row": fell["row"], "selection_rank": fell["rank"], "drop_reason": reasons.take(fell["fell"])}
    return pa.table(columns)


def _clause(plain: Mapping[str, Any]) -> Clause:
    return Clause(plain["words"], plain["sql"], tuple(plain["columns"]))


def _with_keys(order: str, keys: Mapping[str, str], places: Mapping[str, str]) -> str:
    key, space, rest = order.partition(" ")
    if key in keys:
        return f"{keys[key]}{space}{rest}"
    over = _KEY.sub(lambda name: keys.get(name[0], name[0]), places[key])
    return f"{over}{space}{rest}"


_KEY = re.compile(r"\bk\d+\b")
