"""What a run is held against: another run, or a file that is imported and embedded on the way and kept for next time.

Knows imports, executors and the embedder that made a run's vectors; no figure.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

from magpie.executors.local import Progress, execute
from magpie.imports import import_dataset
from magpie.imports.inputs import inputs_of
from magpie.layout.cache import cache_folder
from magpie.layout.embedders import check_embedders, embedder_of
from magpie.plan.resolve import resolve
from magpie.runs import Run, RunFolder, open_run
from magpie.safe.terminal import one_line

Watch = Callable[[str], None]


def open_other(place: Path, run: Run, watch: Watch = lambda _: None) -> Run:
    """The run in a folder, or the run that a file of conversations comes to. A file is imported, its instructions are
    embedded as those of `run` are, and both are found again in the user's cache as long as the file is the same.

    Raises `UserError` for a place that is neither, and for vectors that another embedder made.
    """
    other = open_run(place) if RunFolder(place).is_run() else _imported(place, run, watch)
    check_embedders(run, other)
    return other


def _imported(place: Path, run: Run, watch: Watch) -> Run:
    digests = [one.digest() for one in inputs_of([str(place)], None)]
    embed = run.recipe.get("embed") if embedder_of(run) is not None else None
    named = json.dumps([str(place.resolve()), digests, embedder_of(run)], sort_keys=True, default=str)
    folder = cache_folder("compared") / blake2b(named.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
    made = folder / _name(place)
    if not (folder / "done").exists():
        watch(f"importing {one_line(place)}")
        import_dataset(place, made)
        if embed is not None:
            _embed(made, embed, watch)
        (folder / "done").touch()
    return open_run(made)


def _name(place: Path) -> str:
    """A run's name is its folder's: what a reader knows the file by, as far as that can be one."""
    stem = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in one_line(place.stem))
    return stem.strip(".")[:80] or "set"


def _embed(made: Path, settings: Mapping[str, Any], watch: Watch) -> None:
    def told(progress: Progress | str) -> None:
        if not isinstance(progress, str):
            watch(f"embedding {progress.counts.made:,} of {progress.counts.wanted:,} rows")

    # The settings are a run's word and not the user's, who has typed none of them: a key in them needs leave.
    execute(resolve(None, made, (), {"embed": settings}), made, told, only=("embed",))
