"""Waits for a server that is gone: asks it again, later and later, until it answers or patience is over.

One policy for embedders and scorers. Knows connections and statuses; not what is asked for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic

from magpie.errors import ServerLost
from magpie.http.answers import Garbled, error_message
from magpie.http.exchange import Broken, Response, TooSlow, Unreachable
from magpie.http.retries import GONE, backoff


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
