"""Waits for a server that is gone: asks it again, later and later, until it answers or patience is over.

One policy for embedders and scorers. Knows connections and statuses; not what is asked for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic
from typing import TypeVar

from magpie.errors import RequestFailed, ServerLost
from magpie.http.answers import Garbled, error_message
from magpie.http.exchange import Broken, Response, TooSlow, Unreachable
from magpie.http.retries import GONE, backoff, may_pass, retry_after

Result = TypeVar("Result")


class Waiting:
    """How long one server has not answered. May be used by several threads.

    waiting = Waiting("http://gpu:8000", 60, threading.Event(), saved="the scores so far are in the run")
    answer = waiting.ask(lambda: client.fetch("POST", "/pooling", asked, seconds=60.0, most=1 << 20))
    """

    def __init__(self, root: str, patience: float, closing: threading.Event, saved: str) -> None:
        """patience: seconds. closing: ends the wait. saved: what the user has of the work so far, for the error."""
        self._root, self._patience, self._closing, self._saved = root, patience, closing, saved
        self._reached = monotonic()

    def begin(self) -> None:
        """Count from now: what came before was no silence of the server, as nobody asked."""
        self._reached = monotonic()

    def answer(
        self, fetch: Callable[[], Response], read: Callable[[Response], Result], retries: int, what: str
    ) -> Result:
        """What `read` makes of an answer whose status does not pass by itself. Else it is asked for again, up to
        `retries` times, later each time and as the server asks.

        what: what the server should give, for the error. Raises `RequestFailed` after the last try; what `read` raises,
        but for `Garbled`, which is a try that failed; and as `ask` does.
        """
        problem, at_least = "", 0.0
        for tries in range(retries + 1):
            if tries:
                self._closing.wait(max(at_least, backoff(tries)))
            try:
                response = self.ask(fetch)
                if not may_pass(response.status):
                    return read(response)
                problem = f"{response.status} {error_message(response.body)}"
                at_least = retry_after(response.headers.get("retry-after")) or 0.0
            except (Garbled, TooSlow) as error:
                problem, at_least = str(error), 0.0
        raise RequestFailed(f"the server gave no {what} in {retries + 1} tries: {problem}")

    def ask(self, fetch: Callable[[], Response]) -> Response:
        """An answer, of whatever status that says that the server is there. Raises `ServerLost` when patience is over,
        and `Garbled` and `TooSlow` of an answer that is too long or takes too long: a server that gives one is there.
        """
        tries = 0
        while True:
            try:
                answer = fetch()
            except (Unreachable, Broken) as error:
                problem = str(error)
            except (Garbled, TooSlow):
                self._reached = monotonic()
                raise
            else:
                if answer.status not in GONE:
                    self._reached = monotonic()
                    return answer
                problem = f"{answer.status} {error_message(answer.body)}"
            if self._closing.is_set() or monotonic() - self._reached > self._patience:
                raise ServerLost(
                    f"{self._root} has not answered for {self._patience:g} s ({problem}): start it again, then run the "
                    f"same command; {self._saved}"
                )
            tries += 1
            self._closing.wait(backoff(tries))
