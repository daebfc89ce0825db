"""Which key may be sent to which host: a recipe file may be a stranger's, and its word is not enough.

A recipe names environment variables that hold keys (`api_key_env`) and servers beside them. What a file asks for is
noted here when it is read, and refused where the key is read, unless the user has allowed this variable for this host:
by `--allow-key NAME@HOST`, by a yes at a terminal, or by typing the setting. Knows no recipe and keeps nothing on disk.

An allowance for a host is one for https, where nobody on the way reads the key. To send it over plain http is another
thing to allow, and says so: `NAME@http://HOST`. On this machine (`localhost`, 127.0.0.1) nobody is on the way, so an
allowance is for a port, whatever is spoken there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

from magpie.errors import UserError
from magpie.safe.shell import command_line
from magpie.safe.terminal import one_line

_ALLOWANCE = re.compile(r"(?P<variable>[A-Za-z_][A-Za-z0-9_]{0,199})@(?P<host>(?i:https?://)?[^\s@/?#]{1,300})")
_USUAL_PORTS = {"https": 443, "http": 80}
NO_HOST = "an address that is no URL"
"""What stands for the host of such an address. No allowance names it, since it has spaces. It repeats nothing of the
address, which may hold a password."""


class KeyUse(NamedTuple):
    """A key's variable and the host that would get it."""

    variable: str
    host: str
    """As `host_of` has it."""

    def __str__(self) -> str:
        return f"{self.variable}@{self.host}"


class KeyNotAllowed(UserError):
    """A recipe file would send keys to hosts that the user has not allowed them for."""

    def __init__(self, uses: Sequence[KeyUse]) -> None:
        flags = command_line(word for use in uses if use.host != NO_HOST for word in ("--allow-key", str(use)))
        sends = " and ".join(f"the key in {use.variable} to {one_line(use.host)}" for use in uses)
        wanted = f"If you mean it, add {flags}" if flags else "Expected a URL such as https://api.example.com/v1"
        super().__init__(
            f"the recipe sends {sends}, and no one has allowed that: a recipe file may be a stranger's. {wanted}"
        )
        self.uses = tuple(uses)


class _Known:
    """What this process has been told."""

    def __init__(self) -> None:
        self.asked: set[KeyUse] = set()
        """By recipe files."""
        self.allowed: set[KeyUse] = set()
        self.withheld = False


_known = _Known()


def host_of(url: str) -> str:
    """A URL's host as an allowance names it: with its port, unless that is the usual one of its scheme, and behind
    `http://` where a key would go over a network in plain text. On this machine it is always host and port. `NO_HOST`
    for what is no URL of a server.

    >>> host_of("https://api.example.com/v1"), host_of("https://api.example.com:8443"), host_of("http://api.example.com")
    ('api.example.com', 'api.example.com:8443', 'http://api.example.com')
    >>> host_of("http://localhost:8000/v1"), host_of("https://localhost:8000"), host_of("http://localhost")
    ('localhost:8000', 'localhost:8000', 'localhost:80')
    """
    try:
        parts = urlsplit(url.strip())
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:  # it is refused where it is used
        return NO_HOST
    if not host or any(map(str.isspace, host)) or parts.scheme not in _USUAL_PORTS:
        return NO_HOST
    usual, is_here = _USUAL_PORTS[parts.scheme], _is_this_machine(host)
    host = f"[{host}]" if ":" in host else host
    if is_here:
        return f"{host}:{port or usual}"
    host = host if port in (usual, None) else f"{host}:{port}"
    return host if parts.scheme == "https" else f"http://{host}"


def _is_this_machine(host: str) -> bool:
    """Whether what is sent to a host stays on this machine. A name other than `localhost` may be another's tomorrow."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def read_allowance(text: str) -> KeyUse:
    """`NAME@HOST`, with a port or without; `NAME@http://HOST` for plain http. Raises `UserError`.

    >>> read_allowance("OPENAI_API_KEY@api.openai.com")
    KeyUse(variable='OPENAI_API_KEY', host='api.openai.com')
    """
    found = _ALLOWANCE.fullmatch(text.strip())
    address = found["host"] if found else ""
    host = host_of(address if "://" in address else f"https://{address}")
    if found is None or host == NO_HOST:
        raise UserError(
            f"--allow-key {one_line(text[:100])}: expected NAME@HOST: the environment variable that holds the key, and "
            "the host that may get it, as in MY_API_KEY@api.example.com or MY_API_KEY@localhost:8000; over plain http, "
            "MY_API_KEY@http://gpu-box:8000"
        )
    return KeyUse(found["variable"], host)


def note_asked(uses: Iterable[KeyUse]) -> None:
    """Note what a recipe file asks for: from now on these keys are sent only where they are allowed."""
    _known.asked.update(uses)


def allow(uses: Iterable[KeyUse]) -> None:
    """Let keys be sent, in this process."""
    _known.allowed.update(uses)


def not_allowed(uses: Iterable[KeyUse]) -> list[KeyUse]:
    """Those of some uses that a file asks for and nobody has allowed, each once."""
    return [use for use in dict.fromkeys(uses) if use in _known.asked and use not in _known.allowed]


def may_send(variable: str, urls: Iterable[str]) -> bool:
    """Whether the key in a variable may be read for some addresses; False where this command sends none at all. Raises
    `KeyNotAllowed`."""
    if _known.withheld:
        return False
    if refused := not_allowed(KeyUse(variable, host_of(url)) for url in urls):
        raise KeyNotAllowed(refused)
    return True


@contextmanager
def keys_withheld() -> Iterator[None]:
    """As long as the context lasts, no key is read or sent: for a dry run."""
    before, _known.withheld = _known.withheld, True
    try:
        yield
    finally:
        _known.withheld = before


def are_withheld() -> bool:
    """Whether this command sends no key."""
    return _known.withheld


WITHHELD = "a dry run sends no key"
"""What an error says where a server wants one."""
