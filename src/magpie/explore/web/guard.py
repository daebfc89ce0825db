"""Who may ask: an ASGI layer before everything else. Knows headers, a token and a cookie; no run and no page.

The server listens on this machine alone, where every page that the user has open can reach it. So a request has to
name this machine as its host, which a page whose name was pointed here (DNS rebinding) does not; it has to come from
the page itself, not from another origin; and it has to carry a cookie that was given for the token of this start.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from hashlib import sha256
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

_HOST = re.compile(r"(?:localhost|127\.0\.0\.1)(?::\d{1,5})?", re.IGNORECASE)
"""On any port: `ssh -L` gives another one."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS = (
    ("content-security-policy", POLICY),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cache-control", "no-store"),
)
_MOST_HEADER = 4096
_HOW = "open the address that `magpie explore` printed; it is good until that command ends"


class Guard:
    """Lets requests through to `app`, and adds its headers to every answer.

    guard = Guard(app)
    print(f"http://127.0.0.1:8421/?token={guard.token}")
    """

    def __init__(self, app: App, token: str | None = None) -> None:
        self.app = app
        self.token = token or secrets.token_urlsafe(24)
        self._session = secrets.token_urlsafe(24)
        self.cookie = f"magpie_{sha256(self._session.encode()).hexdigest()[:8]}"
        """A name of its own: cookies are shared by all ports of a host, and two explorers may be open."""

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await _answer(send, *refusal)
            return
        given = parse_qs(scope["query_string"][:_MOST_HEADER].decode("latin-1"), keep_blank_values=True).get("token")
        if given is not None:
            await self._exchange(given, scope, send)
            return
        if not self._has_cookie(_headers(scope, b"cookie")):
            await _answer(send, 403, f"This page needs the token of this start: {_HOW}.")
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [(name, value) for name, value in message.get("headers", ()) if name.lower() not in _OWN]
                message = {**message, "headers": [*kept, *_ENCODED]}
            await send(message)

        await self.app(scope, receive, with_headers)

    def _refusal(self, scope: Message) -> tuple[int, str] | None:
        """What is wrong with a request, whoever sends it."""
        hosts = _headers(scope, b"host")
        if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
            return 403, "Expected the host localhost or 127.0.0.1."
        origins = _headers(scope, b"origin")
        if any(origin.lower() != f"http://{hosts[0].lower()}" for origin in origins):
            return 403, "A page of another origin may not ask."
        sites = _headers(scope, b"sec-fetch-site")
        if scope["path"] != "/" and any(site not in ("same-origin", "none") for site in sites):
            return 403, "A page of another site may not ask."
        if scope["method"] not in ("GET", "HEAD", "POST"):
            return 405, "Expected GET or POST."
        return None

    async def _exchange(self, given: list[str], scope: Message, send: Send) -> None:
        """The token for a cookie, and on to an address without it: it stays in no history and no log."""
        if scope["path"] != "/" or len(given) != 1 or not hmac.compare_digest(given[0].encode(), self.token.encode()):
            await _answer(send, 403, f"This token is not the one of this start: {_HOW}.")
            return
        cookie = f"{self.cookie}={self._session}; HttpOnly; SameSite=Strict; Path=/"
        await _answer(send, 303, "", (("location", "/"), ("set-cookie", cookie)))

    def _has_cookie(self, given: Iterable[str]) -> bool:
        for header in given:
            try:
                morsel = SimpleCookie(header[:_MOST_HEADER]).get(self.cookie)
            except CookieError:
                continue
            if morsel is not None and hmac.compare_digest(morsel.value.encode(), self._session.encode()):
                return True
        return False


_ENCODED = [(name.encode(), value.encode()) for name, value in HEADERS]
_OWN = frozenset(name for name, _ in _ENCODED)


def _headers(scope: Message, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name]


async def _answer(send: Send, status: int, text: str, headers: Iterable[tuple[str, str]] = ()) -> None:
    told = [("content-type", "text/plain; charset=utf-8"), *headers]
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in told]
    body = f"{text}\n".encode() if text else b""
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*encoded, length, *_ENCODED]})
    await send({"type": "http.response.body", "body": body})
