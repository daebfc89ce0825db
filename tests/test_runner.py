"""The runner keeps every engine's window full, loses no answer, and lets one row fail alone.

The engines here are small and fast so that thousands of conversations run in a test; the conformance suite in
`tests/engines` says that the real ones behave as these do.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from magpie.engines.checks import token_ids
from magpie.errors import EngineDied, RequestFailed, StageBug
from magpie.runner import Answer, Done, Event, Failed, Said, Talk, converse
from magpie.seams import Asking, Capabilities, Completion, Drop, Engine, Request, SamplingParams, Tokens

SAMPLING = SamplingParams()
BAD = 13


class Stepping:
    """Answers some of what it holds at each poll, in a scrambled order that a seed fixes; dies after `die` polls."""

    def __init__(self, window: int, *, die: int | None = None, seed: int = 0) -> None:
        self.window = window
        self.context = 100
        self.capabilities = Capabilities()
        self.die = die
        self.dice = random.Random(seed)
        self.held: dict[int, Request] = {}
        self.peak = 0
        self.asked: list[Request] = []
        self.cancelled: list[int] = []
        self.waits: list[float] = []

    def submit(self, ticket: int, request: Request) -> None:
        self.held[ticket] = request
        self.peak = max(self.peak, len(self.held))
        self.asked.append(request)

    def poll(self, wait: float) -> Sequence[tuple[int, Answer]]:
        self.waits.append(wait)
        if self.die is not None and len(self.waits) > self.die:
            raise EngineDied("gone")
        ready = [ticket for ticket in self.held if self.dice.random() < 0.3]
        self.dice.shuffle(ready)
        return [(ticket, answer(self.held.pop(ticket))) for ticket in ready]

    def cancel(self, tickets: Sequence[int]) -> None:
        self.cancelled += tickets
        for ticket in tickets:
            del self.held[ticket]


def answer(request: Request) -> Answer:
    ids = token_ids(request)
    if ids[-1] == BAD:
        return RequestFailed("the prompt ends badly")
    return Completion(f"{sum(ids)}/{request.seed}", (1, 2), "stop", len(ids), 3)


def request(*ids: int, model: str = "model") -> Request:
    return Request(Tokens(ids), SAMPLING, model)


def mixed(row: int) -> Asking:
    """Rows of every kind: none, one or several turns, two models, several requests at once, handled and unhandled
    failures, and drops."""
    if row % 10 == 9:
        return {"log": ["free"]}
    log: list[str] = []
    for turn in range(1 + row % 3):
        question = yield request(row, turn)
        reply = yield request(len(question.text), turn, model="other")
        log += [question.text, reply.text]
    if row % 7 == 0:
        replies = yield [request(row, k, model="other") for k in range(5)]
        log += [reply.text for reply in replies]
    if row % 11 == 0:
        try:
            yield request(BAD)
        except RequestFailed:
            log.append((yield request(14)).text)
    if row % 17 == 0:
        yield request(BAD)
    return Drop("unlucky", {"log": log}) if row % 23 == 0 else {"log": log}


def seed(row: int, n: int) -> int:
    return row * 1000 + n


def talks(rows: int, remembered: Mapping[int, Mapping[tuple[int, str], Completion]] | None = None) -> Iterator[Talk]:
    for row in range(rows):
        yield Talk(row, mixed(row), (remembered or {}).get(row, {}))


def gather(polls: Iterator[list[Event]]) -> dict[int, Any]:
    ends: dict[int, Any] = {}
    for events in polls:
        for event in events:
            if not isinstance(event, Said):
                assert event.row not in ends
                ends[event.row] = event
    return ends


def engines(**options: Any) -> dict[str, Stepping]:
    return {"model": Stepping(16), "other": Stepping(8, **options)}


def test_every_row_ends_once_and_only_rows_with_an_unhandled_failure_fail() -> None:
    ends = gather(converse(talks(600), engines(), seed))
    assert set(ends) == set(range(600))
    failed = {row for row, end in ends.items() if isinstance(end, Failed)}
    assert failed == {row for row in range(600) if row % 17 == 0 and row % 10 != 9}
    assert ends[17].error == "the prompt ends badly"


def test_what_a_row_becomes_does_not_depend_on_the_window_or_the_order() -> None:
    wide = gather(converse(talks(300), engines(), seed))
    narrow = gather(converse(talks(300), {"model": Stepping(1, seed=5), "other": Stepping(2, seed=6)}, seed))
    assert wide == narrow


def test_no_engine_holds_more_than_its_window_and_each_comes_to_hold_it() -> None:
    used = engines()
    gather(converse(talks(600), used, seed))
    assert (used["model"].peak, used["other"].peak) == (16, 8)


def test_rows_are_pulled_only_as_engines_need_them() -> None:
    pulled, ended = 0, 0

    def counted() -> Iterator[Talk]:
        nonlocal pulled
        for talk in talks(600):
            pulled += 1
            yield talk

    for events in converse(counted(), engines(), seed):
        ended += sum(not isinstance(event, Said) for event in events)
        assert pulled - ended <= 2 * (16 + 8)


def test_a_request_s_seed_is_its_row_s_and_its_number() -> None:
    used = engines()
    gather(converse(iter([Talk(7, mixed(7))]), used, seed))
    assert sorted(r.seed for engine in used.values() for r in engine.asked) == [7000 + n for n in range(9)]


def test_usage_counts_all_of_a_row_s_completions_and_no_failure() -> None:
    ends = gather(converse(talks(20), engines(), seed))
    assert ends[1].usage.completion_tokens == 4 * 3
    assert ends[17].usage.completion_tokens == 6 * 3
    assert ends[9].usage.completion_tokens == 0


def test_closing_midway_cancels_what_engines_hold() -> None:
    used = engines()
    polls = converse(talks(600), used, seed)
    for _ in range(10):
        next(polls)
    polls.close()
    assert not any(engine.held for engine in used.values())
    assert any(engine.cancelled for engine in used.values())


def test_replaying_what_was_said_gives_the_same_rows_and_asks_only_what_is_left() -> None:
    full, first, second = engines(), engines(), engines()
    whole = gather(converse(talks(200), full, seed))
    said: dict[int, dict[tuple[int, str], Completion]] = {}
    polls = converse(talks(200), first, seed)
    for _ in range(30):
        for event in next(polls):
            if isinstance(event, Said):
                said.setdefault(event.row, {})[event.n, event.request.digest()] = event.completion
    polls.close()
    assert gather(converse(talks(200, said), second, seed)) == whole
    asked = [sum(len(engine.asked) for engine in used.values()) for used in (full, second)]
    recalled = sum(len(completions) for completions in said.values())
    assert recalled > 20
    assert asked[1] == asked[0] - recalled


def test_a_completion_of_another_request_is_not_replayed() -> None:
    stale = {(0, request(99).with_seed(seed(1, 0)).digest()): Completion("stale", (), "stop", 1, 1)}
    (end,) = gather(converse(iter([Talk(1, mixed(1), stale)]), engines(), seed)).values()
    assert "stale" not in str(end)


@pytest.mark.parametrize("polls", [0, 3, 20])
def test_when_an_engine_dies_the_rest_is_cancelled_and_rows_so_far_were_yielded(polls: int) -> None:
    used = engines(die=polls)
    whole = gather(converse(talks(600), engines(), seed))
    ends: dict[int, Any] = {}
    with pytest.raises(EngineDied):  # noqa: PT012
        for events in converse(talks(600), used, seed):
            ends.update({event.row: event for event in events if not isinstance(event, Said)})
    assert not used["model"].held
    assert all(whole[row] == end for row, end in ends.items())


def test_a_stage_s_bug_names_its_row_and_costs_no_other_row_its_answer() -> None:
    def buggy(row: int) -> Asking:
        completion = yield request(row)
        return {"text": completion.text, "bug": 1 // (row - 3)}

    class AtOnce(Stepping):
        def poll(self, wait: float) -> Sequence[tuple[int, Answer]]:
            held, self.held = self.held, {}
            return [(ticket, answer(asked)) for ticket, asked in held.items()]

    events: list[Event] = []
    with pytest.raises(StageBug, match="row 3: the stage raised ZeroDivisionError") as caught:  # noqa: PT012
        for polled in converse((Talk(row, buggy(row)) for row in range(8)), {"model": AtOnce(8)}, seed):
            events += polled
    assert {event.row for event in events if isinstance(event, Done)} == {0, 1, 2, 4, 5, 6, 7}
    assert [event.row for event in events if isinstance(event, Said)] == list(range(8))
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_source_that_says_not_now_is_asked_again() -> None:
    held_back = iter([Talk(0, mixed(0)), None, Talk(1, mixed(1)), None, None, Talk(2, mixed(2))])
    assert set(gather(converse(held_back, engines(), seed))) == {0, 1, 2}


def test_an_idle_engine_is_waited_for_long_and_busy_ones_briefly() -> None:
    alone = Stepping(4)
    one: Mapping[str, Engine] = {"model": alone}
    gather(converse((Talk(row, iter_one(row)) for row in range(4)), one, seed))
    assert set(alone.waits) == {0.5}
    used = engines()
    gather(converse(talks(50), used, seed))
    assert 0.002 in used["model"].waits


def iter_one(row: int) -> Asking:
    completion = yield request(row)
    return {"text": completion.text}


class Resizing(Stepping):
    """Its window grows while it is full, as a server's does, and shrinks to nothing for a while."""

    def __init__(self, most: int, pause: range = range(0)) -> None:
        super().__init__(4)
        self.most, self.pause, self.polls, self.wide = most, pause, 0, 4

    def poll(self, wait: float) -> Sequence[tuple[int, Answer]]:
        self.polls += 1
        if len(self.held) >= self.window > 0:
            self.wide = min(self.most, 2 * self.wide)
        self.window = 0 if self.polls in self.pause else self.wide
        return super().poll(wait)


