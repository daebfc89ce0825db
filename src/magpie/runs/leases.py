"""Records that several workers change without a lock: what storage has to offer for it, and a shared folder that does.

A record has a version. It is created if it is not there, and replaced if its version is still the one that was read;
a writer that comes second gets a conflict and reads again. Object storage does this by itself (If-None-Match,
If-Match). A folder without working locks has one such operation: `link` creates a name only once. Version n of a
record is therefore a file of its own, `RECORD/n`, and replacing version n is creating n + 1. Knows bytes, not what they
mean.
"""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path
from typing import NamedTuple, Protocol

from magpie.runs.files import make_folder, storage, temporary_name

Version = str
"""What names one state of one record: a number here, an ETag in object storage. Only equality has a meaning."""


class Stored(NamedTuple):
    """A record as it was read."""

    data: bytes
    version: Version


class LeaseStore(Protocol):
    """Small records by name, such as `4-respond-77ab02aa/00007`, that many processes change.

    stored = store.read("4-respond-77ab02aa/00007")
    if stored is not None and store.replace("4-respond-77ab02aa/00007", b"{}", stored.version) is None:
        ...  # another process was faster: read again
    """

    def read(self, name: str) -> Stored | None:
        """The record as it is now; None where there is none. One that a power loss emptied has no bytes."""

    def create(self, name: str, data: bytes) -> Version | None:
        """Create the record if there is none. None: there is one, or it is unknown who created it: read again."""

    def replace(self, name: str, data: bytes, version: Version) -> Version | None:
        """Replace the record if its version is still this one. None: it is not, or that is unknown. A record may have
        been written all the same, so a caller that gets None reads the record and looks for its own name in it."""


_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV}
"""What a file system says that knows no hard links."""
_KEPT = 8
"""Versions of a record that are there: one is removed when so many newer ones are."""
_READS, _PAUSE = 100, 0.01
"""Tries to read a record, and seconds between two: it may be replaced meanwhile, or be empty for an instant."""


class FolderStore:
    """A `LeaseStore` in a folder that several machines may share. It needs no locks of a file system, and no clock."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, name: str) -> Stored | None:
        place = self.root / name
        newest = 0
        for _ in range(_READS):
            newest = max(_versions(place), default=0)
            if newest == 0:
                return None
            with storage(place):
                data = _read(place / str(newest))
            if data:
                return Stored(data, str(newest))
            time.sleep(_PAUSE)
        return Stored(b"", str(newest))  # what a power loss emptied

    def create(self, name: str, data: bytes) -> Version | None:
        place = self.root / name
        make_folder(place, synced=False)
        if _versions(place):
            return None
        return self._put(place, data, 1)

    def replace(self, name: str, data: bytes, version: Version) -> Version | None:
        return self._put(self.root / name, data, int(version) + 1)

    def _put(self, place: Path, data: bytes, number: int) -> Version | None:
        """Create the file of a version. A process that slept since it read the record may find that name free again,
        since old versions are removed; then there are much higher versions."""
        target = place / str(number)
        with storage(target):
            try:
                if not _create(target, data):
                    return None
            except FileNotFoundError:  # the records were removed: nobody worked on the run
                return None
            newest = max(there := set(_versions(place)), default=0)
            if newest >= number + _KEPT:
                target.unlink(missing_ok=True)
                return None
            for old in there:
                if old <= newest - _KEPT:
                    (place / str(old)).unlink(missing_ok=True)
        return str(number)


def _versions(place: Path) -> list[int]:
    try:
        return [int(entry.name) for entry in place.iterdir() if entry.name.isascii() and entry.name.isdigit()]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _read(path: Path) -> bytes | None:
    """A file's bytes; None where it was removed meanwhile. Raises `OSError`."""
    try:
        return path.read_bytes()
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ESTALE):
            return None
        raise


def _create(target: Path, data: bytes) -> bool:
    """Whether this process made the file, with all that is in it: no other can see half of it. Raises `OSError`."""
    temporary = temporary_name(target)
    temporary.write_bytes(data)
    try:
        os.link(temporary, target)
    except FileExistsError:
        # A server may have done it and its answer was lost: then this is the second name of our own file.
        return temporary.stat().st_nlink == 2
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        return _create_without_links(target, data)
    finally:
        temporary.unlink(missing_ok=True)
    return True


def _create_without_links(target: Path, data: bytes) -> bool:
    """The same where a file has one name only. A reader may find it empty for an instant."""
    try:
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o644)
    except FileExistsError:
        return False
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    return True
