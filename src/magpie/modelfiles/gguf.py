"""Reads the head of a GGUF file: every key and its value, and of the weights their names, shapes and types.

The file is somebody else's: each length is checked against the file's size before it is believed.
Knows the container format only; what a key means is for others.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from math import prod
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from magpie.errors import ModelError

_U32: Final = struct.Struct("<I")
_U64: Final = struct.Struct("<Q")
_SCALARS: Final = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING: Final = 8
_ARRAY: Final = 9
_DEEPEST_ARRAY: Final = 4
_TENSOR_BYTES: Final = {0: (1, 4), 1: (1, 2), 2: (32, 18), 6: (32, 22), 8: (32, 34), 12: (256, 144), 30: (1, 2)}
"""Tensor type to (weights in a block, bytes of a block); a type that is not here is only known to start in the file."""


class _Cut(Exception):
    """The file ends where it promised more."""


class _Reader:
    """A position in the bytes of the file that never passes their end."""

    def __init__(self, data: mmap.mmap | bytes) -> None:
        self.data = data
        self.size = len(data)
        self.at = 0

    def take(self, count: int) -> int:
        """Step over `count` bytes and say where they began."""
        start = self.at
        if count > self.size - start:
            raise _Cut
        self.at = start + count
        return start

    def u32(self) -> int:
        return int(_U32.unpack_from(self.data, self.take(4))[0])

    def u64(self) -> int:
        return int(_U64.unpack_from(self.data, self.take(8))[0])

    def string(self) -> str:
        count = self.u64()
        start = self.take(count)
        return self.data[start : start + count].decode("utf-8", "replace")

    def strings(self, count: int) -> list[str]:
        """`count` strings: the loop that vocabularies of 150,000 tokens pass through, so it is written flat."""
        data, size, at, unpack = self.data, self.size, self.at, _U64.unpack_from
        if count > (size - at) // 8:
            raise _Cut
        found = []
        for _ in range(count):
            if at + 8 > size:
                raise _Cut
            start = at + 8
            at = start + unpack(data, at)[0]
            if at > size:
                raise _Cut
            found.append(data[start:at].decode("utf-8", "replace"))
        self.at = at
        return found

    def scalars(self, code: str, count: int) -> tuple[Any, ...]:
        width = struct.calcsize("<" + code)
        if count > (self.size - self.at) // width:
            raise _Cut
        return struct.unpack_from(f"<{count}{code}", self.data, self.take(count * width))

    def value(self, kind: int, depth: int = 0) -> Any:
        if kind == _STRING:
            return self.string()
        if kind == _ARRAY:
            return self.array(depth)
        if kind not in _SCALARS:
            raise ModelError(f"a value of type {kind}, which GGUF does not have: the file is damaged")
        return self.scalars(_SCALARS[kind], 1)[0]

    def array(self, depth: int) -> list[Any]:
        if depth >= _DEEPEST_ARRAY:
            raise ModelError(f"arrays nested more than {_DEEPEST_ARRAY} deep: the file is damaged")
        kind, count = self.u32(), self.u64()
        if kind == _STRING:
            return self.strings(count)
        if kind in _SCALARS:
            return list(self.scalars(_SCALARS[kind], count))
        if count > self.size - self.at:
            raise _Cut
        return [self.value(kind, depth + 1) for _ in range(count)]


class GgufTensor(NamedTuple):
    """What a GGUF file says of one of its weights."""

    shape: tuple[int, ...]
    """As the file has it: the innermost dimension first."""
    kind: int
    """ggml's number for how the numbers are kept: 0 is F32, 1 F16, 8 Q8_0, 30 BF16."""


Until = Callable[[str, Mapping[str, Any]], bool]
"""Given a key and what was read before it: whether the rest of the file is left unread, from that key on."""


def read_metadata(path: Path, until: Until | None = None) -> Mapping[str, Any]:
    """The keys of the GGUF file at `path`. Raises `ModelError` for a file that is not there, not GGUF, or cut.

    until: ends the reading early, since a vocabulary of 150,000 tokens takes its time. What follows is not checked.

        read_metadata(path)["general.architecture"]
        read_metadata(path, until=lambda key, found: key.startswith("tokenizer."))
    """
    if until is None:
        return read_head(path)[0]
    with _open(path) as reader:
        _, keys = _header(reader)
        return MappingProxyType(_keys(reader, keys, until))


def read_head(path: Path) -> tuple[Mapping[str, Any], Mapping[str, GgufTensor]]:
    """Every key and every weight's description. Raises `ModelError` as `read_metadata` does."""
    with _open(path) as reader:
        tensors, keys = _header(reader)
        found = _keys(reader, keys)
        described = _tensors(reader, tensors, found.get("general.alignment", 32))
        return MappingProxyType(found), MappingProxyType(described)


@contextmanager
def _open(path: Path) -> Iterator[_Reader]:
    """The file's bytes; whatever goes wrong with them is a `ModelError` that names the file."""
    try:
        with path.open("rb") as file:
            if not file.read(1):
                raise ModelError(f"{path}: the file is empty; expected a GGUF model")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                yield _Reader(data)
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file; give the path of a GGUF file or a Hugging Face folder") from None
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error
    except _Cut:
        raise ModelError(f"{path}: the file ends too early; it was not copied whole, fetch it again") from None
    except ModelError as error:
        raise error if str(error).startswith(str(path)) else ModelError(f"{path}: {error}") from None


def _keys(reader: _Reader, count: int, until: Until | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for _ in range(count):
        key = reader.string()
        if until is not None and until(key, found):
            break
        found[key] = reader.value(reader.u32())
    return found


def _header(reader: _Reader) -> tuple[int, int]:
    magic = reader.data[:4]
    if magic != b"GGUF":
        raise ModelError(f"starts with {magic!r}, not with b'GGUF'; expected a GGUF file or a Hugging Face folder")
    reader.take(4)
    version = reader.u32()
    if version not in (2, 3):
        hint = "big-endian" if version & 0xFFFF == 0 else f"version {version}"
        raise ModelError(f"a {hint} GGUF file; magpie reads little-endian versions 2 and 3: convert the model again")
    return reader.u64(), reader.u64()


def _tensors(reader: _Reader, count: int, alignment: Any) -> dict[str, GgufTensor]:
    """The weights that the file promises must lie inside it: half a download is found here, not in native code."""
    if not isinstance(alignment, int) or alignment <= 0:
        raise ModelError(f"general.alignment is {alignment!r}; expected a positive number: the file is damaged")
    found, last = {}, 0
    for _ in range(count):
        name, tensor, end = _tensor(reader)
        found[name], last = tensor, max(last, end)
    start = -(-reader.at // alignment) * alignment
    if start + last > reader.size and count:
        raise _Cut
    return found


def _tensor(reader: _Reader) -> tuple[str, GgufTensor, int]:
    """One weight's description, and where it ends, in bytes after the head."""
    name = reader.string()
    shape = tuple(reader.u64() for _ in range(min(reader.u32(), 8)))
    kind = reader.u32()
    per_block, size = _TENSOR_BYTES.get(kind, (1, 0))
    return name, GgufTensor(shape, kind), reader.u64() + prod(shape) // per_block * size
