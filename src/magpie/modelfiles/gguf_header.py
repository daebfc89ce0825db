"""The numbers at the head of a GGUF file: what must be known before a model is loaded. Knows no tokenizer, no tensor.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from magpie.errors import ModelError

Value = int | float | bool | str
_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_STRING, _ARRAY = 8, 9


@dataclass(frozen=True, slots=True)
class Shape:
    """What a model's header says of its size."""

    context: int
    """The trained context, in tokens."""
    cache_bytes: int
    """Keys and values of one token in f16, in bytes; an estimate from above for models that share or skip layers."""
    file_bytes: int


def read_shape(path: Path) -> Shape:
    """Raises `ModelError` when the file is not there, is not GGUF, or ends too early."""
    try:
        with path.open("rb") as file:
            values = _head_values(file, path)
        return _shape(values, path.stat().st_size)
    except (struct.error, UnicodeDecodeError, OverflowError, MemoryError, RecursionError) as error:
        raise ModelError(f"{path} is not a whole GGUF file: {error}; download it again") from error
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}; give the path of a GGUF file") from error


def _head_values(file: BinaryIO, path: Path) -> dict[str, Value]:
    """The values before the tokenizer's: writers put the model's own first, and the vocabulary is long."""
    magic = file.read(4)
    if magic != b"GGUF":
        raise ModelError(f"{path} is not a GGUF file: it starts with {magic!r}, not b'GGUF'")
    _version, _tensors, count = struct.unpack("<IQQ", file.read(20))
    values: dict[str, Value] = {}
    for _ in range(count):
        key = _string(file)
        value = _value(file, *struct.unpack("<I", file.read(4)))
        if value is not None:
            values[key] = value
        if key.startswith("tokenizer.") and f"{values.get('general.architecture')}.context_length" in values:
            break
    return values


def _string(file: BinaryIO) -> str:
    (length,) = struct.unpack("<Q", file.read(8))
    return file.read(length).decode()


def _value(file: BinaryIO, kind: int) -> Value | None:
    """One value; arrays are read over and give None."""
    if kind == _STRING:
        return _string(file)
    if kind == _ARRAY:
        inner, count = struct.unpack("<IQ", file.read(12))
        for _ in range(count):
            _value(file, inner)
        return None
    if kind not in _SCALARS:
        raise struct.error(f"a value of unknown type {kind}")
    code = _SCALARS[kind]
    (value,) = struct.unpack(code, file.read(struct.calcsize(code)))
    return value  # type: ignore[no-any-return]


def _shape(values: dict[str, Value], file_bytes: int) -> Shape:
    prefix = values.get("general.architecture")

    def number(key: str, default: int) -> int:
        value = values.get(f"{prefix}.{key}", default)
        return int(value) if isinstance(value, (int, float)) else default

    heads = max(1, number("attention.head_count", 1))
    width = number("embedding_length", 0) // heads
    per_head = number("attention.key_length", width) + number("attention.value_length", width)
    cache = 2 * number("block_count", 0) * number("attention.head_count_kv", heads) * per_head
    return Shape(number("context_length", 0), cache, file_bytes)
