"""Turns the instructions of a shard into vectors of length 1: a table stage over an embedder.

Knows tables and the embedder's protocol; what embeds is not its business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any

import pyarrow as pa

from magpie.errors import RequestFailed
from magpie.seams import Embedder


@contextmanager
def open_embed(
    open_embedder: Callable[[], AbstractContextManager[Embedder]], prefix: str = ""
) -> Iterator[Callable[[pa.Table], pa.Table]]:
    """What a `TableStage` opens: the embedder, loaded, as a function over rows."""
    with open_embedder() as embedder:
        yield partial(embed, embedder=embedder, prefix=prefix)


def embed(table: pa.Table, embedder: Embedder, prefix: str = "") -> pa.Table:
    """`embedding`, scaled to length 1, of every row: null where there is no instruction, and with an `error` where the
    embedder gave no vector, so that the next run tries such a row again. A vector of zeros stays as it is."""
    instructions = table.column("instruction").to_pylist()
    places = [place for place, text in enumerate(instructions) if text is not None]
    vectors: list[Any] = [None] * len(instructions)
    errors: list[str | None] = [None] * len(instructions)
    for place, given in zip(places, embedder.embed([prefix + instructions[place] for place in places]), strict=True):
        vectors[place], errors[place] = _unit(given)
    columns = {"embedding": pa.array(vectors, pa.list_(pa.float32())), "error": pa.array(errors, pa.string())}
    return pa.table({"row": table.column("row"), **columns})


def _unit(given: Any) -> tuple[Any, str | None]:
    """The vector, and why there is none."""
    import numpy as np

    if isinstance(given, RequestFailed):
        return None, str(given)
    vector = np.asarray(given, np.float64)
    length = float(np.sqrt(vector @ vector))
    if not np.isfinite(length):
        return None, "the embedder gave a vector with numbers that are not finite"
    return (vector / length if length else vector).astype(np.float32), None
