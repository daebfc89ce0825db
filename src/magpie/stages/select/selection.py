"""What a selection is: as settings give it, and taken apart into steps that can be counted one by one.

Knows no SQL and no run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


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
    """Columns: clauses that read one of them are left out."""
    order: str | None = None
    """What stands behind ORDER BY, in place of the text's own."""
    limit: int | None = None
    """In place of the text's own."""
    quotas: tuple[Quota, ...] = ()
    diverse: bool = False
    """Order by how far a row lies from those before it."""
    bands: str | None = None
    """An expression: of two rows, the one with the larger value comes first, however near it lies to others."""


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
    labels: tuple[str, ...]
    """The columns that are read as labels with an order."""
    reads: tuple[str, ...]
    """Every column that is read, as the author writes its name."""

    def steps(self) -> list[str]:
        """What may drop a row, in order: the clauses' words, `quota of ...`, `limit`."""
        told = [clause.words for clause in (*self.clauses, *self.shares)]
        told += [f"quota of {quota.by}" for _, quota in self.quotas]
        return told + ["limit"] * (self.limit is not None)

    def settings(self) -> dict[str, Any]:
        """All that decides which rows come through, as plain values."""
        return {
            "clauses": [clause.words for clause in (*self.clauses, *self.shares)],
            "quotas": [[quota.by, quota.most] for _, quota in self.quotas],
            "order": [_with_keys(order, self.keys) for order in self.order],
            "limit": self.limit,
            "diverse": self.diverse,
            "bands": None if self.band is None else self.keys[self.band],
        }


def _with_keys(order: str, keys: Mapping[str, str]) -> str:
    key, space, rest = order.partition(" ")
    return f"{keys[key]}{space}{rest}"
