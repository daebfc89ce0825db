"""Where a server is and what every request to it carries: its URL taken apart, the key, proxies, TLS.

The key comes from the environment and stands in no error, no `repr` and no log: here is the only place that holds it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from ssl import SSLContext

import httpcore
import httpx

from magpie.engines.server.sockets import AsyncioBackend
from magpie.errors import UserError
from magpie.http.addresses import is_local
from magpie.http.connections import KEEP_SECONDS, find_proxy, make_client, split_url
from magpie.safe.keys import may_send
from magpie.safe.redaction import register, register_variable

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Address:
    """A server's address. `told` is how messages call it."""

    told: str
    scheme: str
    host: str
    port: int
    root: str
    """The path before `/v1`, without a slash at its end."""
    v1: str
    """The path of OpenAI's API: nearly always `root` and `/v1`."""

    @property
    def is_loopback(self) -> bool:
        return is_local(self.host)

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def path(self, route: str) -> str:
        """Of a route below the root; `/v1` stands for wherever OpenAI's API begins."""
        return self.v1 + route[3:] if route.startswith("/v1/") else self.root + route

    def url(self, route: str) -> str:
        return f"{self.scheme}://{self.authority}{self.path(route)}"

    def target(self, route: str) -> httpcore.URL:
        port = None if self.port == _PORTS[self.scheme] else self.port
        return httpcore.URL(
            scheme=self.scheme.encode(), host=self.host.encode(), port=port, target=self.path(route).encode()
        )


def read_url(url: str) -> Address:
    """`http://host:port`, with or without `/v1`. Raises `UserError` for what is no address, or holds a secret."""
    parts = split_url(url, "engine.url", "http://localhost:8000/v1")
    root = parts.path.rstrip("/").removesuffix("/v1").rstrip("/")
    told = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
    return Address(told, parts.scheme, str(parts.hostname), parts.port or _PORTS[parts.scheme], root, f"{root}/v1")


@dataclass(frozen=True)
class Key:
    """The API key, if there is one, and where it comes from."""

    variable: str | None
    value: str | None = field(default=None, repr=False)

    def headers(self) -> dict[str, str]:
        return {} if self.value is None else {"Authorization": f"Bearer {self.value}"}


def read_key(variable: str | None, urls: Iterable[str]) -> Key:
    """The key in this environment variable, from now on a secret; without its value in a dry run, which sends none.
    Raises `UserError` where it is not set, or can be no key, `KeyNotAllowed` where it may not be sent to an address."""
    if variable is None or not may_send(variable, urls):
        return Key(variable)
    register_variable(variable)
    value = os.environ.get(variable, "").strip()
    if not value:
        raise UserError(f"the environment variable {variable}, named by api_key_env, is not set: put the API key there")
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise UserError(
            f"the environment variable {variable} holds something that can be no API key: expected one word"
        )
    register(value)
    return Key(variable, value)


@dataclass(frozen=True)
class Way:
    """How connections to one address are made."""

    address: Address
    key: Key
    tls: SSLContext | None = field(repr=False)
    proxy: str | None = field(repr=False)
    """May hold a password."""

    def headers(self) -> list[tuple[bytes, bytes]]:
        """All but the length. Few, because each costs some microseconds a request."""
        fields = {
            "Host": self.address.authority,
            "User-Agent": "magpie",
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
        }
        return [(name.encode(), value.encode()) for name, value in (fields | self.key.headers()).items()]

    def connection(self) -> httpcore.AsyncHTTPConnection | httpcore.AsyncHTTPProxy:
        """A new one, not yet connected. httpx's client looks through all its connections at every request, and with 64
        of them takes 3 to 6 ms for each; one by one these take 0.2 ms (`bench/http_clients.py`)."""
        if self.proxy is not None:
            return _through(httpx.Proxy(self.proxy), self.tls)
        origin = self.address.target("/").origin
        return httpcore.AsyncHTTPConnection(
            origin,
            ssl_context=self.tls,
            keepalive_expiry=KEEP_SECONDS,
            network_backend=AsyncioBackend(races=not self.address.is_loopback),
        )

    def client(self, connect_seconds: float, read_seconds: float) -> httpx.Client:
        """For the questions at opening. Follows no redirect: the key stays with the host that it was given for."""
        return make_client(
            self.key.headers(),
            connect_seconds=connect_seconds,
            read_seconds=read_seconds,
            tls=self.tls,
            proxy=self.proxy,
        )


def _through(proxy: httpx.Proxy, tls: SSLContext | None) -> httpcore.AsyncHTTPProxy:
    url = httpcore.URL(
        scheme=proxy.url.raw_scheme, host=proxy.url.raw_host, port=proxy.url.port, target=proxy.url.raw_path
    )
    auth, seconds = proxy.raw_auth, KEEP_SECONDS
    return httpcore.AsyncHTTPProxy(
        url,
        proxy_auth=auth,
        ssl_context=tls,
        max_connections=1,
        keepalive_expiry=seconds,
        network_backend=AsyncioBackend(races=True),
    )


def way_to(address: Address, key: Key) -> Way:
    """With the proxies and the certificates of the environment, as other programs take them; loopback needs none."""
    tls = httpx.create_ssl_context() if address.scheme == "https" else None
    return Way(address, key, tls, find_proxy(address.scheme, address.host))
