"""What a run is held against: another run, or a file that is imported and embedded on the way and kept for next time.

Knows imports, executors and the embedder that made a run's vectors; no figure.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

from magpie.errors import UserError
from magpie.executors.local import Progress, execute
from magpie.imports import import_dataset
from magpie.imports.inputs import inputs_of
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


def cache_folder() -> Path:
    """Where imported sets are kept: `magpie/compared` in the cache folder of the user."""
    root = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(root) if Path(root).is_absolute() else Path.home() / ".cache"
    return base / "magpie" / "compared"


def _imported(place: Path, run: Run, watch: Watch) -> Run:
    digests = [one.digest() for one in inputs_of([str(place)], None)]
    embed = run.recipe.get("embed") if _maker(run) == "embed" else None
    named = json.dumps([str(place.resolve()), digests, embedder_of(run)], sort_keys=True, default=str)
    folder = cache_folder() / blake2b(named.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
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


# -- embedders --------------------------------------------------------------------------------------------------------


def check_embedders(run: Run, other: Run) -> None:
    """Raise `UserError` where both have vectors and different embedders made them, or nobody knows which."""
    ones, others = _maker(run), _maker(other)
    if ones is None or others is None:
        return
    again = "magpie embed RUN, with the same settings for both, makes vectors that can be compared"
    for each, maker in ((run, ones), (other, others)):
        if maker != "embed":
            raise UserError(
                f"{one_line(each.path)}: its embeddings were imported, so that nobody knows what made them; {again}"
            )
    if not _same(run, other):
        raise UserError(
            f"--against {one_line(other.path)}: another embedder made its vectors ({_words(other)}) than those of "
            f"{one_line(run.path)} ({_words(run)}), and distances between them mean nothing; {again}"
        )


def embedder_of(run: Run) -> Any:
    """What names the embedder of a run's vectors; None where it has none, or imported them."""
    if _maker(run) != "embed":
        return None
    entry = next(stage for stage in run.info["stages"] if stage["stage"] == "embed")
    return {"identity": entry.get("identity"), "settings": entry.get("settings"), "recipe": run.recipe.get("embed")}


def _same(run: Run, other: Run) -> bool:
    """By what the stage says of itself; of runs of earlier magpies, which say nothing, by their recipes."""
    ones, others = embedder_of(run), embedder_of(other)
    if ones["identity"] is not None and others["identity"] is not None:
        return bool(ones["identity"] == others["identity"] and ones["settings"] == others["settings"])
    return bool(ones["recipe"] == others["recipe"])


def _words(run: Run) -> str:
    embed = run.recipe.get("embed")
    embedder = embed.get("embedder") if isinstance(embed, dict) else None
    if not isinstance(embedder, dict):
        return "unknown"
    named = [str(embedder[key]) for key in ("name", "model", "served_model", "dimension") if embedder.get(key)]
    return one_line(", ".join(named)[:200]) or "unknown"


def _maker(run: Run) -> str | None:
    """The stage that made `embedding`: of two, the later one counts."""
    makers = [stage.stage for stage in run.stages if any(column.name == "embedding" for column in stage.columns)]
    return makers[-1] if makers else None
