"""Keeps embeddings in a file while a selection looks at the rows without them, and spreads the rows that are left.

Knows Arrow and the traversal of `diversity`; knows no SQL.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from magpie.errors import UserError
from magpie.stages.select.diversity import numpy, spread

EMBEDDING = "embedding"
_MOST_BANDS = 100


class Vectors:
    """Embeddings by row, in a file of float32."""

    def __init__(self, path: Path, passed_on: bool = False) -> None:
        """`passed_on`: whether the batches keep their embeddings."""
        self.path = path
        self.passed_on = passed_on
        self.dimension = 0
        self._rows: list[Any] = []

    def kept(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The batches, once their embeddings are written down."""
        with self.path.open("wb") as file:
            for batch in batches:
                there = batch.filter(pc.is_valid(batch.column(EMBEDDING)))
                file.write(self._numbers(there).tobytes())
                self._rows.append(there.column("row").to_numpy(zero_copy_only=False))
                yield batch if self.passed_on else batch.drop_columns([EMBEDDING])

    def spread(self, rows: pa.Table, wanted: int, of_each: bool) -> pa.Table:
        """What `selection_rows.Spread` says. Rows without an embedding have no spread."""
        np = numpy()
        if not self.dimension:
            return pa.table({"row": pa.array([], pa.int64()), "spread": pa.array([], pa.float32())})
        order = rows.column("row").to_numpy()
        known = np.concatenate(self._rows)
        at = np.searchsorted(known, order)
        found = at < len(known)
        found[found] = known[at[found]] == order[found]
        bands = _bands(rows)[found]
        vectors = np.memmap(self.path, np.float32, "r", shape=(len(known), self.dimension))
        apart = spread(_Ordered(vectors, at[found]), bands, wanted, of_each=of_each)
        return pa.table({"row": order[found], "spread": pa.array(apart, from_pandas=True)})

    def _numbers(self, batch: pa.RecordBatch) -> Any:
        np = numpy()
        values = batch.column(EMBEDDING)
        numbers = values.flatten().to_numpy(zero_copy_only=False).astype(np.float32, copy=False)
        if not len(values):
            return numbers
        dimension = len(numbers) // len(values)
        self.dimension = self.dimension or dimension
        if len(numbers) != self.dimension * len(values):
            raise UserError(f"embeddings have {self.dimension} numbers, and others among them have not")
        return numbers


class _Ordered:
    """Some of the vectors in a file, in another order: only those that are asked for come into memory."""

    def __init__(self, vectors: Any, places: Any) -> None:
        self.vectors = vectors
        self.places = places

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, which: Any) -> Any:
        return self.vectors[self.places[which]]


def _bands(rows: pa.Table) -> Any:
    """The number of each row's band, from 0: rows come band by band."""
    np = numpy()
    codes = rows.column("band").combine_chunks().dictionary_encode()
    values = pc.fill_null(codes.indices, -1).to_numpy(zero_copy_only=False)
    bands = np.cumsum(np.concatenate([[0], values[1:] != values[:-1]])) if len(values) else values
    if len(values) and bands[-1] >= _MOST_BANDS:
        raise UserError(
            f"diverse.bands gives {int(bands[-1]) + 1:,} bands; expected {_MOST_BANDS} or fewer: round numbers, as in "
            "floor(instruct_reward)"
        )
    return bands
