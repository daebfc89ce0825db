"""The vectors of a corpus, each different one once, in a file that is mapped into memory.

Knows rows and vectors; nothing of distances.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from magpie.errors import UserError
from magpie.seams import Corpus

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]
NONE = -1


@dataclass(frozen=True, slots=True)
class Vectors:
    """The different vectors of a corpus, in the order in which they first occur: their places."""

    values: FloatArray
    """[places, dimension]."""
    first: IntArray
    """The earliest row that has each."""
    second: IntArray
    """The earliest row but one that has the same, or -1."""
    weights: IntArray
    """How many rows have each."""
    rows: IntArray
    """Of the corpus, in order: every row, also one without a vector."""
    places: IntArray
    """Of each of `rows`: where its vector is; -1 where it has none."""

    def in_order(self, order: IntArray, values: FloatArray) -> Vectors:
        """The same at other places: `order` tells the old place of each new one, `values` are in the new order."""
        moved = np.empty(len(order), np.int64)
        moved[order] = np.arange(len(order))
        places = np.where(self.places == NONE, NONE, moved[self.places]) if len(order) else self.places
        return Vectors(values, self.first[order], self.second[order], self.weights[order], self.rows, places)


def read_vectors(corpus: Corpus) -> Vectors:
    """Reads the whole corpus once and writes its vectors into `corpus.scratch`.

    Raises `UserError` for vectors of different lengths, or with numbers that are not finite.
    """
    path = corpus.scratch / "vectors"
    with path.open("wb") as file:
        gathering = _Gathering(file)
        for batch in corpus.batches():
            gathering.take(batch)
    return gathering.gathered(path)


class _Gathering:
    """What has been read so far."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.known: dict[bytes, int] = {}
        self.first: list[int] = []
        self.second: list[int] = []
        self.weights: list[int] = []
        self.rows: list[IntArray] = []
        self.places: list[IntArray] = []
        self.dimension = 0

    def take(self, batch: pa.RecordBatch) -> None:
        rows = np.asarray(batch.column("row"), np.int64)
        column = batch.column("embedding")
        has = np.asarray(pc.is_valid(column))
        places = np.full(len(rows), NONE, np.int64)
        if has.any():
            values = self._values(column.drop_null(), rows[has])
            places[has] = [self._place(vector, row) for vector, row in zip(values, rows[has].tolist(), strict=True)]
        self.rows.append(rows)
        self.places.append(places)

    def _values(self, column: pa.ListArray, rows: IntArray) -> FloatArray:
        lengths = np.asarray(pc.list_value_length(column))
        self.dimension = self.dimension or int(lengths[0])
        if (other := lengths != self.dimension).any():
            raise UserError(
                f"row {rows[other][0]} has an embedding of {lengths[other][0]} numbers, and the rows before have "
                f"{self.dimension}: the embedder has changed; remove the folder of stage embed from the run, and "
                "all rows are embedded again"
            )
        flat = np.asarray(pc.list_flatten(column), np.float32)
        values: FloatArray = flat.reshape(len(column), self.dimension) + np.float32(0.0)  # so that -0 becomes 0
        if not (finite := np.isfinite(values).all(axis=1)).all():
            raise UserError(
                f"row {rows[~finite][0]} has an embedding with numbers that are not finite; embed or import the rows "
                "again"
            )
        return values

    def _place(self, vector: FloatArray, row: int) -> int:
        content = vector.tobytes()
        digest = blake2b(content, digest_size=16).digest()
        place = self.known.get(digest)
        if place is None:
            place = self.known[digest] = len(self.first)
            self.first.append(row)
            self.second.append(NONE)
            self.weights.append(1)
            self.file.write(content)
            return place
        if self.weights[place] == 1:
            self.second[place] = row
        self.weights[place] += 1
        return place

    def gathered(self, path: Path) -> Vectors:
        return Vectors(
            values=mapped(path, len(self.first), self.dimension),
            first=np.array(self.first, np.int64),
            second=np.array(self.second, np.int64),
            weights=np.array(self.weights, np.int64),
            rows=_joined(self.rows),
            places=_joined(self.places),
        )


def mapped(path: Path, count: int, dimension: int, mode: Any = "r") -> FloatArray:
    """A file of vectors; an empty one cannot be mapped."""
    if count * dimension == 0:
        return np.zeros((count, dimension), np.float32)
    return np.memmap(path, np.float32, mode, shape=(count, dimension))


def _joined(parts: list[IntArray]) -> IntArray:
    return np.concatenate(parts) if parts else np.empty(0, np.int64)
