"""When a request to a server is tried again: after which statuses, and how much later. One policy for all clients.

Knows numbers and headers; no connection.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_MAY_PASS = frozenset({408, 409, 425, 429})
_NEVER_PASS = frozenset({501, 505})
"""What the server cannot do at all: llama.cpp answers 501 where it was not started to embed."""
GONE = frozenset({502, 503, 504})
"""Statuses of a proxy whose server is not there, or of a server that is still loading."""
FIRST_BACKOFF, MOST_BACKOFF = 0.5, 30.0
"""Seconds before a request is tried again: doubled each time, of which a random half to all is waited."""
MOST_RETRY_AFTER = 120.0
"""Seconds: a server that asks for more is asked again then."""


def may_pass(status: int) -> bool:
    """Whether the same request may be answered later: after most statuses from 500 on, and a few below.

    >>> may_pass(429), may_pass(521), may_pass(400), may_pass(501)
    (True, True, False, False)
    """
    return status in _MAY_PASS or (status >= 500 and status not in _NEVER_PASS)


def backoff(tries: int, luck: Callable[[], float] = random.random) -> float:
    """Seconds before the next try, after `tries` that failed. Jittered, so that a crowd does not come back as one.

    >>> backoff(3, lambda: 1.0)
    2.0
    """
    return min(MOST_BACKOFF, FIRST_BACKOFF * 2.0 ** min(tries - 1, 16)) * (0.5 + 0.5 * luck())


def retry_after(told: str | None, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> float | None:
    """Seconds, of a Retry-After header: a number or a date; at most `MOST_RETRY_AFTER`, None where it says nothing.

    >>> retry_after("3"), retry_after("soon")
    (3.0, None)
    """
    if told is None:
        return None
    try:
        seconds = float(told)
    except ValueError:
        try:
            date = parsedate_to_datetime(told)
            seconds = (date.replace(tzinfo=date.tzinfo or UTC) - now()).total_seconds()
        except (ValueError, TypeError, OverflowError):
            return None
    return min(MOST_RETRY_AFTER, seconds) if seconds > 0 else 0.0