def test_rows_follow_a_window_that_grows_while_it_runs() -> None:
    engine = Resizing(256)
    ends = gather(converse((Talk(row, iter_one(row)) for row in range(5000)), {"model": engine}, seed))
    assert len(ends) == 5000
    assert engine.peak == 256


def test_a_window_that_shrinks_to_nothing_for_a_while_costs_no_row() -> None:
    engine = Resizing(32, pause=range(20, 60))
    ends = gather(converse((Talk(row, iter_one(row)) for row in range(800)), {"model": engine}, seed))
    assert len(ends) == 800


def test_a_completion_s_event_comes_before_stage_code_sees_the_completion() -> None:
    seen: list[int] = []

    def watching(row: int) -> Asking:
        completion = yield request(row)
        seen.append(row)
        again = yield request(row, 1)
        return {"text": completion.text + again.text}

    rows = range(100, 150)
    for events in converse((Talk(row, watching(row)) for row in rows), {"model": Stepping(8)}, seed):
        for event in events:
            if isinstance(event, Said) and event.n == 0:
                assert event.row not in seen
    assert len(seen) == 50


def test_of_several_requests_asked_together_one_that_failed_fails_the_row_and_the_others_are_remembered() -> None:
    def several(row: int) -> Asking:
        replies = yield [request(row), request(BAD), request(row, 2)]
        return {"texts": [reply.text for reply in replies]}

    events = [
        event for polled in converse(iter([Talk(5, several(5))]), {"model": Stepping(4)}, seed) for event in polled
    ]
    assert sorted(event.n for event in events if isinstance(event, Said)) == [0, 2]
    (failed,) = [event for event in events if isinstance(event, Failed)]
    assert failed.error == "the prompt ends badly"
