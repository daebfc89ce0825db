"""Reads JSON in the forms that datasets use: one value per line, one array, indented values, values one after another,
or rows under a key of one object.

One value per line is parsed by orjson. What orjson refuses and Python writes (NaN, halves of surrogate pairs) is read
by Python's own decoder, and so is every file whose first line is no whole value: it is read in blocks, of which only
the value at hand and one block are in memory. Knows JSON; knows nothing of what a document means.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import IO, Any

import orjson

from magpie.imports.documents import Broken, Document, Read, replaced_surrogates
from magpie.imports.json_rows import WRAPPERS, documents_of, is_message, is_nested

_BLOCK = 1 << 20
_LONGEST = 1 << 28
"""Characters of one value, from which a file is taken to be broken."""
_SPACE = re.compile(r"[\s,]*")
_NEAR_THE_END = 12
"""Characters: an error that close to the end of what was read may be for want of the rest."""
_WRAPPED = re.compile(rf'\s*\{{\s*"(?:{"|".join(WRAPPERS)})"\s*:\s*\[')
_LONGEST_HEADER = 200
_ESCAPED_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_DECODER = json.JSONDecoder()


def json_documents(stream: IO[bytes], name: str) -> Read:
    """The documents of a JSON file. A line or value that cannot be read is `Broken`, and other lines are still read;
    after a broken value of an array or of indented values nothing can be read, which its reason says.

    list(json_documents(io.BytesIO(b'[{"prompt": "Hi"}]'), "a.json"))
    """
    head = _Head(stream)
    if head.first_line_is_whole():
        yield from _from_lines(head.lines(), name)
        return
    values = _Values(head.text(), name)
    first = next(values, None)
    if isinstance(first, Broken) and first.ends and head.is_all_that_was_read:
        yield from _from_lines(head.lines(), name)
    elif first is not None:
        yield from chain([first], values)


class _Head:
    """The first part of a stream, which decides how to read it; then the whole stream."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        head = stream.read(_BLOCK)
        while head and not head.strip(b"\xef\xbb\xbf \t\r\n") and (more := stream.read(_BLOCK)):
            head = more  # blanks alone
        self._head = head.removeprefix(codecs.BOM_UTF8)
        self._ends = len(head) < _BLOCK
        self._read_on = False

    @property
    def is_all_that_was_read(self) -> bool:
        """Whether `lines` still has the whole stream."""
        return not self._read_on

    def first_line_is_whole(self) -> bool:
        line, newline, _ = self._head.lstrip().partition(b"\n")
        if not newline and not self._ends:
            return False  # a line longer than the head
        return not line.strip() or not isinstance(_parse_line(line), str)

    def lines(self) -> Iterator[bytes]:
        head, self._head = self._head, b""
        *whole, rest = head.split(b"\n")
        yield from whole
        del whole, head
        if not self._ends:
            yield rest + self._stream.readline()
            yield from self._stream
        else:
            yield rest

    def text(self) -> Iterator[str]:
        """In blocks; bytes that are not UTF-8 as halves of surrogate pairs."""
        decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        yield decoder.decode(self._head)
        self._read_on = not self._ends
        while not self._ends and (block := self._stream.read(_BLOCK)):
            yield decoder.decode(block)
        yield decoder.decode(b"", final=True)


# -- a value a line ----------------------------------------------------------------------------------------------------


def _from_lines(lines: Iterable[bytes], name: str) -> Read:
    for number, line in enumerate(lines, start=1):
        place = f"{name}:{number}"
        try:
            found = orjson.loads(line)
        except orjson.JSONDecodeError:
            if not (line := line.strip(b"\xef\xbb\xbf \t\r\n")):
                continue
            values = _parse_line(line)
            if isinstance(values, str):
                yield Broken(place, f"not JSON ({values})")
                continue
            for value in values:
                yield from documents_of(value, place)
            continue
        if type(found) is dict and found and not is_nested(found):
            yield Document(place, found)
        else:
            yield from documents_of(found, place)


def _parse_line(line: bytes) -> list[Any] | str:
    """The values of a line, or why it is no JSON."""
    text = line.decode("utf-8", "surrogateescape")
    values, at = [], _past_space(text, 0)
    try:
        while at < len(text):
            value, at = _DECODER.raw_decode(text, at)
            values.append(value)
            at = _past_space(text, at)
    except json.JSONDecodeError as error:
        return f"{error.msg} at character {error.pos + 1}"
    except RecursionError:
        return "too many brackets in brackets"
    except ValueError:
        return "a number of too many digits"
    return [replaced_surrogates(value) for value in values] if _may_hold_halves(text) else values


