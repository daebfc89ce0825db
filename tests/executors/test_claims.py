"""Workers of one process take ranges of one stage: each row has one owner, and what a lost one had is taken over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from magpie.columns import Column
from magpie.executors.claims import Claims, LeaseLost, Seal
from magpie.executors.inputs import Inputs
from magpie.executors.team import Team
from magpie.runs import StageFolder
from magpie.runs.leases import FolderStore
from magpie.runs.owner import Process
from magpie.runs.ranges import Lease
from magpie.runs.workers import LOST_SECONDS, Heart, Watcher, Worker, read_worker

COLUMNS = (Column("response", "string", "an answer"),)
SIZE, SHARD_ROWS = 100, 40


class Clock:
    """The clock of one worker: it says what the test says."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Member:
    """A worker, with a clock of its own."""

    def __init__(self, run: Path, number: int, now: float) -> None:
        self.clock = Clock(now)
        owner = f"host-{number:012x}"
        worker = Worker(owner, "host", Process(f"machine {number}", 1, 1), "1", "workers")
        worker.session = {"id": owner, "seconds": 0.0, "ended": None, "error": None, "stages": {}}
        (run / "workers").mkdir(parents=True, exist_ok=True)
        self.heart = Heart(run, worker, self.clock)
        self.heart.beat()
        watcher = Watcher(run, self.clock)
        self.team = Team(run, self.heart, FolderStore(run / "leases"), watcher, round=1, clock=self.clock)
        folder = StageFolder(run / "1-respond-0123abcd", "respond", COLUMNS)
        self.inputs = Inputs(folder, (), SIZE, SHARD_ROWS)
        self.claims = Claims(self.team, self.inputs, self.inputs.shards, lambda _: False, self.span)

    def span(self, number: int) -> tuple[int, int]:
        return number * SHARD_ROWS, min(SIZE, (number + 1) * SHARD_ROWS)

    def next(self, least: int | None = 1) -> Lease | Seal | None:
        self.clock.now += 1.0  # beyond the pause after it found none
        return self.claims.next(least)

    def take(self, least: int | None = 1) -> Lease:
        taken = self.next(least)
        assert isinstance(taken, Lease)
        return taken


@pytest.fixture
def member(tmp_path: Path) -> Callable[[int, float], Member]:
    def make(number: int, now: float = 0.0) -> Member:
        return Member(tmp_path, number, now)

    return make


def rows(lease: Lease) -> range:
    return range(lease.held.first, lease.held.stop)


def test_one_worker_alone_takes_whole_shards(member: Callable[..., Member]) -> None:
    alone = member(1)
    assert [rows(alone.take()) for _ in range(3)] == [range(40), range(40, 80), range(80, 100)]
    assert alone.next() is None


def test_a_range_that_is_worked_on_is_not_taken_twice_by_its_owner(member: Callable[..., Member]) -> None:
    alone = member(1)
    first, second = alone.take(), alone.take()
    assert first.held.epoch == second.held.epoch  # of two shards: each counts its own
    alone.claims.finish(first)
    alone.claims.sealed(0, "digest")
    assert rows(alone.take()) == range(80, 100)
    assert alone.next() is None
    assert alone.claims.still_has(second)


def test_a_range_whose_request_was_answered_and_not_heard_is_its_owner_s(member: Callable[..., Member]) -> None:
    alone = member(1)
    taken = alone.take()
    alone.claims.release(taken)
    alone.claims.leases.change(0, lambda leases: leases.claim(0, 40, alone.team.owner)[0])
    assert rows(alone.take()) == range(40)


def test_several_workers_take_ever_smaller_ranges_and_every_row_once(member: Callable[..., Member]) -> None:
    team = [member(1), member(2, 1e6), member(3, -1e6)]
    taken: list[Lease] = []
    while (lease := team[len(taken) % 3].next(2)) is not None:
        assert isinstance(lease, Lease)
        taken.append(lease)
    assert sorted(row for lease in taken for row in rows(lease)) == list(range(SIZE))
    assert len(rows(taken[0])) > len(rows(taken[-2]))


def test_whoever_ends_the_last_range_of_a_shard_seals_it(member: Callable[..., Member]) -> None:
    first, second = member(1), member(2)
    mine = first.take(15)
    rest = []
    while rows(lease := second.take(15))[-1] < SHARD_ROWS:
        rest.append(lease)
    assert first.claims.finish(mine) is None
    ended = [second.claims.finish(lease) for lease in rest]
    assert ended[-1] == Seal(0)
    assert set(ended[:-1]) <= {None}
    second.claims.check_sealer(0)
    with pytest.raises(LeaseLost):
        first.claims.check_sealer(0)


