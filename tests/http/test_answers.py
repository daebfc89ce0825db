"""Reading what a server sends: limits, packings, JSON, and its error message."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from magpie.http.answers import (
    ERROR_BYTES,
    BodyReader,
    Garbled,
    as_count,
    as_list,
    as_object,
    count_of,
    decode_json,
    error_message,
    logprob_of,
    number_of,
    shown,
    text_of,
)
from tests.engines.hostile_answers import TEXTS, bomb


def read(pieces: list[bytes], encoding: str = "", status: int = 200, most: int = 1000) -> bytes:
    reader = BodyReader(status, encoding, most)
    for piece in pieces:
        if not reader.feed(piece):
            break
    return reader.body()


def cut(body: bytes, size: int) -> list[bytes]:
    return [body[start : start + size] for start in range(0, len(body), size)]


def test_a_body_is_put_together() -> None:
    assert read([b"a", b"", b"bc"]) == b"abc"
    assert read([b"x" * 1000]) == b"x" * 1000


@pytest.mark.parametrize("encoding", ["gzip", "GZIP ", "x-gzip", "deflate", "identity", ""])
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_what_comes_compressed_though_nobody_asked_is_read(encoding: str, size: int) -> None:
    text = b"words and words and words " * 30
    packed = {"gzip": gzip.compress(text), "deflate": zlib.compress(text)}
    body = packed.get(encoding.strip().lower().removeprefix("x-"), text)
    assert read(cut(body, size), encoding) == text


def test_deflate_is_what_servers_make_of_it() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    assert read([packer.compress(b"words") + packer.flush()], "deflate") == b"words"


def test_a_body_longer_than_asked_is_given_up_and_of_an_error_the_beginning_is_taken() -> None:
    with pytest.raises(Garbled, match="longer than"):
        read([b"x" * 999, b"xx"])
    assert read([b"x" * 999, b"xx", b"never read"], status=500) == b"x" * 1000
    assert len(read([b"x" * (1 << 20)], status=404, most=1 << 30)) == ERROR_BYTES


@pytest.mark.parametrize("status", [200, 500])
def test_a_bomb_is_given_up_before_it_goes_off(status: int) -> None:
    packed = bomb()
    tracemalloc.start()
    try:
        reader = BodyReader(status, "gzip", 1 << 20)
        with pytest.raises(Garbled, match="longer than 1 MiB") if status == 200 else pytest.raises(StopIteration):
            for piece in cut(packed, 1 << 16):
                if not reader.feed(piece):
                    raise StopIteration
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("body", "encoding", "told"),
    [
        (b"{}", "gzip", "not compressed as it says"),
        (b"{}", "deflate", "broke off"),
        (b"<html>", "deflate", "not compressed as it says"),
        (gzip.compress(b"words" * 99, mtime=0)[:-9], "gzip", "broke off"),
        (b"{}", "br", "'br', which was not asked for"),
        (b"{}", "gzip, gzip", "which was not asked for"),
        (b"{}", "\x1b]0;" * 99, "which was not asked for"),
    ],
)
def test_what_is_packed_in_another_way_is_told_in_one_line(body: bytes, encoding: str, told: str) -> None:
    with pytest.raises(Garbled, match=told) as refused:
        read([body], encoding)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 200


JSON = ("as deep as is read", "errors in errors", "a text", "a number", "null", "a list")


@pytest.mark.parametrize("text", [name for name in TEXTS if name not in JSON])
def test_what_is_no_json_is_told_in_one_line(text: str) -> None:
    with pytest.raises(Garbled, match="the answer is not JSON") as refused:
        decode_json(TEXTS[text])
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 250


@pytest.mark.parametrize("text", TEXTS)
def test_an_error_message_is_found_in_anything(text: str) -> None:
    told = error_message(TEXTS[text])
    assert "\n" not in told
    assert len(told) <= 303


def test_a_value_is_shown_short_whatever_it_is() -> None:
    assert shown("a\nb") == "a b"
    assert shown({"a": [1, None]}) == '{"a":[1,null]}'
    assert shown("x" * 1000) == "x" * 80 + "..."
    assert shown(decode_json(TEXTS["as deep as is read"])) == "something nested too deep"


def test_other_types_are_told_apart() -> None:
    assert (as_object([]), as_object(None), as_object({"a": 1})) == ({}, {}, {"a": 1})
    assert (as_list({}), as_list("ab"), as_list([1])) == ([], [], [1])
    assert [as_count(one) for one in (0, 5, -1, True, 1.0, "1", None, 1 << 40)] == [0, 5] + [None] * 6
    assert (text_of(None, "it"), text_of("a", "it"), count_of(None, "it"), count_of(3, "it")) == ("", "a", 0, 3)
    assert (number_of(2, "it"), logprob_of(-0.5), logprob_of(0)) == (2.0, -0.5, 0.0)
    texts: tuple[Any, ...] = (5, [], {}, True)
    counts: tuple[Any, ...] = (-1, "3", 1.5, True, 1 << 63, [], 1e300)
    numbers: tuple[Any, ...] = ("1", None, True, [], float("nan"), float("inf"))
    for wrong in texts:
        with pytest.raises(Garbled, match=r"it is .*expected a text"):
            text_of(wrong, "it")
    for wrong in counts:
        with pytest.raises(Garbled, match=r"it is .*expected a count"):
            count_of(wrong, "it")
    for wrong in numbers:
        with pytest.raises(Garbled, match="expected a number"):
            number_of(wrong, "it")
    with pytest.raises(Garbled, match="expected at most 0"):
        logprob_of(1e300)


@settings(max_examples=200, deadline=None)
@given(
    body=st.binary(max_size=80), encoding=st.sampled_from(["", "gzip", "deflate", "br"]), status=st.integers(100, 599)
)
def test_no_bytes_do_more_than_be_refused(body: bytes, encoding: str, status: int) -> None:
    try:
        found = read([body], encoding, status)
        error_message(found)
        decode_json(found)
    except Garbled:
        return
