"""Which rows of a stage this worker takes next, and what becomes of them among the workers of a run.

Large ranges first and small ones at the end (guided self-scheduling, Polychronopoulos and Kuck 1987), so that all
workers end together. Knows shards and leases; no row's content and no engine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import magpie.runs.workers as limits
from magpie.errors import MagpieError
from magpie.executors.inputs import Inputs
from magpie.executors.team import StageLeases, Team
from magpie.runs.ranges import Held, Lease, ShardLeases, Span, merged, subtract
from magpie.runs.shards import content_digest

_FEW_SHARDS = 16
LOOK_SECONDS = 0.2
"""How long this worker keeps working on its own ranges after it found no rows to claim. Seconds."""


class LeaseLost(MagpieError):
    """Others took this worker for lost, and have what it had."""


@dataclass(frozen=True, slots=True)
class Seal:
    """All rows of a shard have ended, and this worker is to write its file."""

    number: int


class Claims:
    """The shards of a stage that are not sealed yet, and which rows this worker has of them."""

    def __init__(
        self,
        team: Team,
        inputs: Inputs,
        numbers: Sequence[int],
        is_whole: Callable[[int], bool],
        span: Callable[[int], Span],
    ) -> None:
        """numbers: the shards. is_whole: whether nothing is missing of one, as far as its sealed file tells."""
        self.team = team
        self.leases = StageLeases(team, inputs.folder.path.name)
        self._inputs, self._is_whole, self._span = inputs, is_whole, span
        self._open = dict.fromkeys(numbers)
        """Shards that are not known to be sealed."""
        self._looked_at: set[int] = set()
        self._mine: set[tuple[int, int]] = set()
        """Shards, each with an epoch under which this worker has a range of it."""
        self._done: dict[int, list[Span]] = {}
        """Rows that this worker ended, of shards that are not sealed."""
        self._seals: dict[int, int] = {}
        """Shards that this worker is to seal, each with its epoch."""
        self._unseen: dict[int, float] = {}
        self._found_none = -1e9

    # -- taking -------------------------------------------------------------------------------------------------------

    def next(self, least: int | None) -> Lease | Seal | None:
        """Take some rows, or a shard that is to be sealed. None: there is nothing to take just now.

        least: the fewest rows that are worth a lease; None takes all that is free of a shard.
        """
        if self.team.clock() - self._found_none < LOOK_SECONDS:
            return None
        for number in list(self._open):
            if self.is_done(number):
                continue
            taken = self._take(number, least)
            if taken is not None:
                return taken
        self._found_none = self.team.clock()
        return None

    def finished(self) -> bool:
        """Whether every shard is sealed."""
        return all(self.is_done(number) for number in list(self._open))

    def is_done(self, number: int) -> bool:
        """Whether a shard needs nothing more in this round."""
        if number not in self._looked_at:
            self._looked_at.add(number)
            if self._is_whole(number):
                self._open.pop(number)
                return True
        if number not in self._open:
            return True
        sealed = self.leases.look(number).sealed
        if sealed is None or not self._sees(number, sealed):
            return False
        self._open.pop(number)
        return True

    def _sees(self, number: int, sealed: str) -> bool:
        """Whether the sealed file that is seen here is the one that was sealed. A shared folder may show the old one
        for a while; where it does so for too long, somebody changed it, and the shard is worked on again."""
        if content_digest(self._inputs.folder.shard(number)) == sealed:
            return True
        since = self._unseen.setdefault(number, self.team.clock())
        if self.team.clock() - since > limits.LOST_SECONDS:
            self._unseen.pop(number)
            self.leases.change(number, lambda now: ShardLeases(now.round, now.epoch) if now.sealed == sealed else None)
        return False

    def _take(self, number: int, least: int | None) -> Lease | Seal | None:
        owner, span, got = self.team.owner, self._span(number), list[Held]()

        def take(leases: ShardLeases) -> ShardLeases | None:
            got.clear()
            if leases.sealed is not None:
                return None
            for held in leases.held:
                if held.owner == owner and (number, held.epoch) not in self._mine:
                    got.append(held)  # it is ours, though the answer to our request was lost
                    return None
            if free := leases.free(span):
                first, stop = free[0]
                changed, held = leases.claim(first, min(stop, first + self._share(least, stop - first)), owner)
            else:
                lost = next((h for h in leases.held if h.owner != owner and self.team.watcher.is_lost(h.owner)), None)
                if lost is None:
                    return self._to_seal(leases, span)
                changed, held = leases.take(lost, owner)
            got.append(held)
            return changed

        changed = self.leases.change(number, take)
        if got:
            held = got[0]
            self._mine.add((number, held.epoch))
            now = changed or self.leases.look(number)
            return Lease(number, held, fresh=not now.is_touched(held.first, held.stop))
        return self._sealer(number, changed)

    def _to_seal(self, leases: ShardLeases, span: Span) -> ShardLeases | None:
        """The record with this worker as the one who seals, where there is nobody who will."""
        sealer = leases.sealer
        if not leases.all_done(span) or (sealer is not None and not self._may_take_over(sealer.owner)):
            return None
        return leases.seal_by(self.team.owner)

    def _may_take_over(self, sealer: str) -> bool:
        return sealer == self.team.owner or self.team.watcher.is_lost(sealer)

    def _sealer(self, number: int, leases: ShardLeases | None) -> Seal | None:
        if leases is None or leases.sealer is None or leases.sealer.owner != self.team.owner:
            return None
        self._seals[number] = leases.sealer.epoch
        return Seal(number)

    def _share(self, least: int | None, free: int) -> int:
        """How many rows to take at once: half of this worker's share of what is left of the stage."""
        workers = self.team.size()
        if least is None or workers == 1:
            return free
        return max(1, least, -(-self._rows_left() // (2 * workers)))

    def _rows_left(self) -> int:
        """Rows that nobody has yet; of many shards about how many, since each of them is a file to be read."""
        spans = {number: self._span(number) for number in self._open}
        if len(spans) > _FEW_SHARDS:
            return sum(stop - first for first, stop in spans.values())
        free = [part for number, span in spans.items() for part in self.leases.look(number).free(span)]
        return sum(stop - first for first, stop in free)

    # -- giving back, and ending --------------------------------------------------------------------------------------

    def finish(self, lease: Lease) -> Seal | None:
        """All rows of a range have ended, and are written down. Raises `LeaseLost`."""
        number, held, owner = lease.number, lease.held, self.team.owner

        def finish(leases: ShardLeases) -> ShardLeases | None:
            if not leases.has(held):
                return None
            done = leases.finish(held)
            return done.seal_by(owner) if done.all_done(self._span(number)) and done.sealer is None else done

        self._mine.discard((number, held.epoch))
        changed = self.leases.change(number, finish)
        if changed is None and subtract([(held.first, held.stop)], self.leases.look(number).done):
            raise LeaseLost(f"rows {held.first} to {held.stop - 1}")
        self._done.setdefault(number, []).append((held.first, held.stop))
        return self._sealer(number, changed)

    def give_back(self, lease: Lease, stop: int) -> None:
        """Release the rows from `stop` on, none of which was started. Raises `LeaseLost`."""
        changed = self.leases.change(
            lease.number, lambda leases: leases.shorten(lease.held, stop)[0] if leases.has(lease.held) else None
        )
        if changed is None:
            raise LeaseLost(f"rows {lease.held.first} to {lease.held.stop - 1}")
        lease.held = next(held for held in changed.held if held.epoch == lease.held.epoch)

    def release(self, lease: Lease) -> None:
        """Let others have a range, some rows of which were begun."""
        self._mine.discard((lease.number, lease.held.epoch))
        self.leases.change(lease.number, lambda leases: leases.release(lease.held) if leases.has(lease.held) else None)

    def still_has(self, lease: Lease) -> bool:
        return self.leases.holds(lease.number, lease.held)

    # -- sealing ------------------------------------------------------------------------------------------------------

    def made_alone(self, number: int) -> bool:
        """Whether this worker ended all rows of a shard."""
        return not subtract([self._span(number)], merged(self._done.get(number, [])))

    def check_sealer(self, number: int) -> None:
        """Raise `LeaseLost` unless this worker is still to seal the shard."""
        sealer = self.leases.look(number).sealer
        if sealer is None or sealer.owner != self.team.owner or sealer.epoch != self._seals.get(number):
            raise LeaseLost(f"shard {number}")

    def sealed(self, number: int, digest: str) -> None:
        """The shard's file is there."""
        epoch = self._seals.pop(number)
        self.leases.change(
            number,
            lambda leases: leases.sealed_as(digest) if leases.sealer and leases.sealer.epoch == epoch else None,
        )
        self._done.pop(number, None)
        self._open.pop(number, None)

    def reopen(self, number: int, rows: set[int]) -> None:
        """Rows of a shard are missing that were said to be done, as where a disk lost them: they are free again."""
        self._seals.pop(number, None)
        self._done.pop(number, None)
        self.leases.change(number, lambda leases: leases.reopened(rows) if leases.sealed is None else None)
