"""Connections to one server, and one exchange over them: send, wait so long and no longer, take the whole answer.

Knows time-outs and what a lost connection looks like; no API, and nothing of trying again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import httpcore

from magpie.engines.server.address import Way
from magpie.engines.server.wire import Asked
from magpie.http.answers import MOST_BYTES, BodyReader
from magpie.http.connections import Broken as Broken
from magpie.http.connections import TooSlow as TooSlow
from magpie.http.connections import Unreachable as Unreachable
from magpie.safe.redaction import one_line

BASE_BYTES, TOKEN_BYTES = 1 << 20, 16 << 10
"""The longest answer that is taken, in bytes, for itself and for each token that was asked for: with twenty
log-probabilities a token takes 2 KiB, and a piece of a stream with one token about 400 bytes."""
SLOWEST = 1.0
"""Tokens per second, after the first: an answer that takes longer as a whole is given up, however lively it drips."""

_LOST = (httpcore.ReadError, httpcore.WriteError, httpcore.ProtocolError, httpcore.ConnectionNotAvailable)
_NO_WAY = (httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.ProxyError, httpcore.UnsupportedProtocol)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one exchange may take, in seconds."""

    connect: float
    first: float
    """For the first piece of an answer."""
    idle: float
    """Between two pieces of one."""
    answer: float | None = None
    """For all of it; None is by the number of tokens."""

    def whole(self, max_tokens: int) -> float:
        """For all of it."""
        return self.first + max_tokens / SLOWEST if self.answer is None else self.answer


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer with whatever status."""

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes
    waited: float
    """For the first piece of the body, in seconds."""
    took: float

    def header(self, name: bytes) -> str | None:
        return next((value.decode("latin-1") for key, value in self.headers if key.lower() == name), None)


class _Stale(Exception):
    """A connection that had been kept was closed by the server in the meantime: nobody's fault."""


_Line = httpcore.AsyncHTTPConnection | httpcore.AsyncHTTPProxy


class Lines:
    """Connections to one server, kept and used again. Closing one is how a request is cancelled."""

    def __init__(self, way: Way, patience: Patience) -> None:
        self._way, self._patience = way, patience
        self._headers = way.headers()
        self._targets: dict[str, httpcore.URL] = {}
        self._idle: list[_Line] = []
        self._extensions = {"timeout": {"connect": patience.connect}}

    async def exchange(self, asked: Asked, max_tokens: int) -> Answered:
        """Send, and take the answer. Raises `Unreachable`, `Broken`, `TooSlow` and `Garbled`."""
        while (line := await self._kept()) is not None:
            try:
                return await self._over(line, asked, max_tokens, is_kept=True)
            except _Stale:
                continue
        return await self._over(self._way.connection(), asked, max_tokens, is_kept=False)

    async def close(self) -> None:
        while self._idle:
            await self._idle.pop().aclose()

    async def _kept(self) -> _Line | None:
        """A connection that is still open, as far as can be told."""
        while self._idle:
            line = self._idle.pop()
            if isinstance(line, httpcore.AsyncHTTPProxy) or (line.is_available() and not line.has_expired()):
                return line
            await line.aclose()
        return None

    async def _over(self, line: _Line, asked: Asked, max_tokens: int, is_kept: bool) -> Answered:
        taking = _Taking(self._patience, asked, max_tokens, connects=not is_kept)
        problem: Exception
        try:
            async with asyncio.timeout_at(taking.until) as clock:
                answered = await taking.take(line, self._request(asked), clock)
        except TimeoutError:
            problem = TooSlow(taking.silence())
        except _NO_WAY as error:
            problem = Unreachable(_words(error))
        except _LOST as error:
            problem = _Stale() if is_kept and not taking.heard else Broken(_words(error))
        except BaseException:
            await line.aclose()  # httpcore does not, where it is canceled while it waits for a lock
            raise
        else:
            self._idle.append(line)
            return answered
        await line.aclose()
        raise problem  # outside of the handler: the caught error knows the request, and so the key

    def _request(self, asked: Asked) -> httpcore.Request:
        target = self._targets.get(asked.route)
        if target is None:
            target = self._targets[asked.route] = self._way.address.target(asked.route)
        headers = [*self._headers, (b"Content-Length", b"%d" % len(asked.body))]
        return httpcore.Request("POST", target, headers=headers, content=asked.body, extensions=self._extensions)


class _Taking:
    """An answer on its way, and until when the next piece of it may come."""

    def __init__(self, patience: Patience, asked: Asked, max_tokens: int, connects: bool) -> None:
        self._patience = patience
        self._started = asyncio.get_running_loop().time()
        self._first: float | None = None
        begins = self._started + (patience.connect if connects else 0.0)
        self._last = begins + patience.whole(max_tokens)
        self._streamed = asked.streamed
        self._most = min(MOST_BYTES, BASE_BYTES + max_tokens * TOKEN_BYTES)
        self.heard = False
        """Whether the server said anything at all."""
        self.until = min(begins + patience.first, self._last) if asked.streamed else self._last

    async def take(self, line: _Line, request: httpcore.Request, clock: asyncio.Timeout) -> Answered:
        response = await line.handle_async_request(request)
        self.heard = True
        stream: Any = response.stream
        async with aclosing(stream):
            reader = BodyReader(response.status, _encoding(response.headers), self._most)
            async for piece in stream:
                if not reader.feed(piece):
                    break
                if not piece.startswith(b":"):  # a comment keeps a connection alive, and is no answer
                    self._move(clock)
        now = asyncio.get_running_loop().time()
        waited = (self._first or now) - self._started
        return Answered(response.status, response.headers, reader.body(), waited, now - self._started)

    def _move(self, clock: asyncio.Timeout) -> None:
        now = asyncio.get_running_loop().time()
        self._first = self._first or now
        if self._streamed:
            self.until = min(now + self._patience.idle, self._last)
            clock.reschedule(self.until)

    def silence(self) -> str:
        took = asyncio.get_running_loop().time() - self._started
        if not self._streamed or self.until >= self._last:
            limit = "" if self._patience.answer is None else " (answer_seconds)"
            return f"no whole answer for {took:.0f} seconds{limit}"
        if self._first is None:
            return f"no answer for {took:.0f} seconds (first_token_seconds)"
        return f"silent for {self._patience.idle:g} seconds in the middle of an answer (idle_seconds)"


def _encoding(headers: Sequence[tuple[bytes, bytes]]) -> str:
    return ", ".join(value.decode("latin-1") for name, value in headers if name.lower() == b"content-encoding")


def _words(error: Exception) -> str:
    """What a connection's error says. Never its `repr`: it may hold headers."""
    if isinstance(error, httpcore.ConnectTimeout):
        return "no connection in time (connect_seconds)"
    return one_line(str(error)) or type(error).__name__
