"""Secrets, replaced by `***` in any text that somebody may see: API keys, tokens of the Hub, passwords in URLs.

Redact first, cut afterwards: if a text is cut inside a key, half of the key stays visible. `one_line` does both in this
order; use it for the text of a server or of a recipe in a message. Knows no server and no recipe.
"""

from __future__ import annotations

import base64
import html
import json
import logging
import os
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from urllib.parse import unquote

HIDDEN = "***"
MOST_SHOWN = 300
"""The longest part of somebody else's text that a message repeats, in characters."""
HUB_VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_HUB_TOKEN", "HUGGINGFACE_TOKEN")
"""Environment variables with a token of the Hugging Face Hub."""
PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "ftp_proxy", "no_proxy")
"""In small letters; they are also read in capitals."""

_MOST_READ = 1 << 16
"""Text of others beyond this many characters is neither searched nor shown."""
_SHORT = 8
"""A shorter secret is replaced only as a whole word: a few letters occur in many words."""
_PART, _LEAST_PART = 8, 6
"""A piece of a secret is replaced too, from this many of its first or last characters on."""
_LEAST_UNUSED = 12
"""A variable that looks like a secret, and is in no use here, counts from this many characters on."""
_SECRET_NAME = re.compile(
    r"(?:^|_)(?:API_?KEYS?|KEYS?|KEY_ID|TOKENS?|SECRETS?|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?)$", re.IGNORECASE
)

# Every repetition has a bound: what is searched may be written by somebody who wants the search to take long.
_COMMIT = r"@[0-9a-f]{40}(?![\w@.:/-])"
"""What follows the address of a Git repository in an install command: no host."""
_GIT_LOGIN = rf"git@[\w./:-]{{1,300}}(?:{_COMMIT})?(?![\w@./:-])"
"""The login of SSH repositories, which is no secret; if another @ follows, it is part of one."""
_URL_USER = re.compile(
    rf"""(\b[a-z][\w.+-]{{1,30}}:(?:/|\\/){{1,3}}+)(?!{_GIT_LOGIN})[^\s'"<>`]{{0,1000}}(?!{_COMMIT})@""", re.IGNORECASE
)
_BARE_USER = re.compile(r"""(?<![\w./@%+-])[\w.+%~-]{1,100}:[^\s'"<>`/@]{1,200}@(?=[\w\[])""")
_QUERY = re.compile(
    r"([?&;](?:[\w-]{0,30}(?:key|token|secret|password|signature)|sig|auth|code)=)[^&;\s'\"<>`]+", re.IGNORECASE
)
_HEADER = re.compile(r"""\b(bearer|basic)(\s{1,9}|\s?%20|\+)(?=[^\s'"]{0,100}\d)[\w.~+/=-]{8,}""", re.IGNORECASE)
_KNOWN_KEYS = re.compile(r"\b(?:hf_[A-Za-z0-9]{30,}|sk-[A-Za-z0-9_-]{20,}|gsk_[A-Za-z0-9]{30,}|AIza[\w-]{30,})")

_values: dict[str, None] = {}
_variables: dict[str, None] = {}


def register(value: str | None) -> None:
    """Treat this value as a secret from now on. Ignores None and an empty value.

    >>> register("sk-1234567890")
    >>> redact("no such key: sk-1234567890")
    'no such key: ***'
    """
    if value:
        _values[value] = None


def register_variable(name: str) -> None:
    """From now on what this environment variable holds is a secret, and no child process is given it."""
    _variables[name] = None


def register_url(url: str) -> None:
    """From now on the password in this URL, if there is one, is a secret."""
    for secret in _secrets_in(url):
        register(secret)


def has_credentials(url: str) -> bool:
    """Whether a URL holds a name or a password."""
    return "@" in url


def is_secret_variable(name: str) -> bool:
    """Whether an environment variable holds a secret, by its name or because a recipe names it as one."""
    return name in _variables or _SECRET_NAME.search(name) is not None


def is_copy(value: str) -> bool:
    """Whether this is a secret in use, and long enough to be no other value by chance, such as `1` or `none`."""
    used = {*_values, *(os.environ.get(name, "").strip() for name in _in_use())}
    return len(value) >= _LEAST_UNUSED and value in used


