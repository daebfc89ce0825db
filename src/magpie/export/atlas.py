"""Kept rows with their places on a map, as one Parquet file that embedding-atlas opens. A target, not a dependency.

Beside every column of `parquet` it has `x`, `y`, `topic`, and `neighbors`: a struct of `ids`, which count the rows of
this file from 0, and `distances`, as embedding-atlas documents it (`--neighbors`, 2026-11). Knows no layout.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from magpie.errors import UserError
from magpie.export.exporting import Exported, check
from magpie.export.options import Options
from magpie.export.query import COLUMNS, Records
from magpie.export.writing import write_parquet
from magpie.runs import Run, make_folder, storage, whole_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

ATLAS = "atlas"
"""The name of the format."""
_OWN = ("x", "y", "topic", "neighbors")


@dataclass(frozen=True, slots=True)
class Places:
    """Rows of a run on a map: n of them."""

    row: NDArray[Any]
    """int64[n], ascending."""
    xy: NDArray[Any]
    """float32[n, 2]"""
    topic: Sequence[str]
    """[n]"""
    neighbors: NDArray[Any]
    """int[n, k]: places of the nearest rows, nearest first; -1 for none."""
    distances: NDArray[Any]
    """float32[n, k]: squared L2 distances of embeddings."""


def check_atlas(run: Run, to: Path, options: Options) -> None:
    """Raise `UserError` for an export that cannot succeed, before a map is computed."""
    if to.suffix.lower() != ".parquet":
        raise UserError(f"--to {str(to)!r}: {ATLAS} is one Parquet file; expected a name that ends in .parquet")
    check(run, COLUMNS, to, options)
    if taken := [name for name in _OWN if name in run.schema.names]:
        raise UserError(f"--format {ATLAS}: the run has a column of its own named {taken[0]}; use --format parquet")


def export_atlas(run: Run, to: Path, options: Options, places: Places) -> Exported:
    """Write the kept rows that have a place, in row order.

    export_atlas(run, Path("map.parquet"), Options(), places)
    """
    import numpy as np

    check_atlas(run, to, options)
    kept = run.row_numbers("kept").to_numpy(zero_copy_only=False)
    shown = np.flatnonzero(np.isin(places.row, kept))
    if not len(shown):
        raise UserError(f"{run.path}: no kept row has an embedding, so there is nothing on the map")
    number = np.full(len(places.row) + 1, -1, np.int64)  # the last one is for -1
    number[shown] = np.arange(len(shown))

    def tables() -> Iterator[pa.Table]:
        for table in Records(run, COLUMNS, options).columns():
            rows = np.asarray(table.column("row"), np.int64)
            at = np.searchsorted(places.row[shown], rows)
            here = at < len(shown)
            here[here] = places.row[shown][at[here]] == rows[here]
            yield _placed(table.drop_columns(["row_id"]).filter(pa.array(here)), places, shown[at[here]], number)

    with storage(to):
        make_folder(to.resolve().parent)
        with whole_file(to.resolve()) as file:
            count = write_parquet(file, tables())
    return Exported(count, {"train": count}, (), left_out=len(kept) - count)


def _placed(table: pa.Table, places: Places, at: Any, number: Any) -> pa.Table:
    """The table with the map's columns. at: the places of its rows; number: of each place its row in the file."""
    import numpy as np

    ids = number[places.neighbors[at]]
    there = ids >= 0
    starts = pa.array(np.concatenate([[0], np.cumsum(there.sum(axis=1))]).astype(np.int32))
    lists = {
        "ids": pa.ListArray.from_arrays(starts, pa.array(ids[there])),
        "distances": pa.ListArray.from_arrays(starts, pa.array(places.distances[at][there].astype(np.float32))),
    }
    columns = (
        pa.array(places.xy[at, 0].astype(np.float32)),
        pa.array(places.xy[at, 1].astype(np.float32)),
        pa.array([places.topic[each] for each in at.tolist()], pa.string()),
        pa.StructArray.from_arrays(list(lists.values()), list(lists)),
    )
    for name, values in zip(_OWN, columns, strict=True):
        table = table.append_column(name, values)
    return table
