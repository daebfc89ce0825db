"""Files that are written whole or not at all, and what a refusing disk says.

The only file beside `journal` that writes. Knows bytes and paths, not what they mean.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import IO, Protocol

from magpie.errors import StorageError
from magpie.runs.owner import owner_name

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


class Observer(Protocol):
    """Gets a call for every file that is written or removed under a folder: a run on object storage uploads it."""

    def changing(self) -> AbstractContextManager[None]:
        """A context that is held while a file is put in its place and the observer is called."""

    def written(self, path: Path) -> None:
        """A file is there, whole; or, of a journal, has just been opened."""

    def removed(self, path: Path) -> None:
        """A file is gone."""


_observers: dict[Path, Observer] = {}
"""The observers by the folder that they watch; nearly always empty."""


@contextmanager
def observed(root: Path, observer: Observer) -> Iterator[None]:
    """Call an observer for every change that this process makes under a folder, until the end of the block."""
    _observers[root] = observer
    try:
        yield
    finally:
        del _observers[root]


def observer_of(path: Path) -> Observer | None:
    """The observers of changes at a path."""
    if not _observers:
        return None
    return next((observer for root, observer in _observers.items() if path.is_relative_to(root)), None)


_sources: dict[Path, Callable[[Sequence[Path]], None]] = {}
"""By the folder of a run, what brings the rest of its sealed files, of which only the footers may be here."""


def bring_from(run: Path, source: Callable[[Sequence[Path]], None]) -> None:
    """From now on, ask this for sealed files of a run before their values are read."""
    _sources[run] = source


def bring(*parquets: Path) -> None:
    """Have sealed files here, whole: of a run that mirrors a bucket they may not be. All of one run."""
    if _sources and parquets and (source := _sources.get(parquets[0].parent.parent)) is not None:
        source(parquets)


def _put_in_place(temporary: Path, path: Path) -> None:
    observer = observer_of(path)
    with nullcontext() if observer is None else observer.changing():
        temporary.replace(path)
        if observer is not None:
            observer.written(path)


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
    temporary = temporary_name(path)
    with storage(path):
        try:
            with temporary.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            _put_in_place(temporary, path)
            sync_folder(path.parent)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise


def temporary_name(path: Path) -> Path:
    """Where this process writes what is to become `path`: no other process, here or elsewhere, writes there."""
    return path.with_name(f"{path.name}.{owner_name()}.tmp")


def put_unsynced(path: Path, data: bytes) -> None:
    """Put `data` at `path`, whole or not at all, but for a power loss: for what is rewritten every few seconds."""
    temporary = temporary_name(path)
    with storage(path):
        try:
            temporary.write_bytes(data)
            _put_in_place(temporary, path)
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
        if (observer := observer_of(path)) is not None:
            observer.removed(path)


def make_folder(path: Path, *, synced: bool = True) -> None:
    """Make a folder and those above it, if they are not there. synced: whether it is to survive a power loss."""
    with storage(path):
        if not path.is_dir():
            path.mkdir(parents=True, exist_ok=True)
            if synced:
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
