"""Parses addresses of servers as users write them: one without a scheme gets its scheme, and addresses of this machine
are recognized.

Knows no connection.
"""

from __future__ import annotations

import re
from ipaddress import ip_address

_HOST = r"(?:localhost|\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:]+\]|[\w-]+(?:\.[\w-]+)*)"
_FULL_HOST = r"(?:localhost|\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:]+\]|[\w-]+(?:\.[\w-]+)+)"
_ADDRESS = re.compile(rf"{_HOST}:\d{{1,5}}(?:/[\w./~-]*)?|{_FULL_HOST}/v1/?", re.IGNORECASE)
_ALONE = re.compile(r"localhost|\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:]+\]", re.IGNORECASE)


def with_scheme(text: str) -> str | None:
    """The URL that was meant by an address without a scheme, up to `/v1`; None where this is no such address.

    >>> with_scheme("127.0.0.1:8123")
    'http://127.0.0.1:8123/v1'
    >>> with_scheme("llamacpp")
    """
    if not _ADDRESS.fullmatch(text) and not _ALONE.fullmatch(text):
        return None
    return f"http://{text.rstrip('/').removesuffix('/v1')}/v1"


def is_local(host: str) -> bool:
    """Whether a host is this machine, by its name or its address alone."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
