"""What is said to an embedding server and what it says back. Knows JSON; no connection and no retry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_TOLD = 300
"""The longest part of a server's own words that an error repeats, in characters."""


class Garbled(Exception):
    """An answer that cannot be used. It may be whole the next time."""


def body(model: str | None, texts: Sequence[str], further: Mapping[str, Any]) -> bytes:
    """A request for the vectors of some texts. Half a surrogate pair, which JSON cannot hold, becomes a `?`."""
    whole = [text.encode("utf-8", "replace").decode() for text in texts]
    named = {} if model is None else {"model": model}
    return orjson.dumps({**further, **named, "input": whole, "encoding_format": "float"})


def vectors(content: bytes, count: int) -> list[NDArray[np.float32]]:
    """The vectors in an answer, in the order of the texts. Raises `Garbled`."""
    import numpy as np

    try:
        data = orjson.loads(content)["data"]
        numbered = {int(one.get("index", place)): one["embedding"] for place, one in enumerate(data)}
        found = [np.asarray(numbered[place], np.float32) for place in range(count)]
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise Garbled(f"the answer holds no {count} vectors ({type(error).__name__})") from None
    lengths = {one.shape for one in found}
    if len(data) != count or len(lengths) > 1 or any(one.ndim != 1 or not one.size for one in found):
        raise Garbled(
            f"the answer holds {len(data)} vectors, of {len(lengths)} lengths; expected {count} of one length"
        )
    return found


def served_models(content: bytes) -> list[str]:
    """The names in a list of models; none where the answer is no such list."""
    try:
        return [str(one["id"]) for one in orjson.loads(content)["data"]]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return []


def words(content: bytes) -> str:
    """What a server's error says, wherever it keeps it: `error.message`, `error`, `message` or `detail`."""
    try:
        said: Any = orjson.loads(content)
    except orjson.JSONDecodeError:
        said = content[: 4 * MOST_TOLD].decode(errors="replace")
    for _ in range(2):
        if isinstance(said, dict):
            said = next((said[key] for key in ("error", "message", "detail") if said.get(key)), said)
    text = " ".join((said if isinstance(said, str) else _as_json(said)).split())
    return text if len(text) <= MOST_TOLD else text[:MOST_TOLD] + "..."


def _as_json(said: Any) -> str:
    """A value as JSON, or what it is where JSON cannot be written so deep."""
    try:
        return orjson.dumps(said).decode()
    except orjson.JSONEncodeError as error:
        return f"{type(said).__name__} ({error})"
