"""A shard's open journals: files of JSON lines that only grow until the shard is sealed, one for each owner.

`00007.OWNER.part` is written by that owner alone; readers merge all. `00007.part` is of an earlier magpie, or of an
import, which have one writer.

Survives `kill -9` (lines reach the operating system at every write) and power loss (they reach the disk each
second). Knows lines, not rows: what a line means is `shards`' business.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import orjson

from magpie.runs.files import observer_of, remove, storage, sync_folder, write_whole
from magpie.runs.owner import OWNER

SYNC_SECONDS = 1.0

_JOURNAL = re.compile(rf"(\d{{5,}})(?:\.{OWNER})?\.part")
_LISTED_SECONDS = 0.05
"""How long a list of a folder's journals is taken for true, as long as the folder says that it is as it was."""


class _Listed(NamedTuple):
    at: float
    version: tuple[int, int]
    found: Mapping[int, tuple[Path, ...]]


_listed: dict[Path, _Listed] = {}


def journals_in(folder: Path) -> Mapping[int, tuple[Path, ...]]:
    """The journals of a stage's folder by the numbers of their shards, in the order of their names. Asked for each of
    thousands of shards in a row, it looks now and then: what it says was true within the last 50 ms."""
    try:
        found = folder.stat()
    except FileNotFoundError:
        return {}
    version, known = (found.st_ino, found.st_mtime_ns), _listed.get(folder)
    if known is None or known.version != version or time.monotonic() - known.at > _LISTED_SECONDS:
        known = _listed[folder] = _Listed(time.monotonic(), version, list_journals(folder))
    return known.found


def list_journals(folder: Path) -> dict[int, tuple[Path, ...]]:
    """The same as it is now."""
    found: dict[int, list[Path]] = {}
    with storage(folder):
        names = sorted(entry.name for entry in os.scandir(folder) if entry.name.endswith(".part"))
    for name in names:
        if match := _JOURNAL.fullmatch(name):
            found.setdefault(int(match[1]), []).append(folder / name)
    return {number: tuple(paths) for number, paths in found.items()}


def _forget_list(journal: Path) -> None:
    """This process makes or removes a journal."""
    _listed.pop(journal.parent, None)


class Journal:
    """Append-only lines. Opened at the first write, so a shard that needs nothing leaves no file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None
        self._dirty_since: float | None = None

    def append(self, lines: Sequence[dict[str, Any]]) -> None:
        """Write lines in one go. After an error the file's tail may be torn; the next opening cuts it."""
        data = _encoded(lines)
        with storage(self.path):
            handle = self._open() if self._handle is None else self._handle
            view = memoryview(data)
            try:
                while view:
                    view = view[os.write(handle, view) :]
            except BaseException:
                self._abandon()
                raise
        self._dirty_since = self._dirty_since or time.monotonic()

    def tick(self) -> None:
        """Called at every poll: puts on the disk what has waited there for a second."""
        if self._dirty_since is not None and time.monotonic() - self._dirty_since >= SYNC_SECONDS:
            self.sync()

    def sync(self) -> None:
        """Put on the disk what the operating system holds."""
        if self._handle is None or self._dirty_since is None:
            return
        with storage(self.path):
            os.fsync(self._handle)
        self._dirty_since = None

    def close(self) -> None:
        if self._handle is not None:
            try:
                self.sync()
            finally:
                self._abandon()

    def replace(self, lines: Sequence[dict[str, Any]]) -> None:
        """Make `lines` all that the journal holds, or remove the file when there are none."""
        self._abandon()
        self._dirty_since = None
        if lines:
            write_whole(self.path, _encoded(lines))
            _forget_list(self.path)
        else:
            remove_journal(self.path)

    def _open(self) -> int:
        cut_torn_tail(self.path)
        new = not self.path.exists()
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        observer = observer_of(self.path)
        with nullcontext() if observer is None else observer.changing():
            self._handle = os.open(self.path, flags, 0o644)
            if observer is not None:
                observer.written(self.path)
        if new:
            _forget_list(self.path)
            sync_folder(self.path.parent)
        return self._handle

    def _abandon(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)


def remove_journal(path: Path) -> None:
    """Remove a journal whose lines are all in a sealed file."""
    remove(path)
    _forget_list(path)


def _encoded(lines: Sequence[dict[str, Any]]) -> bytes:
    return b"".join([_line(orjson.dumps(line)) for line in lines])


def _line(document: bytes) -> bytes:
    """A JSON document, a tab, its CRC-32 as eight hexadecimal digits, a line end: one flipped bit in a number would
    otherwise be read as another number."""
    return b"%b\t%08x\n" % (document, crc32(document))


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The whole lines of a journal, oldest first.

    A line that is no JSON object with a row, or that its checksum does not fit, is passed over and costs its row alone:
    after a power loss a block in the middle may be missing while later ones are there.
    """
    with ExitStack() as opened, storage(path):
        try:
            file = opened.enter_context(path.open("rb"))
        except FileNotFoundError:
            return  # never written, or sealed and dropped by a writer just now
        for data in file:
            if not data.endswith(b"\n"):
                return
            if (line := _read(data)) is not None:
                yield line


def broken_lines(path: Path) -> int:
    """How many whole lines of a journal are no JSON object with a row; their rows are made again."""
    with storage(path), path.open("rb") as file:
        return sum(data.endswith(b"\n") and _read(data) is None for data in file)


def _read(data: bytes) -> dict[str, Any] | None:
    """A line with a row's number; None for anything else. Lines of earlier runs have no checksum."""
    document, tab, checksum = data[:-1].rpartition(b"\t")
    if not tab:
        document = data
    elif checksum != b"%08x" % crc32(document):
        return None
    try:
        line = orjson.loads(document)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(line, dict) or type(line.get("row")) is not int or not 0 <= line["row"] < 2**63:
        return None
    return line


def cut_torn_tail(path: Path) -> None:
    """Cut what stands behind the last line end: the line that a kill or a full disk tore."""
    if not path.exists():
        return
    with path.open("rb+") as file:
        end = whole = file.seek(0, os.SEEK_END)
        while whole > 0:
            start = max(0, whole - 65536)
            file.seek(start)
            found = file.read(whole - start).rfind(b"\n")
            if found >= 0:
                whole = start + found + 1
                break
            whole = start
        if whole < end:
            file.truncate(whole)
