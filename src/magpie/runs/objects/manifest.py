"""What this machine knows of a run's objects: which of its files are as they are in the bucket, and what was sent.

A SQLite file beside the mirrored folder, shared by this machine's processes. If it is lost, its content is
determined again from the bucket; it never holds rows.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from magpie.errors import StorageError

State = tuple[int, int, int]
"""A file's inode, time of change in nanoseconds, and size."""

_TABLES = """
CREATE TABLE IF NOT EXISTS objects (name TEXT PRIMARY KEY, etag TEXT, inode INT, changed INT, size INT, put TEXT);
CREATE TABLE IF NOT EXISTS journals (name TEXT PRIMARY KEY, inode INT, sent INT, first INT, next INT);
CREATE TABLE IF NOT EXISTS absent (name TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS segments (journal TEXT, number INT, etag TEXT, PRIMARY KEY (journal, number));
"""


class Known(NamedTuple):
    """An object that has a file here."""

    etag: str
    """The ETag of the object that the file is a copy of; empty where none was uploaded or downloaded."""
    state: State
    """The state of the file when it equaled that object."""
    put: str
    """The digest of the bytes that this machine last put, or was about to put when it was stopped."""


class Sent(NamedTuple):
    """A journal that is written on this machine."""

    inode: int
    sent: int
    """Its first bytes, which are in the bucket."""
    first: int
    """Number of its first segment there."""
    next: int
    """Number of the segment to come."""


class Manifest:
    """The records of one run."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection = self._open()

    def _open(self) -> sqlite3.Connection:
        for last in (False, True):
            try:
                connection = sqlite3.connect(self._path, timeout=60, isolation_level=None, check_same_thread=False)
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = NORMAL")
                connection.executescript(_TABLES)
                connection.execute("SELECT count(*) FROM objects").fetchone()
                return connection
            except sqlite3.DatabaseError as error:
                if last or isinstance(error, sqlite3.OperationalError):
                    raise StorageError(
                        f"{self._path}: cannot be opened ({error}): see whether its disk is full"
                    ) from error
                with suppress(OSError):
                    self._path.unlink()
        raise AssertionError("opened or raised")

    @contextmanager
    def _asked(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._lock:
                yield self._connection
        except sqlite3.Error as error:
            raise StorageError(
                f"{self._path}: cannot be used ({error}): see whether its disk is full; or remove it: its content "
                "is then determined again from the bucket"
            ) from error

    def _rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._asked() as connection:
            return connection.execute(query, values).fetchall()

    # -- whole objects

    def objects(self) -> dict[str, Known]:
        found = self._rows("SELECT name, etag, inode, changed, size, put FROM objects")
        return {name: Known(etag, (inode, changed, size), put) for name, etag, inode, changed, size, put in found}

    def object(self, name: str) -> Known | None:
        found = self._rows("SELECT etag, inode, changed, size, put FROM objects WHERE name = ?", name)
        return Known(found[0][0], tuple(found[0][1:4]), found[0][4]) if found else None

    def set_object(self, name: str, known: Known) -> None:
        self._rows(
            "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?)", name, known.etag, *known.state, known.put
        )

    def forget_object(self, name: str) -> None:
        self._rows("DELETE FROM objects WHERE name = ?", name)

    def absent(self) -> set[str]:
        """Sealed files of which only the footer is here."""
        return {name for (name,) in self._rows("SELECT name FROM absent")}

    def set_absent(self, name: str) -> None:
        self._rows("INSERT OR IGNORE INTO absent VALUES (?)", name)

    def set_present(self, name: str) -> None:
        self._rows("DELETE FROM absent WHERE name = ?", name)

    # -- journals of this machine

    def journals(self) -> dict[str, Sent]:
        found = self._rows("SELECT name, inode, sent, first, next FROM journals")
        return {name: Sent(*rest) for name, *rest in found}

    def journal(self, name: str) -> Sent | None:
        found = self._rows("SELECT inode, sent, first, next FROM journals WHERE name = ?", name)
        return Sent(*found[0]) if found else None

    def set_journal(self, name: str, sent: Sent) -> None:
        self._rows("INSERT OR REPLACE INTO journals VALUES (?, ?, ?, ?, ?)", name, *sent)

    def forget_journal(self, name: str) -> None:
        self._rows("DELETE FROM journals WHERE name = ?", name)

    # -- journals of others

    def segments(self) -> dict[str, dict[int, str]]:
        """For each downloaded journal, the segments that its file consists of."""
        found: dict[str, dict[int, str]] = {}
        for journal, number, etag in self._rows("SELECT journal, number, etag FROM segments ORDER BY journal, number"):
            found.setdefault(journal, {})[number] = etag
        return found

    def set_segments(self, journal: str, segments: Mapping[int, str]) -> None:
        with self._asked() as connection:
            connection.execute("BEGIN")
            connection.execute("DELETE FROM segments WHERE journal = ?", (journal,))
            rows = [(journal, number, etag) for number, etag in segments.items()]
            connection.executemany("INSERT INTO segments VALUES (?, ?, ?)", rows)
            connection.execute("COMMIT")

    def close(self) -> None:
        with self._lock:
            self._connection.close()
