"""Asks an engine as the runner does: tickets in order, never more than the window, one thread."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import count

from magpie.errors import RequestFailed
from magpie.seams import Completion, Engine, Request

Answer = Completion | RequestFailed
PATIENCE = 60.0
_tickets = count()


def ask(engine: Engine, requests: Sequence[Request], window: int | None = None) -> list[Answer]:
    """The answers, in the order of the requests."""
    tickets = [next(_tickets) for _ in requests]
    waiting = list(zip(tickets, requests, strict=True))[::-1]
    got: dict[int, Answer] = {}
    until, flying = time.monotonic() + PATIENCE, 0
    while len(got) < len(requests):
        assert time.monotonic() < until, f"{len(requests) - len(got)} of {len(requests)} requests were not answered"
        while waiting and flying < (window or engine.window):
            engine.submit(*waiting.pop())
            flying += 1
        for ticket, answer in engine.poll(0.5):
            assert ticket in tickets, "a ticket that was not given"
            assert ticket not in got, "a ticket that was answered before"
            got[ticket] = answer
            flying -= 1
    return [got[ticket] for ticket in tickets]


def completions(engine: Engine, requests: Sequence[Request], window: int | None = None) -> list[Completion]:
    """The same where nothing may fail."""
    answers = ask(engine, requests, window)
    failed = [answer for answer in answers if isinstance(answer, RequestFailed)]
    assert not failed, failed[0]
    return [answer for answer in answers if isinstance(answer, Completion)]


def new_tickets(number: int) -> list[int]:
    return [next(_tickets) for _ in range(number)]
