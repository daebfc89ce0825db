"""Answers that no API documents: compressed without end, a byte at a time, nested without end, of other types.

What they have in common: whoever asked must be told in one line, soon, and with little memory.
"""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from functools import cache

from tests.engines.fault_server import Action, Handler, Say

MIB = 1 << 20


@cache
def bomb(mib: int = 256) -> bytes:
    """So many MiB of spaces, which JSON allows before a value, in a thousandth of that."""
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    return b"".join([*(packer.compress(b" " * MIB) for _ in range(mib)), packer.compress(b"{}"), packer.flush()])


@dataclass(frozen=True)
class Trickle:
    """An answer of which each byte comes in time, and the whole of which does not."""

    head: bytes
    body: bytes = b""
    wait: float = 0.02

    def __call__(self, handler: Handler) -> None:
        handler.close_connection = True
        for byte in self.head + self.body * 1000:
            handler.wfile.write(bytes([byte]))
            if handler.owner.closing.wait(self.wait):
                return


OK_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9000\r\n\r\n"
SLOW: dict[str, Action] = {
    "a head by bytes": Trickle(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 10_000),
    "a body by bytes": Trickle(OK_HEAD, b'{"data": []'),
    "an error by bytes": Trickle(OK_HEAD.replace(b"200 OK", b"500 No"), b"no"),
    "chunks by bytes": Trickle(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "informational answers without end": Trickle(b"HTTP/1.1 102 Processing\r\n\r\n" * 1000, wait=0.002),
}


def compressed(body: bytes, encoding: str = "gzip", status: int = 200) -> Say:
    return Say(body, status, headers={"Content-Encoding": encoding})


LARGE: dict[str, Action] = {
    "a gzip bomb": compressed(bomb()),
    "a deflate bomb": compressed(zlib.compress(b" " * (80 * MIB)), "deflate"),
    "bytes without end": Say(b" " * (80 * MIB)),
}
ODDLY_PACKED: dict[str, Action] = {
    "gzip that is none": compressed(b"{}"),
    "gzip that breaks off": compressed(gzip.compress(b"{}" * 1000)[:-20]),
    "an unknown packing": compressed(b"{}", "br"),
    "two packings": compressed(gzip.compress(gzip.compress(b"{}")), "gzip, gzip"),
}
TEXTS: dict[str, bytes] = {
    "too deep a list": b"[" * 200_000,
    "too deep an object": b'{"error":' * 200_000,
    "as deep as is read": b"[" * 1000 + b"]" * 1000,
    "errors in errors": b'{"error":' * 1000 + b"1" + b"}" * 1000,
    "half of a surrogate pair": b'{"data": [{"id": "\\ud800", "owned_by": "\\udfff"}], "error": "\\ud800"}',
    "no UTF-8": b'{"data": [{"id": "\xff\xfe"}]}',
    "not a number": b'{"data": [{"id": "m", "max_model_len": NaN}], "choices": [{"text": "a", "logprob": Infinity}]}',
    "a number beyond all bounds": b'{"data": [{"id": "m", "max_model_len": 1e999}]}',
    "a text": b'"data"',
    "a number": b"5",
    "null": b"null",
    "nothing": b"",
    "a page": b"<html>",
    "a list": b"[1, null, {}]",
}


def too_deep(key: str) -> bytes:
    """A document that is read, in which this field is nested deeper than Python goes."""
    return b'{"%s": %s}' % (key.encode(), b"[" * 1000 + b"]" * 1000)
