"""How many requests a server gets, which one is next: numbers, without a server."""

from __future__ import annotations

from dataclasses import dataclass

from magpie.engines.balance import FAILURES, FIRST_LIMIT, MOST_REST, Balance, Limit, Load


@dataclass
class Site:
    name: str
    load: Load


def site(name: str = "s") -> Site:
    return Site(name, Load(most=4))


def full(limit: Limit, answers: int) -> None:
    for _ in range(answers):
        limit.succeeded(was_full=True)


def test_a_limit_begins_low_and_doubles_with_each_crowd() -> None:
    limit = Limit(most=64)
    assert limit.room == FIRST_LIMIT
    full(limit, FIRST_LIMIT)
    assert limit.room == 2 * FIRST_LIMIT
    full(limit, 1000)
    assert limit.room == 64


def test_a_limit_that_is_not_used_does_not_grow() -> None:
    limit = Limit(most=64)
    for _ in range(100):
        limit.succeeded(was_full=False)
    assert limit.room == FIRST_LIMIT


def test_a_complaint_shrinks_it_once_for_each_crowd() -> None:
    limit = Limit(most=64)
    full(limit, 1000)
    for sent_at in (1.0, 1.1, 1.2):
        limit.complained(sent_at, now=2.0)
    assert limit.room == 44
    limit.complained(sent_at=2.5, now=3.0)
    assert limit.room == 31


def test_after_a_complaint_it_grows_by_one_for_each_crowd() -> None:
    limit = Limit(most=64)
    limit.complained(1.0, now=2.0)
    before = limit.room
    full(limit, 2 * before + 2)
    assert limit.room == before + 2


def test_a_limit_never_falls_below_one() -> None:
    limit = Limit(most=2)
    for n in range(50):
        limit.complained(float(n), now=float(n))
    assert limit.room == 1


def test_a_wait_that_grows_many_times_means_that_requests_queue() -> None:
    limit = Limit(most=64)
    assert not limit.is_queueing(waited=1.0, took=10.0)
    assert not limit.is_queueing(waited=7.0, took=10.0)  # not eight times the shortest
    assert not limit.is_queueing(waited=9.0, took=20.0)  # not half of the whole
    assert limit.is_queueing(waited=9.0, took=12.0)
    assert not Limit(most=64).is_queueing(waited=4.0, took=4.0)


def sites(number: int) -> Balance[Site]:
    return Balance([site(f"s{n}") for n in range(number)])


def test_servers_take_turns() -> None:
    three = sites(3)
    picked = [three.pick(0.0) for _ in range(6)]
    assert [site.name for site in picked if site] == ["s0", "s1", "s2"] * 2


def test_a_full_or_resting_server_is_passed_over() -> None:
    three = sites(3)
    three.all[0].load.in_flight = 4
    three.all[1].load.rest(0.0, 10.0)
    assert [site.name for _ in range(3) if (site := three.pick(5.0))] == ["s2"] * 3
    three.all[2].load.in_flight = 4
    assert three.pick(5.0) is None
    assert three.pick(10.0) is three.all[1]


def test_the_one_that_just_failed_is_taken_only_where_there_is_no_other() -> None:
    two = sites(2)
    assert all(two.pick(0.0, avoid=two.all[0]) is two.all[1] for _ in range(3))
    two.all[1].load.in_flight = 4
    assert two.pick(0.0, avoid=two.all[0]) is two.all[0]


def test_a_server_without_connections_rests_longer_each_time() -> None:
    load, now, rests = Load(most=4), 0.0, []
    for _ in range(10):
        load.failed(now, at_once=True)
        rests.append(load.aside_until - now)
        now = load.aside_until
    assert rests[:4] == [0.25, 0.5, 1.0, 2.0]
    assert rests[-1] == MOST_REST


def test_a_crowd_of_failures_counts_as_one() -> None:
    load = Load(most=4)
    for _ in range(100):
        load.failed(0.0, at_once=True)
    assert load.aside_until == 0.25


def test_a_server_that_keeps_failing_is_tried_with_one_request_until_it_succeeds() -> None:
    load = Load(most=4)
    for _ in range(FAILURES):
        assert load.has_room(0.0)
        load.failed(0.0, at_once=False)
    assert not load.has_room(0.0)
    now = load.aside_until
    assert load.has_room(now)
    load.in_flight = 1
    assert not load.has_room(now)
    load.refused(sent_at=0.0)
    assert load.has_room(now)


def test_a_crowd_that_filled_the_limit_doubles_it_though_its_answers_come_together() -> None:
    load = Load(most=64)
    for _ in range(FIRST_LIMIT):
        load.sent(now=1.0)
    for _ in range(FIRST_LIMIT):
        load.succeeded(sent_at=1.0, now=2.0)
        load.ended()
    assert load.limit.room == 2 * FIRST_LIMIT
    load.sent(now=3.0)
    load.succeeded(sent_at=3.0, now=4.0)
    assert load.limit.room == 2 * FIRST_LIMIT


def test_the_one_that_answers_soonest_gets_the_next_request() -> None:
    two = sites(2)
    slow, fast = two.all
    for member, seconds in ((slow, 4.0), (fast, 1.0)):
        member.load.sent(now=0.0)
        member.load.succeeded(sent_at=0.0, now=seconds)
        member.load.ended()
    picked = []
    for _ in range(6):
        chosen = two.pick(5.0)
        assert chosen is not None
        chosen.load.sent(now=5.0)
        picked.append(chosen)
    assert picked.count(fast) == 4  # all that it may hold: even its fourth waits no longer than the other's first
    assert picked.count(slow) == 2


def test_a_refusal_says_nothing_of_how_long_an_answer_takes() -> None:
    load = Load(most=4)
    load.refused(sent_at=0.0)
    assert load.seconds is None
