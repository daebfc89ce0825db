"""When a request is tried again: statuses, waits that grow, and what `Retry-After` says."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from magpie.http.retries import FIRST_BACKOFF, GONE, MOST_BACKOFF, MOST_RETRY_AFTER, backoff, may_pass, retry_after


@pytest.mark.parametrize(
    ("status", "passes"),
    [
        *((status, False) for status in (400, 401, 404, 413, 422, 501, 505)),
        *((status, True) for status in (408, 409, 425, 429, 500, 503, 521, 529)),
    ],
)
def test_a_status_that_may_pass_is_the_servers_and_not_the_requests(status: int, passes: bool) -> None:
    assert may_pass(status) is passes


def test_what_says_that_a_server_is_gone_may_pass() -> None:
    assert all(may_pass(status) for status in GONE)


def test_backoff_doubles_and_is_jittered() -> None:
    assert [backoff(tries, lambda: 1.0) for tries in (1, 2, 3)] == [0.5, 1.0, 2.0]
    assert [backoff(tries, lambda: 0.0) for tries in (1, 2, 3)] == [0.25, 0.5, 1.0]
    assert backoff(10**6, lambda: 1.0) == MOST_BACKOFF


NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        ("3", 3.0),
        (" 2.5 ", 2.5),
        ("-5", 0.0),
        ("nan", 0.0),
        ("inf", MOST_RETRY_AFTER),
        ("99999", MOST_RETRY_AFTER),
        (format_datetime(NOW.replace(second=9), usegmt=True), 9.0),
        (format_datetime(NOW.replace(hour=11), usegmt=True), 0.0),
        (format_datetime(NOW.replace(year=2999), usegmt=True), MOST_RETRY_AFTER),
        ("Tue, 24 Nov 2026 12:00:07", 7.0),
        ("soon", None),
        ("", None),
        ("Xyz, 99 Nov 2026", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_capped(told: str | None, seconds: float | None) -> None:
    assert retry_after(told, lambda: NOW) == seconds


def test_waits_grow_and_have_a_bound() -> None:
    assert FIRST_BACKOFF / 2 <= backoff(1) <= FIRST_BACKOFF
    assert MOST_BACKOFF / 2 <= backoff(1000) <= MOST_BACKOFF
