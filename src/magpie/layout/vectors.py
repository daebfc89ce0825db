"""The embeddings of runs, in one file that is mapped into memory, and the digest that names them.

Knows runs and their files; nothing of maps.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from magpie.errors import UserError
from magpie.layout.embedders import maker_of_embeddings
from magpie.runs import Run, StageFolder
from magpie.runs.shards import content_digest

BLOCK_ROWS = 65_536
"""About how many rows are read at once."""


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Rows with an embedding, run by run, in order of `row`."""

    run: NDArray[np.int16]
    row: NDArray[np.int64]
    values: NDArray[np.float32]
    """[rows, dimension], each of length 1, or 0 where all its numbers are 0."""


def digest_of(runs: Sequence[Run], version: int) -> str:
    """Names what a layout is made of: the contents of the files that hold the embeddings, and the order of the runs."""
    told = [[_files(stage), run.size] for run in runs if (stage := maker_of_embeddings(run)) is not None]
    return blake2b(json.dumps([version, told]).encode(), digest_size=16).hexdigest()


def _files(stage: StageFolder) -> list[list[Any]]:
    found = []
    for number in stage.shards():
        shard = stage.shard(number)
        journal = shard.journal.stat() if shard.journal.exists() else None
        found.append([number, content_digest(shard), journal and [journal.st_size, journal.st_mtime_ns]])
    return found


def read_embeddings(runs: Sequence[Run], path: Path, watch: Any) -> Embeddings:
    """Reads the runs once and writes their embeddings to `path`.

    Raises `UserError` where there are none, or where they differ in length.
    """
    dimension = 0
    places: list[NDArray[np.int16]] = []
    rows: list[NDArray[np.int64]] = []
    with path.open("wb") as file:
        for place, run in enumerate(runs):
            for number, batch in _batches(run):
                values = _values(run, batch, dimension)
                dimension = dimension or values.shape[1]
                good = np.isfinite(values).all(axis=1)
                file.write(_unit(values[good]).tobytes())
                rows.append(number[good])
                places.append(np.full(int(good.sum()), place, np.int16))
                watch(f"reading embeddings: {sum(map(len, rows)):,} rows")
    if not sum(map(len, rows)):
        raise UserError(f"{runs[0].path}: no row has an embedding; `magpie embed` with the run makes them")
    row = np.concatenate(rows)
    mapped: Any = np.memmap(path, np.float32, "r", shape=(len(row), dimension))
    return Embeddings(np.concatenate(places), row, mapped)


def _batches(run: Run) -> Iterator[tuple[NDArray[np.int64], pa.ListArray]]:
    stage = maker_of_embeddings(run)
    if stage is None:
        return
    name = stage.stage.replace('"', '""')
    query = f'SELECT row, embedding FROM "{name}" WHERE embedding IS NOT NULL AND row < {run.size} ORDER BY row'
    step = max(1, BLOCK_ROWS // run.shard_rows)
    for first in range(0, -(-run.size // run.shard_rows), step):
        with run.connected(range(first, first + step), (stage.stage,)) as connection:
            table = connection.sql(query).to_arrow_table().combine_chunks()
        if table.num_rows:
            yield np.asarray(table.column("row"), np.int64), table.column("embedding").combine_chunks()


def _values(run: Run, column: pa.ListArray, dimension: int) -> NDArray[np.float32]:
    lengths = np.asarray(pc.list_value_length(column))
    dimension = dimension or int(lengths[0])
    if not dimension or (lengths != dimension).any():
        raise UserError(
            f"{run.path}: embeddings of {int(lengths[lengths != dimension][0]) if dimension else 0} and {dimension} "
            "numbers cannot be on one map; `magpie embed` with the same settings makes them alike"
        )
    return np.asarray(pc.list_flatten(column), np.float32).reshape(len(column), dimension)


def _unit(values: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.sqrt(np.einsum("ij,ij->i", values, values, dtype=np.float64))
    unit: NDArray[np.float32] = (values / np.where(lengths > 0, lengths, 1.0)[:, None]).astype(np.float32)
    return unit
