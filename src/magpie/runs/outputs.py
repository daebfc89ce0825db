"""Files outside of a run that appear whole, and what a kill has left of earlier ones: it is removed.

A run sweeps its own folder under its lock. Elsewhere a writer locks what it writes, so that a temporary file that
nobody locks belongs to a process that has ended. Knows paths, not what they hold.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import rmtree
from typing import IO

from magpie.runs.files import whole_file

_WRITER = r"\.(?:\d+|[a-z0-9-]{1,60}-[0-9a-f]{12})\.tmp"
"""What the name of a temporary file has behind the name that the file will have: its writer."""


@contextmanager
def whole_output(path: Path) -> Iterator[IO[bytes]]:
    """As `whole_file`, for a file that is no run's. What killed processes left beside it is removed first.

    with whole_output(Path("page.html")) as file: ...
    """
    remove_left_over(path)
    with whole_file(path) as file, locked(file.fileno()):
        yield file


def remove_left_over(path: Path, prefix: str = "") -> None:
    """Remove the temporary files and folders of `path` that no process writes any more.

    prefix: what stands before the name in theirs. One that cannot be looked at or removed stays.
    """
    ours = re.compile(re.escape(prefix + path.name) + _WRITER)
    with suppress(OSError):
        for entry in path.parent.iterdir():
            if ours.fullmatch(entry.name) and not entry.is_symlink() and _is_left_over(entry):
                rmtree(entry, ignore_errors=True) if entry.is_dir() else entry.unlink(missing_ok=True)


@contextmanager
def locked(handle: int) -> Iterator[None]:
    """Show others that this file or folder is being written, until the block or this process ends. A file system that
    knows no locks shows nothing, and keeps what kills leave."""
    with suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    yield


@contextmanager
def locked_folder(path: Path) -> Iterator[None]:
    """The same of a folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        with locked(handle):
            yield
    finally:
        os.close(handle)


def _is_left_over(path: Path) -> bool:
    """Whether nobody holds a lock on it."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True
