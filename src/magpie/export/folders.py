"""A folder that appears whole or not at all: it is written beside its place and renamed.

Knows files; not what they hold.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from magpie.errors import StorageError
from magpie.runs import make_folder, storage
from magpie.runs.files import sync_folder
from magpie.runs.outputs import locked_folder, remove_left_over


def check_free(path: Path) -> None:
    """Raise `StorageError` unless a folder may appear at `path`: nothing is there, or an empty folder."""
    with storage(path):
        if path.is_dir() and not any(path.iterdir()):
            return
        if path.exists() or path.is_symlink():
            found = "a folder that is not empty" if path.is_dir() else "a file"
            raise StorageError(f"{path}: is {found}; an export replaces nothing: name a new folder, or remove this one")


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A folder to write to that appears at `path` when the block ends well, and otherwise never. What killed processes
    left beside it is removed first."""
    check_free(path)
    target = path.resolve()
    make_folder(target.parent)
    remove_left_over(target, ".")
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    with storage(path):
        temporary.mkdir()
        try:
            with locked_folder(temporary):
                yield temporary
                for folder in {entry.parent for entry in temporary.rglob("*")}:
                    sync_folder(folder)
                if target.is_dir():
                    target.rmdir()
                temporary.rename(target)
            sync_folder(target.parent)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
