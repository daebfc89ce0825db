"""One shard's open journal: a file of JSON lines that only grows until the shard is sealed.

Survives `kill -9` (lines reach the operating system at every write) and power loss (they reach the disk each
second). Knows lines, not rows: what a line means is `shards`' business.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from magpie.runs.files import remove, storage

SYNC_SECONDS = 1.0


class Journal:
    """Append-only lines. Opened at the first write, so a shard that needs nothing leaves no file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None
        self._synced = 0.0

    def append(self, lines: Sequence[dict[str, Any]]) -> None:
        """Write lines in one go. After an error the file's tail may be torn; the next opening cuts it."""
        data = b"".join([orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines])
        with storage(self.path):
            handle = self._open() if self._handle is None else self._handle
            view = memoryview(data)
            try:
                while view:
                    view = view[os.write(handle, view) :]
            except BaseException:
                self._abandon()
                raise
            if time.monotonic() - self._synced >= SYNC_SECONDS:
                self.sync()

    def sync(self) -> None:
        """Put on the disk what the operating system holds."""
        if self._handle is None:
            return
        with storage(self.path):
            os.fsync(self._handle)
        self._synced = time.monotonic()

    def close(self) -> None:
        if self._handle is not None:
            try:
                self.sync()
            finally:
                self._abandon()

    def drop(self) -> None:
        """Its rows are sealed elsewhere: remove the file."""
        if self._handle is not None:
            self._abandon()
        remove(self.path)

    def _open(self) -> int:
        cut_torn_tail(self.path)
        self._handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._synced = time.monotonic()
        return self._handle

    def _abandon(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The whole lines of a journal, oldest first.

    A line that is not JSON is passed over and costs its row alone: after a power loss a block in the middle may be
    missing while later ones are there.
    """
    if not path.exists():
        return
    with storage(path), path.open("rb") as file:
        for data in file:
            if not data.endswith(b"\n"):
                return
            try:
                line = orjson.loads(data)
            except orjson.JSONDecodeError:
                continue
            if isinstance(line, dict) and isinstance(line.get("row"), int):
                yield line


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
