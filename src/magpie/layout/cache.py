"""Arrays in the user's cache folder: stored whole or not at all, and computed again where they cannot be read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from magpie.runs import make_folder, whole_file


def cache_folder(name: str) -> Path:
    """Where something is kept that can be made again: `magpie/NAME` in the cache folder of the user.

    cache_folder("layouts")  # ~/.cache/magpie/layouts, or in $XDG_CACHE_HOME
    """
    root = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(root) if Path(root).is_absolute() else Path.home() / ".cache"
    return base / "magpie" / name


def store(path: Path, arrays: dict[str, Any]) -> None:
    """Write arrays by name (`.npz`)."""
    import numpy as np

    make_folder(path.parent)
    with whole_file(path) as file:
        np.savez(file, **arrays)


def load(path: Path) -> dict[str, Any] | None:
    """What `store` wrote; None where there is nothing, or nothing that can be read. Loads no pickle."""
    import numpy as np

    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
            return {name: found[name] for name in found.files}
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None
