"""Who writes the recipe and the index of a run in a bucket: one process, until it leaves or is lost.

The record `leases/writer` holds a counter that moves every `BEAT_SECONDS`. The place is free when the counter has stood
still for `LOST_SECONDS` on the watcher's own monotonic clock, and at once where a process of the watcher's own machine
had it and has ended.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

import orjson

from magpie.errors import RunError, StorageError
from magpie.runs.objects.layout import WRITER
from magpie.runs.objects.store import ObjectStore, Stored
from magpie.runs.owner import Process, has_ended, owner_name, this_process

log = logging.getLogger(__name__)

BEAT_SECONDS = 15.0
LOST_SECONDS = 60.0
_LOOK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class _Record:
    owner: str | None
    """None once it has left."""
    process: Process
    counter: int = 0

    def encode(self) -> bytes:
        return orjson.dumps(asdict(self))


class Writer:
    """The place of the one writer, while this process has it."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._record = _Record(owner_name(), this_process())
        self._etag = ""
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._taken_by: str | None = None

    @contextmanager
    def held(self) -> Iterator[Writer]:
        """Have the place until the end of the block. Raises `RunError` where another process has it."""
        self._etag = self._take()
        thread = threading.Thread(target=self._beat, name="writer", daemon=True)
        thread.start()
        try:
            yield self
            self.check()
        finally:
            self._stop.set()
            thread.join()
            if self._taken_by is None:
                with suppress(StorageError):
                    self._store.replace(WRITER, replace(self._record, owner=None).encode(), self._etag)

    def check(self) -> None:
        """Raise `RunError` where another process has taken the place, since nothing was heard of this one."""
        if self._taken_by is not None:
            raise RunError(
                f"{self._store.address.url}: {self._taken_by} has gone on with this run, since nothing was heard of "
                "this process for a minute; what it made is in the run"
            )

    def _take(self) -> str:
        watched, since = "", time.monotonic()
        while True:
            found = self._store.get(WRITER)
            put = self._store.create(WRITER, self._record.encode()) if found is None else None
            if found is not None:
                record = _decode(found.data)
                if record is not None and record.owner == self._record.owner:
                    return found.etag  # put by this process, whose answer was lost
                if found.etag != watched:
                    if watched:
                        raise RunError(
                            f"{self._store.address.url}: another process is working on this run; wait for it, or stop "
                            "it, then try again"
                        )
                    watched, since = found.etag, time.monotonic()
                if _is_free(record) or time.monotonic() - since > LOST_SECONDS:
                    put = self._store.replace(WRITER, self._record.encode(), found.etag)
                    watched = ""
                elif time.monotonic() - since < _LOOK_SECONDS / 2:
                    log.warning(
                        "%s: %s had this run and left without a word; waiting for a minute to see whether it works",
                        self._store.address.url,
                        record.owner if record else "another process",
                    )
            if put is not None:
                return put
            if watched:
                time.sleep(_LOOK_SECONDS)

    def _beat(self) -> None:
        while not self._stop.wait(BEAT_SECONDS):
            with suppress(StorageError):
                self._record = replace(self._record, counter=self._record.counter + 1)
                etag = self._store.replace(WRITER, self._record.encode(), self._etag)
                if etag is None:
                    etag = self._look_again()
                if etag is None:
                    return
                self._etag = etag

    def _look_again(self) -> str | None:
        """The record's etag where it is still this process'."""
        found: Stored | None = self._store.get(WRITER)
        record = None if found is None else _decode(found.data)
        if found is not None and record is not None and record.owner == self._record.owner:
            return found.etag
        self._taken_by = "another process" if record is None or record.owner is None else record.owner
        return None


def _is_free(record: _Record | None) -> bool:
    return record is None or record.owner is None or has_ended(record.process)


def _decode(data: bytes) -> _Record | None:
    """A record; None for what no magpie wrote."""
    try:
        plain: Any = orjson.loads(data)
        process = Process(
            str(plain["process"]["machine"]), int(plain["process"]["pid"]), int(plain["process"]["started"])
        )
        owner = plain["owner"]
        return _Record(owner if owner is None else str(owner)[:100], process, int(plain["counter"]))
    except (ValueError, KeyError, TypeError):
        return None
