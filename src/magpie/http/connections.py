"""What every connection to a server of the user's has in common: its URL, its key, its client, how long to wait.

A key comes from the environment and stands in no error. Knows no API: what is said over a connection is its user's.
"""

from __future__ import annotations

import os
from random import random
from urllib.parse import SplitResult, urlsplit

import httpx

from magpie.errors import UserError

FIRST_BACKOFF, MOST_BACKOFF = 0.5, 30.0
"""Seconds before a request is tried again: doubled each time, of which a random half to all is waited."""
MAY_PASS = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
"""Statuses after which the same request may be answered."""


def split_url(url: str, setting: str, example: str) -> SplitResult:
    """A server's address, taken apart. Raises `UserError`, which names the setting, for what is no address. What may
    hold a secret is not shown."""
    url = url.strip()
    host = url.rpartition("@")[2].partition("?")[0].partition("#")[0]
    if "@" in url:
        raise UserError(
            f"{setting} for {host}: holds a name or a password; put the key into an environment variable and name it "
            "by api_key_env"
        )
    if "?" in url or "#" in url:
        raise UserError(f"{setting} for {host}: ends with ? or #; expected the address up to /v1")
    expected = f"{setting} {url!r}: expected http:// or https://, as in {example}"
    if not _plain(url):  # before it is taken apart: Python normalizes a host in other letters
        raise UserError(expected)
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise UserError(f"{setting} {url!r}: is no URL; expected one such as {example}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UserError(expected)
    return parts


def _plain(url: str) -> bool:
    return url.isascii() and url.isprintable() and " " not in url


def server_root(url: str, setting: str, example: str) -> str:
    """The address up to, and without, `/v1`. Raises `UserError`."""
    split_url(url, setting, example)
    return url.strip().rstrip("/").removesuffix("/v1").rstrip("/")


def api_key(variable: str | None, setting: str) -> str | None:
    """The key in an environment variable. Raises `UserError` where it holds none."""
    if variable is None:
        return None
    value = os.environ.get(variable, "").strip()
    if not value or " " in value or not (value.isascii() and value.isprintable()):
        raise UserError(f"the environment variable {variable}, named by {setting}, holds no API key: put it there")
    return value


def client(root: str, key: str | None, concurrency: int, connect_seconds: float, answer_seconds: float) -> httpx.Client:
    """For many requests at once. Follows no redirect, so that the key stays with the host that it was given for; goes
    to this machine without a proxy."""
    return httpx.Client(
        base_url=root,
        headers={"User-Agent": "magpie"} | ({} if key is None else {"Authorization": f"Bearer {key}"}),
        timeout=httpx.Timeout(answer_seconds, connect=connect_seconds, pool=None),
        limits=httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency),
        trust_env=urlsplit(root).hostname not in ("localhost", "127.0.0.1", "::1"),
        follow_redirects=False,
    )


def backoff(tries: int) -> float:
    """Seconds to wait before a request is tried again for the `tries`-th time."""
    return min(MOST_BACKOFF, FIRST_BACKOFF * 2.0 ** min(tries - 1, 16)) * (0.5 + 0.5 * random())