def redact(text: str) -> str:
    """The text without secrets: as they are, partly or wholly URL-encoded, or escaped as in JSON, Python and HTML; of
    longer secrets also the first and last characters. Names and passwords in URLs are removed, known or not.

    >>> redact("http://bob:hunter2@host/v1 is not there")
    'http://***@host/v1 is not there'
    """
    text = _URL_USER.sub(rf"\1{HIDDEN}@", text)
    text = _BARE_USER.sub(f"{HIDDEN}@", text)
    for value, used in _secrets():
        text = _pattern(value).sub(HIDDEN, text)
        if used:
            text = _without_parts(text, value)
    text = _QUERY.sub(rf"\1{HIDDEN}", text)
    text = _HEADER.sub(rf"\1\2{HIDDEN}", text)
    return _KNOWN_KEYS.sub(HIDDEN, text)


def one_line(text: str, most: int = MOST_SHOWN) -> str:
    """Text of others, prepared for a message: without secrets, on one line, cut to `most` characters.

    >>> one_line("no such\\n  model", most=7)
    'no such...'
    """
    joined = " ".join(redact(text[:_MOST_READ]).split())
    return joined if len(joined) <= most else joined[:most] + "..."


class RedactingFilter(logging.Filter):
    """Redacts every record of the loggers that it is added to."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), None
        return True


def redact_loggers(names: Iterable[str]) -> None:
    """Redact what libraries log under these names: those of HTTP log headers, in which servers repeat keys."""
    for name in names:
        logger = logging.getLogger(name)
        if not any(isinstance(one, RedactingFilter) for one in logger.filters):
            logger.addFilter(RedactingFilter())


# -- which secrets there are ------------------------------------------------------------------------------------------


def _secrets() -> Iterator[tuple[str, bool]]:
    """Every secret, longest first, and whether it is in use here, rather than only looks like one."""
    used = set(_values)
    for name in _in_use():
        used.add(os.environ.get(name, "").strip())
    for name, value in os.environ.items():
        if name.lower() in PROXY_VARIABLES:
            used.update(_secrets_in(value))
    unused = {value.strip() for name, value in os.environ.items() if is_secret_variable(name)}
    unused = {value for value in unused - used if len(value) >= _LEAST_UNUSED}
    found = [(value, True) for value in used if value] + [(value, False) for value in unused]
    yield from sorted(found, key=lambda one: -len(one[0]))


def _in_use() -> Iterator[str]:
    yield from _variables
    yield from HUB_VARIABLES


def _secrets_in(url: str) -> list[str]:
    """The password in a URL, and how it is sent: as Basic authentication has it."""
    user, at, _ = url.partition("://")[2].rpartition("@")
    name, colon, password = user.partition(":")
    if not at or not colon or not password:
        return []
    sent = base64.b64encode(f"{unquote(name)}:{unquote(password)}".encode()).decode()
    return [password, unquote(password), sent]


# -- how they may be written ------------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def _pattern(value: str) -> re.Pattern[str]:
    """The secret, each character of which may be written as it is or escaped."""
    pattern = "".join(map(_written, value))
    return re.compile(pattern if len(value) >= _SHORT else rf"(?<!\w){pattern}(?!\w)")


@lru_cache(maxsize=512)
def _written(character: str) -> str:
    literal = re.escape(character)
    hexes = "".join(rf"%(?:25)?(?i:{byte:02x})" for byte in character.encode("utf-8", "surrogatepass"))
    ways = {literal, hexes, re.escape(json.dumps(character)[1:-1]), re.escape(html.escape(character))}
    if ord(character) < 256:
        ways |= {rf"\\{{1,8}}(?i:u00{ord(character):02x}|x{ord(character):02x})", rf"&#0{{0,5}}{ord(character)};"}
    if not character.isalnum():
        ways.add(rf"\\{{1,8}}{literal}")
    return f"(?:{'|'.join(sorted(ways))})"


def _without_parts(text: str, value: str) -> str:
    """Remove the first and last characters of a secret: servers repeat keys that they have shortened themselves."""
    least = min(_PART, max(_LEAST_PART, len(value) // 2))
    if len(value) <= least:
        return text
    text = _without_beginnings(text, value, least)
    return _without_beginnings(text[::-1], value[::-1], least)[::-1]


def _without_beginnings(text: str, value: str, least: int) -> str:
    kept, start, begin = [], 0, value[:least]
    while (place := text.find(begin, start)) >= 0:
        end = place + least
        while end < len(text) and end - place < len(value) and text[end] == value[end - place]:
            end += 1
        kept += [text[start:place], HIDDEN]
        start = end
    return "".join([*kept, text[start:]])
