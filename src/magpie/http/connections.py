"""What every connection to a server of the user's has in common: its URL, its key, its client, and how an
answer is read: to its end, before a deadline, and no longer than it may be.

A key comes from the environment and stands in no error. Knows no API: what is said over a connection is its user's.
"""

from __future__ import annotations

import os
import threading
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from ssl import SSLContext
from time import monotonic
from typing import Any
from urllib.parse import SplitResult, urlsplit

import httpcore
import httpx

from magpie.errors import UserError
from magpie.http.addresses import is_local, with_scheme
from magpie.http.answers import BodyReader
from magpie.safe.keys import may_send
from magpie.safe.redaction import (
    has_credentials,
    one_line,
    redact_loggers,
    register,
    register_url,
    register_variable,
)

KEEP_SECONDS = 4.0
"""How long an idle connection is kept: uvicorn, beneath vLLM and SGLang, and llama.cpp close theirs after 5."""


redact_loggers(("httpx", *(f"httpcore.{name}" for name in ("connection", "http11", "http2", "proxy", "socks"))))


def split_url(url: str, setting: str, example: str) -> SplitResult:
    """A server's address, taken apart. Raises `UserError`, which names the setting, for what is no address. What may
    hold a secret is not shown."""
    url = url.strip()
    host = url.rpartition("@")[2].partition("?")[0].partition("#")[0]
    if has_credentials(url):
        register_url(url)
        raise UserError(
            f"{setting} for {one_line(host)}: holds a name or a password; put the key into an environment variable and "
            "name it by api_key_env"
        )
    if "?" in url or "#" in url:
        raise UserError(f"{setting} for {one_line(host)}: ends with ? or #; expected the address up to /v1")
    proposed = _proposed(url, example)
    expected = f"{setting} {one_line(url)!r}: expected http:// or https://, as in {proposed}"
    if not _plain(url):  # before it is taken apart: Python normalizes a host in other letters
        raise UserError(expected)
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise UserError(f"{setting} {one_line(url)!r}: is no URL; expected one such as {proposed}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UserError(expected)
    return parts


def _proposed(url: str, example: str) -> str:
    meant = with_scheme(url)
    return f"{example}; did you mean {meant}?" if meant else example


def _plain(url: str) -> bool:
    return url.isascii() and url.isprintable() and " " not in url


def server_root(url: str, setting: str, example: str) -> str:
    """The address up to, and without, `/v1`. Raises `UserError`."""
    split_url(url, setting, example)
    return url.strip().rstrip("/").removesuffix("/v1").rstrip("/")


def api_key(variable: str | None, setting: str, url: str) -> str | None:
    """The key in an environment variable, from now on a secret; None in a dry run, which sends none. Raises `UserError`
    where it holds none, `KeyNotAllowed` where it may not be sent there."""
    if variable is None or not may_send(variable, [url]):
        return None
    register_variable(variable)
    value = os.environ.get(variable, "").strip()
    if not value or " " in value or not (value.isascii() and value.isprintable()):
        raise UserError(f"the environment variable {variable}, named by {setting}, holds no API key: put it there")
    register(value)
    return value


# -- clients ----------------------------------------------------------------------------------------------------------


def client(root: str, key: str | None, concurrency: int, connect_seconds: float, answer_seconds: float) -> httpx.Client:
    """For many requests at once, by `fetch`. Follows no redirect, so that the key stays with the host that it was given
    for; goes to this machine without a proxy."""
    parts = urlsplit(root)
    return make_client(
        headers={} if key is None else {"Authorization": f"Bearer {key}"},
        base_url=root,
        concurrency=concurrency,
        connect_seconds=connect_seconds,
        read_seconds=answer_seconds,
        tls=httpx.create_ssl_context() if parts.scheme == "https" else None,
        proxy=find_proxy(parts.scheme, str(parts.hostname)),
    )


def make_client(
    headers: Mapping[str, str],
    *,
    base_url: str = "",
    concurrency: int = 1,
    connect_seconds: float,
    read_seconds: float,
    tls: SSLContext | None,
    proxy: str | None,
) -> httpx.Client:
    """The same for an address that is taken apart already. Nothing comes compressed that the server was not made to
    compress whatever it is asked: what is small on the way may be without end here."""
    return httpx.Client(
        base_url=base_url,
        headers={"User-Agent": "magpie", "Accept-Encoding": "identity", **headers},
        timeout=httpx.Timeout(read_seconds, connect=connect_seconds, pool=None),
        follow_redirects=False,
        trust_env=False,
        transport=_Transport(concurrency, tls, proxy),
    )


def find_proxy(scheme: str, host: str) -> str | None:
    """The proxy that the environment names for a host, as other programs take it; none for this machine. Raises
    `UserError` for one of a kind that is not spoken here. Its password, if it has one, is from now on a secret."""
    if is_local(host) or urllib.request.proxy_bypass(host):
        return None
    found = urllib.request.getproxies()
    proxy = found.get(scheme) or found.get("all")
    if proxy is None:
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    register_url(proxy)
    if urlsplit(proxy).scheme not in ("http", "https"):
        raise UserError(
            f"the environment names a proxy of kind {urlsplit(proxy).scheme} for {scheme} addresses: expected http; "
            "set no_proxy to the server's host to go without"
        )
    return proxy


# -- one exchange -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fetched:
    """A whole answer, of whatever status; of an error's body, the beginning."""

    status: int
    headers: Mapping[str, str]
    """By names in small letters."""
    body: bytes


class Unreachable(Exception):
    """No connection came about."""


class Broken(Exception):
    """A connection was lost with a request on it, or said what is not HTTP."""


class TooSlow(Exception):
    """The answer was not there, whole, at its deadline."""


def fetch(
    client: httpx.Client, method: str, url: str, *, seconds: float, most: int, content: bytes | None = None
) -> Fetched:
    """Send a request and read the answer: all of it within `seconds`, however lively it drips, in at most `most` bytes.

    Raises `Unreachable`, `Broken`, `TooSlow` and `answers.Garbled`, none of which knows the request, and so the key.
    """
    problem: Exception
    try:
        with _deadline(seconds), client.stream(method, url, content=content, headers=_JSON) as response:
            reader = BodyReader(response.status_code, response.headers.get("content-encoding", ""), most)
            for piece in response.iter_raw():
                if not reader.feed(piece):
                    break
            return Fetched(response.status_code, dict(response.headers), reader.body())
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
        problem = Unreachable(one_line(str(error)) or "no connection in time")
    except httpx.TimeoutException:
        problem = TooSlow(f"no whole answer in {seconds:g} seconds")
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
        problem = Broken(one_line(str(error)) or type(error).__name__)
    raise problem


_JSON = {"Content-Type": "application/json"}
_clock = threading.local()
"""Until when the exchange of this thread may last: `until`, on the monotonic clock."""


@contextmanager
def _deadline(seconds: float) -> Iterator[None]:
    """Whatever this thread waits for on a connection of `_Network` inside of the block ends at the deadline."""
    _clock.until = monotonic() + seconds
    try:
        yield
    finally:
        _clock.until = None


def _seconds_left(limit: float | None, error: type[Exception]) -> float | None:
    until = getattr(_clock, "until", None)
    if until is None:
        return limit
    left = float(until) - monotonic()
    if left <= 0:
        raise error("the deadline of the whole answer")
    return left if limit is None else min(left, limit)


class _Network(httpcore.SyncBackend):
    """Sockets that know a deadline: time-outs of a library begin anew with every byte."""

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, *more: Any, **options: Any) -> Any:
        left = _seconds_left(timeout, httpcore.ConnectTimeout)
        return _Stream(super().connect_tcp(host, port, left, *more, **options))


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _seconds_left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _seconds_left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = _seconds_left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Transport(httpx.BaseTransport):
    """httpx's own, on sockets that know a deadline, which it takes no other way."""

    def __init__(self, concurrency: int, tls: SSLContext | None, proxy: str | None) -> None:
        options: dict[str, Any] = {
            "ssl_context": tls,
            "max_connections": concurrency,
            "max_keepalive_connections": concurrency,
            "keepalive_expiry": KEEP_SECONDS,
            "network_backend": _Network(),
        }
        self._pool: httpcore.ConnectionPool
        if proxy is None:
            self._pool = httpcore.ConnectionPool(**options)
        else:
            given = httpx.Proxy(proxy)
            url = httpcore.URL(
                scheme=given.url.raw_scheme, host=given.url.raw_host, port=given.url.port, target=given.url.raw_path
            )
            self._pool = httpcore.HTTPProxy(url, proxy_auth=given.raw_auth, **options)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        asked = httpcore.Request(
            request.method, url, headers=request.headers.raw, content=request.stream, extensions=request.extensions
        )
        with _as_httpx():
            answer = self._pool.handle_request(asked)
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer.stream))

    def close(self) -> None:
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx():
            pieces: Iterable[bytes] = self._stream
            yield from pieces

    def close(self) -> None:
        self._stream.close()


@contextmanager
def _as_httpx() -> Iterator[None]:
    """httpcore's errors as httpx names them."""
    try:
        yield
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, httpcore.ProxyError) as error:
        problem = getattr(httpx, type(error).__name__, httpx.TransportError)(str(error))
    except httpcore.UnsupportedProtocol as error:
        problem = httpx.UnsupportedProtocol(str(error))
    else:
        return
    raise problem
