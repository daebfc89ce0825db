"""`magpie export --format atlas`: the kept rows with their places on the map, and the command that opens them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.markup import escape

from magpie.errors import UserError
from magpie.export.atlas import Places, check_atlas, export_atlas
from magpie.export.options import Options
from magpie.runs import Run
from magpie.safe.paths import expanded
from magpie.safe.shell import command_line
from magpie.safe.terminal import one_line

if TYPE_CHECKING:
    from magpie.layout import Layout

_PART = 4096
"""Rows whose distances to their neighbors are computed together."""


def export_to_atlas(run: Run, to: Path, options: Options) -> None:
    place = expanded(to)
    check_atlas(run, place, options)
    with Console(stderr=True).status("laying out the map") as status:
        places = places_of(run, lambda line: status.update(escape(one_line(line))))
        made = export_atlas(run, place, options, places)
    left_out = f"; {made.left_out:,} kept rows have no embedding and are not in it" if made.left_out else ""
    typer.echo(f"{made.rows:,} rows written to {one_line(to)}{left_out}")
    words = ["embedding-atlas", str(to), "--text", "instruction", "--x", "x", "--y", "y", "--neighbors", "neighbors"]
    typer.echo(f"To open it, where embedding-atlas is installed: {command_line(words)}")


def places_of(run: Run, watch: Any = lambda _: None) -> Places:
    """The map of a run, with the distances of neighbors."""
    from magpie.layout import layout_of
    from magpie.layout.vectors import read_embeddings

    layout = layout_of([run], progress=watch)
    with tempfile.TemporaryDirectory(prefix="magpie-atlas-") as scratch:
        values = read_embeddings([run], Path(scratch) / "vectors", watch).values
        if len(values) != len(layout.row):
            raise UserError(f"{run.path}: its embeddings have changed while they were read; run the command again")
        neighbors, distances = _distances(layout, values)
    topics = [layout.names[cluster] if 0 <= cluster < len(layout.names) else "" for cluster in layout.cluster.tolist()]
    return Places(layout.row, layout.xy, topics, neighbors, distances)


def _distances(layout: Layout, values: Any) -> tuple[Any, Any]:
    """The neighbors of each row and how far they are, squared L2; none where they were not looked for."""
    import numpy as np

    neighbors = layout.neighbors
    if neighbors is None:
        neighbors = np.full((len(layout.row), 0), -1, np.int32)
    found = np.zeros(neighbors.shape, np.float32)
    for start in range(0, len(neighbors), _PART):
        near = neighbors[start : start + _PART]
        apart = values[np.maximum(near, 0)] - values[start : start + _PART, None]
        found[start : start + _PART] = np.einsum("rkd,rkd->rk", apart, apart)
    return neighbors, found
