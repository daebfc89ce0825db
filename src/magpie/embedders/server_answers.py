"""Encodes requests to an embedding server and decodes its answers. Knows JSON; no connection and no retry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from magpie.http.answers import MOST_BYTES, READING_ERRORS, as_list, as_object, decode_json, json_or_none
from magpie.http.answers import Garbled as Garbled

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BASE_BYTES, NUMBER_BYTES = 1 << 20, 32
"""The longest answer that is taken, in bytes: for itself, and for each number of a vector."""
MOST_DIMENSION, USUAL_DIMENSION = 1 << 16, 1 << 13
"""Numbers in a vector whose length is not known yet, at most; and in one of another model than before, usually."""


def most_bytes(count: int, dimension: int | None) -> int:
    """The size limit of an answer with so many vectors, in bytes. It leaves room for longer vectors, so that a server
    that has changed its model is recognized by their length."""
    expected = count * (dimension or MOST_DIMENSION) * NUMBER_BYTES
    return BASE_BYTES + max(expected, min(count * USUAL_DIMENSION * NUMBER_BYTES, MOST_BYTES))


def body(model: str | None, texts: Sequence[str], further: Mapping[str, Any]) -> bytes:
    """A request for the vectors of some texts. Half a surrogate pair, which JSON cannot hold, becomes a `?`."""
    whole = [text.encode("utf-8", "replace").decode() for text in texts]
    named = {} if model is None else {"model": model}
    return orjson.dumps({**further, **named, "input": whole, "encoding_format": "float"})


def vectors(content: bytes, count: int) -> list[NDArray[np.float32]]:
    """The vectors in an answer, in the order of the texts. Raises `Garbled`."""
    import numpy as np

    data = as_list(as_object(decode_json(content)).get("data"))
    try:
        numbered = {_place(one.get("index", place)): _numbers(one["embedding"]) for place, one in enumerate(data)}
        found = [np.asarray(numbered[place], np.float32) for place in range(count)]
    except READING_ERRORS as error:
        raise Garbled(f"the answer holds no {count} vectors ({type(error).__name__})") from None
    if not all(np.isfinite(one).all() for one in found):
        raise Garbled("a vector holds numbers beyond all bounds")
    lengths = {one.shape for one in found}
    if len(data) != count or len(lengths) > 1 or any(one.ndim != 1 or not one.size for one in found):
        raise Garbled(
            f"the answer holds {len(data)} vectors, of {len(lengths)} lengths; expected {count} of one length"
        )
    return found


def _place(index: Any) -> int:
    if type(index) is not int:
        raise TypeError("an index is a whole number")
    return index


def _numbers(vector: Any) -> list[Any]:
    """What is to become a vector: a list of numbers, and no texts or truth values, which NumPy would take for some."""
    if not isinstance(vector, list) or not set(map(type, vector)) <= {int, float}:
        raise TypeError("a vector is a list of numbers")
    return vector


def served_models(content: bytes) -> list[str]:
    """The names in a list of models; empty where the answer is no such list."""
    found = [as_object(one).get("id") for one in as_list(as_object(json_or_none(content)).get("data"))]
    return [name for name in found if isinstance(name, str) and name]
