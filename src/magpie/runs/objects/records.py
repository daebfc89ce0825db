"""Records in a bucket that several workers change: created by If-None-Match, replaced by If-Match. A `LeaseStore`.

The rows that a record refers to are uploaded before the record, and downloaded once the record was read: a process that
reads that a range is done finds its lines.
"""

from __future__ import annotations

import time

from magpie.errors import StorageError
from magpie.runs.leases import Stored, Version
from magpie.runs.objects.layout import LEASES, WRITER
from magpie.runs.objects.mirror import Mirror
from magpie.runs.objects.outbox import Outbox
from magpie.runs.owner import owner_name

READ_SECONDS = 1.0
"""How long a record stays cached after it was read: a waiting worker reads it often. A write that is based on an
outdated record fails with a conflict. Seconds."""


class ObjectRecords:
    """The records of a run that this process works on."""

    def __init__(self, mirror: Mirror, outbox: Outbox) -> None:
        self._mirror, self._outbox = mirror, outbox
        self._seen: dict[str, Version] = {}
        """The versions up to which a shard's files are here."""
        self._read: dict[str, tuple[float, Stored | None]] = {}

    def read(self, name: str) -> Stored | None:
        at, known = self._read.get(name, (-1e9, None))
        if time.monotonic() - at < READ_SECONDS:
            return known
        at, found = time.monotonic(), self._mirror.store.get(f"{LEASES}/{name}")
        if found is not None and self._seen.get(name) != found.etag:
            if "/" in name:
                self._mirror.pull_shard(name)
            self._seen[name] = found.etag
        known = None if found is None else Stored(found.data, found.etag)
        self._read[name] = at, known
        return known

    def create(self, name: str, data: bytes) -> Version | None:
        self._send(name)
        return self._put(name, data, self._mirror.store.create(f"{LEASES}/{name}", data))

    def replace(self, name: str, data: bytes, version: Version) -> Version | None:
        self._send(name)
        return self._put(name, data, self._mirror.store.replace(f"{LEASES}/{name}", data, version))

    def send_all(self) -> None:
        """Wait until everything that this process has written is in the bucket."""
        self._outbox.flush()

    def remove_all(self) -> None:
        """Remove every record but the writer's, who is there until it leaves."""
        names = [each.name for each in self._mirror.store.list(LEASES)]
        self._mirror.store.delete([name for name in names if name != WRITER])
        self._read, self._seen = {}, {}

    def _send(self, name: str) -> None:
        if "/" in name:
            self._outbox.flush(f"{name}.")

    def _put(self, name: str, data: bytes, etag: str | None) -> Version | None:
        self._read.pop(name, None)
        if etag is not None:
            self._seen[name] = etag
            self._read[name] = time.monotonic(), Stored(data, etag)
        return etag


def check_conditional(mirror: Mirror) -> None:
    """Raise `StorageError` where the server puts an object whatever the condition says: two workers would then both
    have the same rows."""
    store, name = mirror.store, f"{LEASES}/probe-{owner_name()}"
    try:
        etag = store.create(name, b"1")
        keeps = etag is None or (
            store.create(name, b"2") is None
            and store.replace(name, b"3", '"0123456789abcdef0123456789abcdef"') is None
            and store.replace(name, b"4", etag) is not None
        )
    finally:
        store.delete([name])
    if not keeps:
        raise StorageError(
            f"{mirror.address.url}: this server does not heed conditional puts (If-None-Match, If-Match), without "
            "which two processes would overwrite each other's work. Nothing was written. Expected Amazon S3, Google "
            "Cloud Storage, Azure Blob Storage, or a server that knows them, such as a current MinIO, Ceph or R2"
        )