def _may_hold_halves(text: str) -> bool:
    """Whether the strings of a JSON text may hold halves of surrogate pairs."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return True
    return "\\u" in text and _ESCAPED_HALF.search(text) is not None


def _past_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


# -- values over several lines -----------------------------------------------------------------------------------------


class _Values:
    """The documents of a text that comes in blocks."""

    def __init__(self, blocks: Iterator[str], name: str) -> None:
        self._blocks = blocks
        self._name = name
        self._text = ""
        self._at = 0
        self._before = 0
        """Characters that were read and let go."""
        self._found = self._read()

    def __iter__(self) -> Iterator[Document | Broken]:
        return self

    def __next__(self) -> Document | Broken:
        return next(self._found)

    def _read(self) -> Read:
        number = 0
        while self._skip():
            place = f"{self._name}[{number}]"
            try:
                if wrapped := self._rows_of_an_object():
                    self._at = wrapped
                if self._text[self._at] == "[":
                    for one in self._array():
                        yield one
                        number += 1
                else:
                    for one in documents_of(self._value(), place):
                        yield one
                        number += 1
                if wrapped:
                    self._pass_over_the_rest_of_the_object()
            except _NotJson as problem:
                yield Broken(place, str(problem), ends=True)
                return

    def _rows_of_an_object(self) -> int:
        """Where the array begins, if a large object begins here whose first key holds the rows of the file; else 0."""
        self._ensure(_LONGEST_HEADER)
        wrapped = _WRAPPED.match(self._text, self._at)
        if wrapped is None:
            return 0
        self._ensure(_BLOCK)
        wrapped = _WRAPPED.match(self._text, self._at)
        if wrapped is None or self._is_whole():
            return 0
        try:
            row, _ = _DECODER.raw_decode(self._text, _past_space(self._text, wrapped.end()))
        except (ValueError, RecursionError):
            return wrapped.end() - 1  # longer than what was read
        return wrapped.end() - 1 if isinstance(row, dict) and not is_message(row) else 0

    def _is_whole(self) -> bool:
        """Whether the object that begins here ends in what was read: then all of its keys say what it is."""
        try:
            _DECODER.raw_decode(self._text, self._at)
        except (ValueError, RecursionError):
            return False
        return True

    def _pass_over_the_rest_of_the_object(self) -> None:
        """Keys beside the rows, such as a version."""
        while self._skip() and self._text[self._at] != "}":
            self._value()  # the key
            if self._skip() and self._text[self._at] == ":":
                self._at += 1
            if self._skip():
                self._value()
        self._at += 1

    def _array(self) -> Read:
        """The items of an array, which begins here. One that holds messages is one conversation."""
        self._at += 1
        messages: list[Any] = []
        number = 0
        while True:
            if not self._skip():
                yield Broken(
                    f"{self._name}[{number}]", "not JSON (the array has no end): the file may be cut short", ends=True
                )
                return
            if self._text[self._at] == "]":
                self._at += 1
                break
            place = f"{self._name}[{number}]"
            try:
                value = self._value()
            except _NotJson as problem:
                yield Broken(place, f"{problem}; what follows in the file was not read", ends=True)
                self._at, self._text = 0, ""
                self._blocks = iter(())
                return
            number += 1
            if is_message(value):
                messages.append(value)
            else:
                yield from documents_of(value, place)
        if messages:
            yield Document(f"{self._name}[0]", {"messages": messages})

    def _value(self) -> Any:
        """The value that begins here. Raises `_NotJson`."""
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
                written, self._at = self._text[self._at : end], end
                return replaced_surrogates(value) if _may_hold_halves(written) else value
            except json.JSONDecodeError as error:
                for_want_of_more = error.msg.startswith("Unterminated") or error.pos >= len(self._text) - _NEAR_THE_END
                if for_want_of_more and len(self._text) - self._at < _LONGEST and self._more():
                    continue
                raise _NotJson(
                    f"not JSON ({error.msg} at character {self._before + error.pos + 1} of the file)"
                ) from None
            except RecursionError:
                raise _NotJson("not JSON (too many brackets in brackets)") from None
            except ValueError:
                raise _NotJson("not JSON (a number of too many digits)") from None

    def _skip(self) -> bool:
        """Go to the next value; whether there is one."""
        while True:
            self._at = _past_space(self._text, self._at)
            if self._at < len(self._text):
                return True
            if not self._more():
                return False

    def _ensure(self, characters: int) -> None:
        while len(self._text) - self._at < characters and self._more():
            pass

    def _more(self) -> bool:
        """Read as much again as there is of the value at hand, at least a block: in all each character is read and
        parsed a few times at most."""
        wanted = max(_BLOCK, len(self._text) - self._at)
        blocks, got = [], 0
        for block in self._blocks:
            blocks.append(block)
            got += len(block)
            if got >= wanted:
                break
        if not got:
            return False
        self._before += self._at
        self._text = "".join([self._text[self._at :], *blocks])
        self._at = 0
        return True


class _NotJson(Exception):
    """There is no JSON value at this position."""
