"""The position of each row on the map, and its topic: from the cache, or computed and stored there.

A sample of the rows, the landmarks, is laid out once (`landmarks.py`) and stored; every row is then placed among the
landmarks that are nearest to it (`placing.py`), so that a row's place depends on its own vector and on the landmarks
alone. When a run grows, its landmarks are found again, and no row moves.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from magpie.errors import MissingExtra, UserError
from magpie.install import install_hint
from magpie.layout.cache import cache_folder, load, store
from magpie.layout.embedders import check_embedders, maker_of_embeddings
from magpie.runs import Run

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


VERSION = 1
"""The version of the layout: increased when the same vectors would get other positions, so that older cache entries are
not used."""

Watch = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Layout:
    """The rows that have an embedding, in the order of the runs, and of `row` within each: n of them."""

    run: NDArray[np.int16]
    """[n] which of the runs each row belongs to, as an index into the given sequence."""
    row: NDArray[np.int64]
    """[n] its number in that run."""
    xy: NDArray[np.float32]
    """[n, 2] where it lies. Distances mean something between neighbors alone; the middle of the map is near 0, 0."""
    cluster: NDArray[np.int32]
    """[n] its topic, from 0, the largest one first by its landmarks."""
    names: list[str]
    """The words that distinguish each topic ("integral, derivative, limit"); may be empty."""
    neighbors: NDArray[np.int32] | None = None
    """[n, 8] the places in this layout of the rows nearest to each, nearest first, -1 for none; most of them, not all,
    since only rows of the landmarks nearby are compared. None where they were not looked for."""


def layout_of(
    runs: Sequence[Run],
    *,
    rows: Mapping[str, Sequence[int]] | None = None,
    folder: Path | None = None,
    progress: Watch | None = None,
) -> Layout:
    """The map of the rows of these runs that have an embedding, joint for all of them.

    rows: of the runs named here, by the text of their path, only these rows are given back; the map itself is of all
    rows, so that no choice moves a row. folder: the cache (default: `magpie/layouts` in the user's cache folder).
    progress: receives a line for each step.

    Raises `MissingExtra` without FAISS or NumPy, `UserError` for a run without embeddings and for runs whose embeddings
    different embedders made, `RunError` for files that cannot be read.

        layout = layout_of([open_run("runs/air")])
        layout.xy[layout.cluster == 0]  # where the rows of the largest topic lie
        layout_of([air, rain], rows={str(rain.path): [3, 17]})  # all rows of air, two of rain
    """
    _check(runs)
    watch = progress or (lambda _: None)
    folder = folder or cache_folder("layouts")
    from magpie.layout.vectors import digest_of

    place = folder / f"{digest_of(runs, VERSION)}.npz"
    found = load(place)
    if found is None:
        found = _made(runs, folder, watch)
        store(place, found)
    names = [str(name) for name in found.pop("names").tolist()]
    return _of_rows(Layout(**found, names=names), runs, rows)


def _check(runs: Sequence[Run]) -> None:
    if missing := [name for name, module in (("FAISS", "faiss"), ("NumPy", "numpy")) if find_spec(module) is None]:
        raise MissingExtra(
            f"a map needs {' and '.join(missing)}, which is not installed; install it: {install_hint('curation')}"
        )
    if not runs:
        raise UserError("a map of no run; expected one run or several")
    for run in runs:
        if maker_of_embeddings(run) is None:
            raise UserError(f"{run.path}: no row has an embedding; `magpie embed` with the run makes them")
        check_embedders(runs[0], run) if run is not runs[0] else None


def _made(runs: Sequence[Run], folder: Path, watch: Watch) -> dict[str, Any]:
    """The arrays of a layout, as they are stored."""
    import numpy as np

    from magpie.layout.landmarks import landmarks_of
    from magpie.layout.near import near_rows
    from magpie.layout.placing import placed
    from magpie.layout.vectors import read_embeddings

    with tempfile.TemporaryDirectory(prefix="magpie-layout-") as scratch:
        embeddings = read_embeddings(runs, Path(scratch) / "vectors", watch)
        landmarks = landmarks_of(embeddings, runs, folder, VERSION, watch)
        xy, homes = placed(embeddings.values, landmarks, watch)
        return {
            "run": embeddings.run,
            "row": embeddings.row,
            "xy": xy,
            "cluster": landmarks.cluster[homes],
            "names": np.array(landmarks.names, np.str_),
            "neighbors": near_rows(embeddings.values, homes, landmarks, watch),
        }


def _of_rows(layout: Layout, runs: Sequence[Run], rows: Mapping[str, Sequence[int]] | None) -> Layout:
    if rows is None:
        return layout
    import numpy as np

    chosen = np.ones(len(layout.row), np.bool_)
    for place, run in enumerate(runs):
        if (wanted := rows.get(str(run.path))) is not None:
            own = layout.run == place
            chosen[own] = np.isin(layout.row[own], np.asarray(wanted, np.int64))
    moved = np.append(np.where(chosen, np.cumsum(chosen) - 1, -1), -1).astype(np.int32)  # the last one is for -1
    return replace(
        layout,
        run=layout.run[chosen],
        row=layout.row[chosen],
        xy=layout.xy[chosen],
        cluster=layout.cluster[chosen],
        neighbors=None if layout.neighbors is None else moved[layout.neighbors[chosen]],
    )
