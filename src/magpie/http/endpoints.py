"""The address of a server and what every request to it carries: its parsed URL, the key, proxies, TLS.

The key comes from the environment and is in no error, no `repr` and no log. Knows no connection and no API.
"""

from __future__ import annotations

import os
import ssl
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

import certifi

from magpie.errors import UserError
from magpie.http.addresses import is_local, with_scheme
from magpie.safe.keys import may_send
from magpie.safe.redaction import has_credentials, one_line, register, register_url, register_variable

_PORTS = {"http": 80, "https": 443}


# -- addresses --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Address:
    """A server's address. `told` is its name in messages."""

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


def read_url(url: str, setting: str = "engine.url", example: str = "http://localhost:8000/v1") -> Address:
    """`http://host:port`, with or without `/v1`. Raises `UserError`, which names the setting, for what is no address or
    holds a secret.

    >>> read_url("http://gpu:8000/v1").url("/v1/models")
    'http://gpu:8000/v1/models'
    """
    parts = split_url(url, setting, example)
    root = parts.path.rstrip("/").removesuffix("/v1").rstrip("/")
    told = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
    return Address(told, parts.scheme, str(parts.hostname), parts.port or _PORTS[parts.scheme], root, f"{root}/v1")


def split_url(url: str, setting: str, example: str) -> SplitResult:
    """Parse a server's address. Raises `UserError`, which names the setting, for an invalid address. A part that may
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


# -- keys -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Key:
    """The API key, if there is one, and where it comes from."""

    variable: str | None
    value: str | None = field(default=None, repr=False)

    def headers(self) -> dict[str, str]:
        return {} if self.value is None else {"Authorization": f"Bearer {self.value}"}


def read_key(variable: str | None, urls: Iterable[str], setting: str = "api_key_env") -> Key:
    """The key in this environment variable, from now on a secret; without its value in a dry run, which sends none.
    Raises `UserError` where it is not set, or can be no key, `KeyNotAllowed` where it may not be sent to an address."""
    if variable is None or not may_send(variable, urls):
        return Key(variable)
    register_variable(variable)
    value = os.environ.get(variable, "").strip()
    if not value:
        raise UserError(f"the environment variable {variable}, named by {setting}, is not set: put the API key there")
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise UserError(f"the environment variable {variable}, named by {setting}, holds no API key: expected one word")
    register(value)
    return Key(variable, value)


# -- endpoints --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Endpoint:
    """How connections to one address are made."""

    address: Address
    key: Key
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    proxy: str | None = field(default=None, repr=False)
    """May hold a password."""
    socket: str | None = None
    """The path of a Unix socket, in place of host and port."""


def endpoint_to(address: Address, key: Key) -> Endpoint:
    """With the proxies and the certificates of the environment, as other programs take them; loopback needs none."""
    tls = _tls_context() if address.scheme == "https" else None
    return Endpoint(address, key, tls, find_proxy(address.scheme, address.host))


def open_endpoint(url: str, api_key_env: str | None, setting: str, example: str) -> Endpoint:
    """The endpoint that two settings name, `SETTING.url` and `SETTING.api_key_env`. Raises `UserError`."""
    address = read_url(url, f"{setting}.url", example)
    return endpoint_to(address, read_key(api_key_env, [url], f"{setting}.api_key_env"))


def unix_endpoint(path: str) -> Endpoint:
    """A server of this user at a Unix socket."""
    return Endpoint(Address("llama.cpp", "http", "localhost", 80, "", "/v1"), Key(None), socket=path)


def _tls_context() -> ssl.SSLContext:
    """Certificates of the system, of `SSL_CERT_FILE` and `SSL_CERT_DIR`; where these are silent, Mozilla's too."""
    context = ssl.create_default_context()
    if not any(os.environ.get(name) for name in ("SSL_CERT_FILE", "SSL_CERT_DIR")):
        context.load_verify_locations(certifi.where())
    context.set_alpn_protocols(["http/1.1"])
    return context


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