def test_a_worker_is_lost_once_its_counter_stood_still_on_the_clock_of_who_looks(member: Callable[..., Member]) -> None:
    sleeper, other = member(1, 5e8), member(2)
    taken = sleeper.take(None)
    while isinstance(other.next(None), Lease):
        pass
    other.clock.now += LOST_SECONDS / 2
    assert other.next() is None
    sleeper.heart.beat()
    other.clock.now += LOST_SECONDS / 2
    assert other.next() is None  # it moved meanwhile
    other.clock.now += LOST_SECONDS + 1
    lease = other.take()
    assert (rows(lease), lease.held.losses, lease.fresh) == (rows(taken), 1, False)
    assert not sleeper.claims.still_has(taken)
    with pytest.raises(LeaseLost):
        sleeper.claims.finish(taken)
    assert other.claims.still_has(lease)


def test_a_worker_that_has_left_is_lost_at_once(member: Callable[..., Member]) -> None:
    leaver, other = member(1), member(2)
    taken = leaver.take(None)
    leaver.heart.worker.session["ended"] = "stopped"
    leaver.heart.beat()
    found = [lease for lease in iter(other.next, None) if isinstance(lease, Lease)]
    assert rows(taken) in [rows(lease) for lease in found]


def test_rows_that_are_given_back_are_fresh_for_others(member: Callable[..., Member]) -> None:
    owner, idle = member(1), member(2)
    taken = [owner.take(None) for _ in range(3)]
    assert idle.next() is None
    owner.claims.give_back(taken[-1], 90)
    lease = idle.take(None)
    assert (rows(taken[-1]), rows(lease), lease.fresh) == (range(80, 90), range(90, 100), True)


def test_rows_that_are_released_may_have_been_begun(member: Callable[..., Member]) -> None:
    owner, other = member(1), member(2)
    taken = owner.take(None)
    owner.claims.release(taken)
    lease = other.take(None)
    assert (rows(lease), lease.fresh) == (rows(taken), False)


def test_a_sealer_that_is_lost_is_replaced_and_does_not_seal(member: Callable[..., Member]) -> None:
    sealer, other = member(1), member(2)
    assert sealer.claims.finish(sealer.take(None)) == Seal(0)
    taken = [other.take(None), other.take(None)]
    assert [rows(lease) for lease in taken] == [range(40, 80), range(80, 100)]
    assert other.next() is None
    other.clock.now += LOST_SECONDS + 1
    assert other.next() == Seal(0)
    with pytest.raises(LeaseLost):
        sealer.claims.check_sealer(0)
    other.claims.check_sealer(0)


def test_rows_that_no_journal_has_are_free_again(member: Callable[..., Member]) -> None:
    sealer, other = member(1), member(2)
    assert sealer.claims.finish(sealer.take(None)) == Seal(0)
    sealer.claims.reopen(0, {7, 8})
    lease = other.take(None)
    assert (rows(lease), lease.fresh) == (range(7, 9), False)


def test_what_an_earlier_round_left_is_no_lease_any_more(member: Callable[..., Member]) -> None:
    before, now = member(1), member(2)
    taken = before.take(None)
    now.team.round = 2
    assert rows(now.take(None)) == rows(taken)
    assert not before.claims.still_has(taken)


def test_a_worker_waits_until_it_sees_the_file_that_was_sealed(member: Callable[..., Member]) -> None:
    sealer, other = member(1), member(2)
    assert sealer.claims.finish(sealer.take(None)) == Seal(0)
    sealer.claims.sealed(0, "digest of a file that is not seen here yet")
    assert not other.claims.is_done(0)
    other.clock.now += LOST_SECONDS + 1
    assert not other.claims.is_done(0)
    assert rows(other.take(None)) == range(40)  # it never came: the rows are made again


def test_a_worker_s_file_is_replaced_whole_at_every_beat(member: Callable[..., Member], tmp_path: Path) -> None:
    one = member(1)
    counters = []
    for _ in range(3):
        one.heart.beat()
        worker = read_worker(tmp_path, one.team.owner)
        assert worker is not None
        counters.append(worker.counter)
    assert counters == [2, 3, 4]
    assert [path.name for path in (tmp_path / "workers").iterdir()] == [f"{one.team.owner}.json"]
