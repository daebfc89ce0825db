"""Puts record batches together, or apart, to chunks that are worth a query and fit into memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa

BYTES = 64 << 20
"""About the size of a chunk. What an expression makes of all its rows may be `checks.MOST` times as large."""
ROWS = 1 << 18


def chunks(batches: Iterable[pa.RecordBatch]) -> Iterator[list[pa.RecordBatch]]:
    """The batches in order, as lists of about `BYTES` or `ROWS`, whatever is less; no list is empty."""
    held: list[pa.RecordBatch] = []
    size = rows = 0
    for batch in batches:
        for part in _parts(batch):
            held.append(part)
            size += part.nbytes
            rows += part.num_rows
            if size >= BYTES or rows >= ROWS:
                yield held
                held, size, rows = [], 0, 0
    if held:
        yield held


def _parts(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """A batch, cut where it is larger than a chunk."""
    rows = min(ROWS, max(1, batch.num_rows * BYTES // max(BYTES, batch.nbytes)))
    for at in range(0, max(1, batch.num_rows), rows):
        yield batch.slice(at, rows)
