"""Which rows of a shard are whose: the record that workers change when they take, give back or finish rows.

A plain value with what may become of it; `leases` stores it. An owner has a range under an epoch that only grows:
whoever was taken for lost, and wakes up, finds its range under another epoch or gone. Knows no content and no clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

Span = tuple[int, int]
"""Rows from the first on, up to the second."""


@dataclass(frozen=True, slots=True)
class Held:
    """A range that somebody works on."""

    first: int
    stop: int
    owner: str
    epoch: int
    losses: int = 0
    """Owners that were lost while they had these rows."""


@dataclass(frozen=True, slots=True)
class Sealer:
    """Who writes a shard's sealed file."""

    owner: str
    epoch: int


@dataclass(frozen=True, slots=True)
class ShardLeases:
    """One shard of one stage, in one round of work."""

    round: int = 0
    """A round begins where nobody worked on the run: what failed in the last one is then tried again."""
    epoch: int = 0
    """The highest that was given."""
    held: tuple[Held, ...] = ()
    done: tuple[Span, ...] = ()
    """Ranges whose rows all ended."""
    touched: tuple[Span, ...] = ()
    """Ranges that somebody began and did not finish: their rows may be in journals."""
    sealer: Sealer | None = None
    sealed: str | None = None
    """What the sealed file says that it holds (`content_digest`); None while it is not sealed."""

    def free(self, span: Span) -> list[Span]:
        """The rows of `span` that nobody has and nobody has finished, in order."""
        return subtract([span], [(each.first, each.stop) for each in self.held] + list(self.done))

    def all_done(self, span: Span) -> bool:
        return not subtract([span], self.done)

    def claim(self, first: int, stop: int, owner: str) -> tuple[ShardLeases, Held]:
        """Give free rows to an owner."""
        held = Held(first, stop, owner, self.epoch + 1)
        return replace(self, epoch=held.epoch, held=(*self.held, held)), held

    def take(self, lost: Held, owner: str) -> tuple[ShardLeases, Held]:
        """Give the rows of an owner that is lost to another."""
        held = Held(lost.first, lost.stop, owner, self.epoch + 1, lost.losses + 1)
        others = tuple(each for each in self.held if each != lost)
        touched = (*self.touched, (lost.first, lost.stop))
        return replace(self, epoch=held.epoch, held=(*others, held), touched=merged(touched)), held

    def has(self, held: Held) -> bool:
        """Whether the range, or what its owner kept of it, is still its owner's under this epoch."""
        return any(each.owner == held.owner and each.epoch == held.epoch for each in self.held)

    def finish(self, held: Held) -> ShardLeases:
        """The owner has ended every row of its range."""
        others = tuple(each for each in self.held if each.epoch != held.epoch)
        return replace(self, held=others, done=merged((*self.done, (held.first, held.stop))))

    def shorten(self, held: Held, stop: int) -> tuple[ShardLeases, Held]:
        """Give back the rows from `stop` on, none of which was begun."""
        kept = replace(held, stop=stop)
        return replace(self, held=tuple(kept if each.epoch == held.epoch else each for each in self.held)), kept

    def release(self, held: Held) -> ShardLeases:
        """Give a range back, some rows of which were begun."""
        others = tuple(each for each in self.held if each.epoch != held.epoch)
        return replace(self, held=others, touched=merged((*self.touched, (held.first, held.stop))))

    def seal_by(self, owner: str) -> ShardLeases:
        """Let an owner write the sealed file."""
        return replace(self, epoch=self.epoch + 1, sealer=Sealer(owner, self.epoch + 1))

    def sealed_as(self, digest: str) -> ShardLeases:
        return replace(self, sealer=None, sealed=digest)

    def reopened(self, rows: Iterable[int]) -> ShardLeases:
        """Rows that were said to be done are not: they are free again, and nobody seals."""
        lacking = [(row, row + 1) for row in rows]
        return replace(self, sealer=None, done=tuple(subtract(self.done, lacking)), touched=merged(lacking))

    def is_touched(self, first: int, stop: int) -> bool:
        return any(begin < stop and first < end for begin, end in self.touched)

    def encode(self) -> bytes:
        return orjson.dumps(self)


def decode(data: bytes) -> ShardLeases:
    """What `encode` gave. Raises `ValueError` for anything else."""
    try:
        plain: dict[str, Any] = orjson.loads(data)
        held = tuple(Held(**each) for each in plain["held"])
        sealer = None if plain["sealer"] is None else Sealer(**plain["sealer"])
        spans = {name: tuple((int(a), int(b)) for a, b in plain[name]) for name in ("done", "touched")}
        sealed = None if plain["sealed"] is None else str(plain["sealed"])
        return ShardLeases(
            int(plain["round"]), int(plain["epoch"]), held, spans["done"], spans["touched"], sealer, sealed
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no record of leases: {error}") from error


def merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The same rows in as few spans as may be, in order."""
    found: list[Span] = []
    for first, stop in sorted(spans):
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], stop))
        elif first < stop:
            found.append((first, stop))
    return tuple(found)


def subtract(spans: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """The rows of `spans` that are in none of `others`, in order."""
    rest: list[Span] = []
    taken = merged(others)
    for first, stop in merged(spans):
        for begin, end in taken:
            if end <= first or begin >= stop:
                continue
            if first < begin:
                rest.append((first, begin))
            first = max(first, end)
        if first < stop:
            rest.append((first, stop))
    return rest


@dataclass(slots=True)
class Lease:
    """A range that this worker has, while it works on it."""

    number: int
    """Of the shard."""
    held: Held
    left: int = 0
    """How many of its rows have not ended."""
    fresh: bool = True
    """Whether nobody had begun any of its rows in this round."""
    failed: int = 0
    """Rows that failed, those that engines died with left out."""
