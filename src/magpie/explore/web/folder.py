"""Where an index lies: a folder of the user's cache, named by the state of the run that it is made from.

A run that was resumed or made again has another state, and so another folder; the newest of a run is kept.
"""

from __future__ import annotations

import json
import os
import time
from hashlib import blake2b
from pathlib import Path
from shutil import rmtree

from magpie.layout.cache import cache_folder
from magpie.runs import Run

FORMAT = 1
"""The version of an index's files. Increased when their format changes."""
SCRATCH = ".tmp"
"""What the name of an index ends in while it is made."""
_DAY = 86_400


def state_of_files(run: Run) -> str:
    """A digest of what a run's files are just now: their names, sizes and times, and the index of its stages."""
    files = []
    for stage in run.stages:
        for path in sorted(stage.path.glob("[0-9]*")):
            status = path.stat()
            files.append([stage.path.name, path.name, status.st_size, status.st_mtime_ns])
    stages = [[stage["stage"], stage["folder"], stage.get("stale")] for stage in run.info["stages"]]
    told = json.dumps([FORMAT, run.name, run.size, stages, files])
    return blake2b(told.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def index_folder(run: Run) -> Path:
    """The folder of a run's index, whether it is there or not: `PLACE/STATE`."""
    place = blake2b(os.fsencode(run.path.resolve()), digest_size=12).hexdigest()
    return cache_folder("explore") / place / state_of_files(run)


def remove_others(folder: Path) -> None:
    """Remove the indexes of a run's earlier states, and what was left half made a day ago: a younger one may be
    another process's work."""
    for other in folder.parent.iterdir():
        is_young = other.name.endswith(SCRATCH) and time.time() - other.stat().st_mtime < _DAY
        if other != folder and not is_young:
            rmtree(other, ignore_errors=True)
