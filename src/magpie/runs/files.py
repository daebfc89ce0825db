"""Files that are written whole or not at all, and what a refusing disk says.

The only file beside `journal` that writes. Knows bytes and paths, not what they mean.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from magpie.errors import StorageError

_ADVICE = {
    errno.ENOSPC: "the disk is full: free some space",
    errno.EDQUOT: "the disk quota is used up: free some space",
    errno.EFBIG: "the file would be larger than the system allows",
    errno.EROFS: "the file system is read-only: choose another folder",
    errno.EACCES: "permission denied: choose a folder that you may write to",
    errno.EPERM: "permission denied: choose a folder that you may write to",
    errno.EMFILE: "too many files are open in this process: raise the limit, as with `ulimit -n 4096`",
    errno.ENFILE: "too many files are open on this machine: raise its limit, or end what holds them",
    errno.ENOTDIR: "a part of this path is a file, not a folder: choose another folder",
}


_SHORTAGES = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EMFILE, errno.ENFILE)


def shortage(error: OSError) -> str | None:
    """What to do about an error that any library may raise when a disk or a limit of the system is used up; None for
    one that says something else.

    >>> shortage(OSError(errno.ENOSPC, "No space left on device", "scratch/vectors"))
    'scratch/vectors: the disk is full: free some space, then run the same command again; nothing made is lost'
    """
    if error.errno not in _SHORTAGES:
        return None
    where = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
    return f"{where}{_ADVICE[error.errno]}, then run the same command again; nothing made is lost"


@contextmanager
def storage(path: Path) -> Iterator[None]:
    """Turn what the operating system says about `path` into one line that helps."""
    try:
        yield
    except BrokenPipeError:
        raise  # whoever read has gone: no refusal of a disk
    except OSError as error:
        advice = _ADVICE.get(error.errno or 0, f"{error.strerror or error}: see whether the path is what you meant")
        raise StorageError(f"{path}: {advice}, then run the same command again; nothing made is lost") from error


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to that appears at `path` when the block ends well, whole and on the disk, and otherwise never:
    a reader, or a crash at any line, finds the old file or the new one.
    """
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with storage(path):
        try:
            with temporary.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
            sync_folder(path.parent)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise


def write_whole(path: Path, data: bytes) -> None:
    """Put `data` at `path`, whole or not at all."""
    with whole_file(path) as file:
        file.write(data)


def remove(path: Path) -> None:
    """Remove a file, if it is there."""
    with storage(path):
        path.unlink(missing_ok=True)


def make_folder(path: Path) -> None:
    """Make a folder and those above it, if they are not there."""
    with storage(path):
        if not path.is_dir():
            path.mkdir(parents=True, exist_ok=True)
            sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make renames in a folder survive a power loss. Windows cannot, and does not need to be asked."""
    if os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
