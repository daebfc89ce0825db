"""Folders in the system's place for temporary files: they go with the block, and what a kill has left of earlier ones
goes with the next process.

Knows paths, not what they hold.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

from magpie.runs.outputs import is_left_over, locked_folder, remove_unlocked

_ENDING = ".tmp"
"""Only folders with it are locked while they are used: those of earlier magpies are not, and stay."""
_YOUNG = 60.0
"""Seconds in which a folder may be made and not yet locked."""


@contextmanager
def temporary_folder(purpose: str) -> Iterator[Path]:
    """A folder for a purpose, which is a part of its name.

    with temporary_folder("spill") as folder: ...
    """
    prefix = f"magpie-{purpose}-"
    place = Path(tempfile.gettempdir())
    _sweep(place, prefix)
    with (
        tempfile.TemporaryDirectory(prefix=prefix, suffix=_ENDING) as name,
        locked_folder(Path(name)),
    ):
        yield Path(name)


@lru_cache
def _sweep(place: Path, prefix: str) -> None:
    """Once in a process: remove the folders that nobody uses. Those of others that may not be looked at stay."""
    with suppress(OSError):
        for entry in place.iterdir():
            if not (entry.name.startswith(prefix) and entry.name.endswith(_ENDING)) or entry.is_symlink():
                continue
            with suppress(OSError):
                old = time.time() - entry.stat().st_mtime > _YOUNG
                if old and is_left_over(entry):
                    remove_unlocked(entry)
