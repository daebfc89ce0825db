"""A server that is gone is waited for as long as patience goes, counted from when it was last asked or there."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from magpie.errors import ServerLost
from magpie.http import waiting as waiting_module
from magpie.http.answers import Garbled
from magpie.http.exchange import Response, Unreachable
from magpie.http.waiting import Waiting

ROOT = "http://gpu:8000"


class Clock:
    """Time that passes only where somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(waiting_module, "monotonic", made)
    return made


def waits(clock: Clock, patience: float = 10.0) -> Waiting:
    class Closing(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            clock.now += timeout or 0.0
            return False

    return Waiting(ROOT, patience, Closing(), "the rows so far are in the run")


def answers(*given: Response | Exception) -> Iterator[Response | Exception]:
    yield from given


def asked(waiting: Waiting, given: Iterator[Response | Exception]) -> Response:
    def fetch() -> Response:
        answer = next(given)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return waiting.ask(fetch)


def status(number: int) -> Response:
    return Response(number, {}, b"{}")


def test_a_server_that_comes_back_within_patience_answers(clock: Clock) -> None:
    given = answers(Unreachable("refused"), status(503), status(200))
    assert asked(waits(clock), given).status == 200


def test_a_server_that_stays_away_is_lost_with_what_was_heard_last(clock: Clock) -> None:
    with pytest.raises(ServerLost, match=r"http://gpu:8000 has not answered for 10 s \(503 .*the rows so far"):
        asked(waits(clock), answers(*[status(503)] * 100))
    assert 10 < clock.now < 60


def test_any_other_status_says_that_the_server_is_there(clock: Clock) -> None:
    assert asked(waits(clock), answers(status(500))).status == 500


def test_an_answer_that_cannot_be_read_says_so_too(clock: Clock) -> None:
    waiting = waits(clock)
    clock.now = 100.0
    with pytest.raises(Garbled):
        asked(waiting, answers(Garbled("too long")))
    assert asked(waiting, answers(Unreachable("refused"), status(200))).status == 200


def test_time_in_which_nobody_asked_is_no_silence_of_the_server(clock: Clock) -> None:
    waiting = waits(clock)
    clock.now = 1_000.0
    with pytest.raises(ServerLost):
        asked(waiting, answers(Unreachable("refused"), status(200)))
    waiting.begin()
    assert asked(waiting, answers(Unreachable("refused"), status(200))).status == 200


def test_closing_ends_the_wait(clock: Clock) -> None:
    closing = threading.Event()
    closing.set()
    with pytest.raises(ServerLost):
        asked(Waiting(ROOT, 10.0, closing, "x"), answers(Unreachable("refused"), status(200)))
