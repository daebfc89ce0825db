"""The one HTTP client: connections to a server, kept and used again, and one exchange over them at a time.

On aiohttp, which takes 176 us of processor time for an exchange where connections of our own on httpcore took 316
(`python -m bench.http_clients`). Knows time-outs, limits and what a lost connection looks like; no API, and nothing of
trying again.
"""

from __future__ import annotations

import asyncio
import os
from base64 import b64encode
from contextvars import ContextVar
from typing import Any
from urllib.parse import unquote, urlsplit

import aiohttp
from yarl import URL

from magpie.http.answers import BodyReader
from magpie.http.endpoints import Endpoint
from magpie.http.exchange import Broken, Deadline, Response, TooSlow, Unreachable
from magpie.safe.redaction import one_line, redact_loggers

KEEP_SECONDS = 4.0
"""How long an idle connection is kept: uvicorn, beneath vLLM and SGLang, and llama.cpp close theirs after 5."""
MOST_HEAD = 64 << 10
"""The longest line of an answer's head, in bytes."""

redact_loggers(("aiohttp.client", "aiohttp.internal", "asyncio"))


class Client:
    """Connections to one server, for as many exchanges at once as are asked for. Make it, and use it, inside of one
    event loop. Canceling an exchange closes its connection: that is how a server learns that nobody listens.

        client = Client(endpoint_to(read_url("http://gpu:8000/v1"), Key(None)), connect_seconds=10.0)
        response = await client.exchange("GET", "/v1/models", deadline=Deadline(whole=30.0), most=1 << 20)
        await client.close()
    """

    def __init__(self, endpoint: Endpoint, connect_seconds: float, *, needs_length: bool = False) -> None:
        """needs_length: an answer without a Content-Length is broken, and not one that ends with its connection."""
        self._endpoint, self._connect_seconds, self._needs_length = endpoint, connect_seconds, needs_length
        self._urls: dict[str, URL] = {}
        self._options = _proxy_options(endpoint)
        # The key goes with every request of this session, so it follows no redirect. Nothing comes compressed that a
        # server compresses only when asked: what is small on the way may be without end here.
        self._session = aiohttp.ClientSession(
            connector=_connector(endpoint),
            headers={
                "User-Agent": "magpie",
                "Content-Type": "application/json",
                "Accept-Encoding": "identity",
                **endpoint.key.headers(),
            },
            timeout=aiohttp.ClientTimeout(total=None, connect=connect_seconds, sock_connect=connect_seconds),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            max_line_size=MOST_HEAD,
            max_field_size=MOST_HEAD,
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()
        for _ in range(3):  # a closed connection lets its socket go one turn later
            await asyncio.sleep(0)

    async def exchange(
        self, method: str, path: str, body: bytes | None = None, *, deadline: Deadline, most: int
    ) -> Response:
        """Send a request and return the answer, of any status, of at most `most` bytes.

        path: on the server, from its root, as `Address.path` gives it. Raises `Unreachable`, `Broken`, `TooSlow` and
        `answers.Garbled`, none of which holds the request or its key.
        """
        while True:
            taking = _Taking(deadline, self._connect_seconds)
            try:
                return await self._once(taking, method, path, body, most)
            except _Stale:
                continue  # each time with one connection fewer

    async def _once(self, taking: _Taking, method: str, path: str, body: bytes | None, most: int) -> Response:
        problem: Exception
        _current.set(taking)
        try:
            async with asyncio.timeout_at(taking.until) as taking.clock:
                async with self._session.request(
                    method, self._url(path), data=body, allow_redirects=False, **self._options
                ) as response:
                    if self._needs_length and response.content_length is None:
                        raise Broken("the server's answer is not HTTP: it has no Content-Length")
                    return await taking.read(response, most)
        except aiohttp.ConnectionTimeoutError:
            problem = Unreachable("no connection in time (connect_seconds)")
        except TimeoutError:
            problem = taking.silence()
        except (aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError, aiohttp.InvalidURL) as error:
            problem = Unreachable(_reason(error))
        except (aiohttp.ClientError, ConnectionError) as error:
            said_nothing = not taking.heard and _is_silent(error)
            problem = _Stale() if said_nothing and taking.is_kept else Broken(_reason(error), is_silent=said_nothing)
        finally:
            taking.end()
        raise problem  # outside of the handler: the caught error knows the request, and so the key

    def _url(self, path: str) -> URL:
        url = self._urls.get(path)
        if url is None:
            address = self._endpoint.address
            url = self._urls[path] = URL(f"{address.scheme}://{address.authority}{path}", encoded=True)
        return url


class _Stale(Exception):
    """A connection that had been kept was closed by the server in the meantime: nobody's fault."""


class _Taking:
    """One answer on its way, and until when the next piece of it may come."""

    def __init__(self, deadline: Deadline, connect_seconds: float) -> None:
        self._deadline = deadline
        self._loop = asyncio.get_running_loop()
        self._sent_at = self._loop.time()
        self._first_at: float | None = None
        self._transport: asyncio.Transport | None = None
        self._response: aiohttp.ClientResponse | None = None
        self.is_kept = self.heard = False
        """Whether the connection was kept from before; whether the server began to answer."""
        self.clock: asyncio.Timeout | None = None
        self.until = self._sent_at + connect_seconds + min(deadline.whole, deadline.first or deadline.whole)

    def connected(self, transport: asyncio.Transport | None, is_kept: bool) -> None:
        """The request is sent now: time counts from here."""
        self._transport, self.is_kept = transport, is_kept
        self._sent_at = self._loop.time()
        self._move(min(self._deadline.whole, self._deadline.first or self._deadline.whole))

    async def read(self, response: aiohttp.ClientResponse, most: int) -> Response:
        self.heard, self._response = True, response
        headers = {name.lower(): value for name, value in response.headers.items()}
        encoding = ", ".join(response.headers.getall("Content-Encoding", ()))
        reader = BodyReader(response.status, encoding, most)
        async for piece in response.content.iter_any():
            if not reader.feed(piece):
                response.close()
                break
            if not piece.startswith(b":"):  # a comment only keeps the connection open
                self._heard_piece()
        now = self._loop.time()
        self._transport = None
        return Response(
            response.status, headers, reader.body(), (self._first_at or now) - self._sent_at, now - self._sent_at
        )

    def _heard_piece(self) -> None:
        now = self._loop.time()
        self._first_at = self._first_at or now
        if self._deadline.idle is not None:
            self._move(min(now - self._sent_at + self._deadline.idle, self._deadline.whole))

    def _move(self, seconds: float) -> None:
        self.until = self._sent_at + seconds
        if self.clock is not None:
            self.clock.reschedule(self.until)

    def silence(self) -> TooSlow:
        """What was waited for in vain."""
        whole, first, idle = self._deadline.whole, self._deadline.first, self._deadline.idle
        if self.until >= self._sent_at + whole:
            return TooSlow("whole", whole)
        return TooSlow("first", first or whole) if self._first_at is None else TooSlow("idle", idle or whole)

    def end(self) -> None:
        """Close a connection that was not read to the end of its answer, at once and whatever is still to be sent."""
        was_released = self._response is not None and self._response.connection is None
        if self._transport is not None and not was_released:
            self._transport.abort()


_current: ContextVar[_Taking] = ContextVar("_current")
"""The exchange of the running task: its connector tells it when it is connected."""


# -- connections ------------------------------------------------------------------------------------------------------


class _Checked(aiohttp.BaseConnector):
    """A connector that says which connections are new, and takes none on which something came that nobody asked for:
    it would be read as the next answer."""

    _seen_before = "_magpie_kept"

    async def connect(self, req: Any, traces: Any, timeout: Any) -> Any:
        while True:
            connection = await super().connect(req, traces, timeout)
            protocol: Any = connection.protocol
            is_kept = getattr(protocol, self._seen_before, False)
            if is_kept and protocol.should_close:
                connection.close()
                continue
            setattr(protocol, self._seen_before, True)
            _current.get().connected(connection.transport, is_kept)
            return connection


class _TcpConnector(_Checked, aiohttp.TCPConnector):
    pass


class _UnixConnector(_Checked, aiohttp.UnixConnector):
    pass


def _connector(endpoint: Endpoint) -> aiohttp.BaseConnector:
    """Without a limit: how many exchanges there are at once is their asker's to say."""
    if endpoint.socket is not None:
        return _UnixConnector(endpoint.socket, keepalive_timeout=KEEP_SECONDS, limit=0)
    # asyncio's race of addresses loses sockets that are canceled in the moment in which they connect (up to Python
    # 3.12), and a loopback address that refuses does so at once.
    delay = None if endpoint.address.is_loopback else 0.25
    return _TcpConnector(
        keepalive_timeout=KEEP_SECONDS,
        limit=0,
        ssl=True if endpoint.tls is None else endpoint.tls,
        happy_eyeballs_delay=delay,
    )


def _proxy_options(endpoint: Endpoint) -> dict[str, Any]:
    """How a request goes by way of the proxy, if there is one. Its name and password go to the proxy alone: with the
    request that opens a tunnel, or with each, where the proxy reads them all."""
    if endpoint.proxy is None:
        return {}
    parts = urlsplit(endpoint.proxy)
    options: dict[str, Any] = {"proxy": URL(endpoint.proxy).with_user(None)}
    if parts.username:
        words = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        headers = {"Proxy-Authorization": f"Basic {b64encode(words).decode()}"}
        options["proxy_headers" if endpoint.address.scheme == "https" else "headers"] = headers
    return options


# -- errors -----------------------------------------------------------------------------------------------------------


def _is_silent(error: BaseException) -> bool:
    """Whether a connection ended without a word: of one that ends within a head, aiohttp's error has that."""
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return isinstance(error.message, str)
    return isinstance(error, ConnectionError | aiohttp.ClientOSError)


def _reason(error: BaseException) -> str:
    """What a connection's error says. Never its `repr` or aiohttp's text of it: they may hold headers and addresses."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return one_line(str(error.certificate_error))
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, OSError):
        number = cause.errno
        return os.strerror(number) if number and number > 0 else one_line(cause.strerror or str(cause))
    if isinstance(error, aiohttp.ClientResponseError):
        return f"the answer is not HTTP: {one_line(error.message, 100)}"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "the server closed the connection with a request on it"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "the answer broke off"
    return one_line(str(error)) or type(error).__name__
