"""Which key may be sent to which host: a recipe file may be a stranger's, and its word is not enough.

A recipe names environment variables that hold keys (`api_key_env`) and servers beside them. What a file asks for is
noted here when it is read, and refused where the key is read, unless the user has allowed this variable for this host:
by `--allow-key NAME@HOST`, by a yes at a terminal, or by typing the setting. Knows no recipe and keeps nothing on disk.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple
from urllib.parse import urlsplit

from magpie.errors import UserError
from magpie.safe.shell import command_line
from magpie.safe.terminal import one_line

_ALLOWANCE = re.compile(r"(?P<variable>[A-Za-z_][A-Za-z0-9_]{0,199})@(?P<host>[^\s@/]{1,300})")


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
        flags = command_line(word for use in uses for word in ("--allow-key", str(use)))
        sends = " and ".join(f"the key in {use.variable} to {one_line(use.host)}" for use in uses)
        super().__init__(
            f"the recipe sends {sends}, and no one has allowed that: a recipe file may be a stranger's. If you mean "
            f"it, add {flags}"
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
    """A URL's host as an allowance names it: with its port, unless that is the one of https.

    >>> host_of("https://api.example.com/v1"), host_of("http://localhost:8000/v1"), host_of("http://api.example.com")
    ('api.example.com', 'localhost:8000', 'api.example.com:80')
    """
    try:
        parts = urlsplit(url.strip())
        host = (parts.hostname or "").lower()
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:  # no URL: it is refused where it is used, and stands for no host until then
        return url.strip()
    host = f"[{host}]" if ":" in host else host
    return host if port in (443, None) else f"{host}:{port}"


def read_allowance(text: str) -> KeyUse:
    """`NAME@HOST`, with a port or without. Raises `UserError`.

    >>> read_allowance("OPENAI_API_KEY@api.openai.com")
    KeyUse(variable='OPENAI_API_KEY', host='api.openai.com')
    """
    found = _ALLOWANCE.fullmatch(text.strip())
    if found is None:
        raise UserError(
            f"--allow-key {one_line(text[:100])}: expected NAME@HOST: the environment variable that holds the key, and "
            "the host that may get it, as in MY_API_KEY@api.example.com or MY_API_KEY@localhost:8000"
        )
    return KeyUse(found["variable"], found["host"].lower())


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
