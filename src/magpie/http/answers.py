"""Checks that every answer of a server goes through, whichever client asked: a limit on its bytes, JSON or one line
that says why not, and the server's own error message.

Nothing here waits or connects: pieces of a body come in, values or `Garbled` come out. An answer may be anything that a
peer can send, compressed without end, nested without end, of other types than documented; reading one raises nothing
but `Garbled`, wherever `READING_ERRORS` are caught too.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from math import isfinite
from typing import Any

import orjson

from magpie.safe.redaction import one_line

MOST_BYTES = 64 << 20
"""The longest answer that is taken of anyone, in bytes."""
QUESTION_BYTES = 4 << 20
"""The longest answer to a question about a server, such as its list of models, in bytes."""
ERROR_BYTES = 256 << 10
"""How much is read of an answer without a success status, in bytes: an error message comes first in it."""
MOST_COUNT = (1 << 31) - 1
"""No number of tokens is larger."""
LARGEST_LOGPROB = 0.01
"""A log-probability is at most 0, but for rounding."""
READING_ERRORS = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)
"""What reading an answer in another form than its API's raises."""


class Garbled(Exception):
    """An answer that cannot be used. It may be whole the next time."""


# -- bytes ------------------------------------------------------------------------------------------------------------


class BodyReader:
    """The body of one answer, put together from its pieces: counted, decompressed where it comes compressed though
    nobody asked for that, and given up when it is longer than it may be."""

    def __init__(self, status: int, encoding: str, most: int) -> None:
        """encoding: the header Content-Encoding. most: bytes after decompressing."""
        self._body = bytearray()
        self._has_begun = False
        self._is_error = not 200 <= status < 300
        self._most = min(most, ERROR_BYTES) if self._is_error else most
        self._encoding = encoding.strip().lower()
        self._zlib = _decompressor(self._encoding)

    def feed(self, piece: bytes) -> bool:
        """Take a piece; False when the rest of the body is not needed. Raises `Garbled` for a body that is too long."""
        self._has_begun = self._has_begun or bool(piece)
        room = self._most - len(self._body) + 1
        self._body += piece[:room] if self._zlib is None else self._decompressed(piece, room)
        if len(self._body) <= self._most:
            return True
        if self._is_error:  # its status says what matters
            del self._body[self._most :]
            return False
        raise Garbled(f"the answer is longer than {_size(self._most)}, which is more than was asked for")

    def body(self) -> bytes:
        """All of it, once it has ended. Raises `Garbled` where what was compressed broke off."""
        if self._zlib is not None and self._has_begun and not self._zlib.eof and not self._is_error:
            raise Garbled("the answer broke off: what is compressed in it has no end")
        return bytes(self._body)

    def _decompressed(self, piece: bytes, room: int) -> bytes:
        assert self._zlib is not None
        try:
            try:
                return bytes(self._zlib.decompress(piece, room))
            except zlib.error:
                if self._encoding != "deflate" or self._body:
                    raise
                self._zlib = zlib.decompressobj(-zlib.MAX_WBITS)  # as many servers understand "deflate"
                return bytes(self._zlib.decompress(piece, room))
        except zlib.error:
            raise Garbled(f"the answer is not compressed as it says ({one_line(self._encoding, 20)})") from None


def _decompressor(encoding: str) -> Any:
    if encoding in ("", "identity"):
        return None
    if encoding in ("gzip", "x-gzip", "deflate"):
        return zlib.decompressobj(zlib.MAX_WBITS | 32)
    raise Garbled(f"the answer is compressed by {one_line(encoding, 20)!r}, which was not asked for")


def _size(count: int) -> str:
    return f"{count >> 20} MiB" if count >= 1 << 20 else f"{count >> 10} KiB"


# -- values -----------------------------------------------------------------------------------------------------------


def decode_json(body: bytes) -> Any:
    """The value of a JSON document. Raises `Garbled` with the reason and the first characters where it is not
    valid: nested too deep, not UTF-8, with halves of surrogate pairs, or with NaN or infinities.

    >>> decode_json(b'{"a": 1}')
    {'a': 1}
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        reason = error.msg
    shown = one_line(body[: 1 << 16].decode(errors="replace"), 80)
    raise Garbled(f"the answer is not JSON ({reason}): {shown!r}")


def json_or_none(body: bytes) -> Any:
    """The same where it does not matter why not."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def shown(value: Any, most: int = 80) -> str:
    """A value of an answer as a message may repeat it.

    >>> shown(["a", None])
    '["a",null]'
    """
    try:
        text = value if isinstance(value, str) else orjson.dumps(value).decode()
    except TypeError:  # nested deeper than orjson writes
        return "something nested too deep"
    return one_line(text, most)


def as_object(value: Any) -> Mapping[str, Any]:
    """The value where it is an object; else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """The value where it is a list; else an empty one."""
    return value if isinstance(value, list) else []


def as_count(value: Any, least: int = 0) -> int | None:
    """The value where it is a count of at least `least`; else None."""
    return value if type(value) is int and least <= value <= MOST_COUNT else None


def text_of(value: Any, what: str) -> str:
    """The value where it is a text, nothing where it is null. Raises `Garbled`, which names `what` it should be."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Garbled(f"{what} is {shown(value)}: expected a text")
    return value


def count_of(value: Any, what: str) -> int:
    """The value where it is a count, 0 where it is null: nobody counted. Raises `Garbled`."""
    if value is None:
        return 0
    found = as_count(value)
    if found is None:
        raise Garbled(f"{what} is {shown(value)}: expected a count")
    return found


def id_of(value: Any) -> int:
    """The value where it can be a token's id. Raises `Garbled`."""
    found = as_count(value)
    if found is None:
        raise Garbled(f"a token id is {shown(value)}")
    return found


def number_of(value: Any, what: str) -> float:
    """The value where it is a finite number. Raises `Garbled`."""
    if type(value) not in (int, float) or not isfinite(value):
        raise Garbled(f"{what} is {shown(value)}: expected a number")
    return float(value)


def logprob_of(value: Any) -> float:
    """The value where it can be a log-probability. Raises `Garbled`."""
    found = number_of(value, "a log-probability")
    if found > LARGEST_LOGPROB:
        raise Garbled(f"a log-probability is {found:g}: expected at most 0")
    return found


# -- errors -----------------------------------------------------------------------------------------------------------

_MESSAGE_KEYS = ("error", "message", "detail")


def error_message(body: bytes) -> str:
    """The message in an error's body, on one line and without secrets; empty where it has none.

    >>> error_message(b'{"error": {"message": "no such model", "code": 404}}')
    'no such model'
    """
    said = json_or_none(body)
    return error_text(said if said is not None else body.decode(errors="replace"))


def error_text(said: Any) -> str:
    """The same of a value, wherever an API keeps its message: `error.message`, `error`, `message` or `detail`, also
    inside of a list, as Google has it."""
    for _ in range(len(_MESSAGE_KEYS)):
        if isinstance(said, list) and len(said) == 1 and isinstance(said[0], dict) and "error" in said[0]:
            said = said[0]
        if isinstance(said, dict):
            said = next((said[key] for key in _MESSAGE_KEYS if said.get(key)), said)
    return shown(said, most=300)


_LENGTHS = frozenset({"input_tokens", "input_text", "prompt_tokens", "context_length_exceeded"})
"""What `error.param` of vLLM, or `error.code` of others, is where a prompt is too long."""
_LENGTH_TYPES = ("exceed_context_size_error", "context_length_exceeded")
"""The same of `error.type`: llama.cpp's, and others'."""


def error_object(said: Any) -> Mapping[str, Any]:
    """The fields of an error: `error`, or the value itself, as older vLLM and SGLang have it; else none."""
    fields = as_object(said)
    return as_object(fields.get("error")) or fields


def names_the_length(said: Any) -> bool:
    """Whether an error says that the prompt is too long, by a field and not by a message, which may quote the prompt.

    >>> names_the_length({"error": {"message": "...", "code": "context_length_exceeded"}})
    True
    """
    error = error_object(said)
    kinds = {value for key in ("param", "code") if isinstance(value := error.get(key), str)}
    return bool(kinds & _LENGTHS) or error.get("type") in _LENGTH_TYPES
