"""A run in a bucket as the rest of magpie meets it: the folder that an address stands for, and work in that folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from magpie.runs.files import bring_from
from magpie.runs.leases import LeaseStore
from magpie.runs.objects.addresses import Address, address_of
from magpie.safe.names import name_for
from magpie.safe.paths import expanded

if TYPE_CHECKING:  # loaded where a run is in a bucket
    from magpie.runs.objects.mirror import Mirror
    from magpie.runs.objects.records import ObjectRecords

_mirrors: dict[Path, Mirror] = {}
"""Of this process, by their folders."""
_working: dict[Path, ObjectRecords] = {}


def located(given: str | Path) -> Path:
    """The folder of a run: the path that a user gave, with `~` written out; of an address in a bucket, the folder of
    this machine that mirrors it, as the bucket is now.

    located("s3://bucket/runs/air")  # /home/me/.cache/magpie/objects/3f2a91c04b771d20/air
    """
    address = address_of(given)
    if address is None:
        return expanded(given)
    mirror = _mirror_of(address)
    if mirror.folder not in _working:
        mirror.pull()
    return mirror.folder


def _mirror_of(address: Address) -> Mirror:
    from magpie.runs.objects.mirror import Mirror

    mirror = Mirror(address)
    known = _mirrors.setdefault(mirror.folder, mirror)
    name_for(known.folder, address.url)
    bring_from(known.folder, known.bring)
    return known


def mirror_at(folder: Path) -> Mirror | None:
    """The mirror whose folder this is; None for any other folder."""
    return _mirrors.get(folder) if _mirrors else None


def send_all(folder: Path) -> None:
    """Wait until what this process has written into a run's folder is in its bucket, if it is in one."""
    if folder in _working:
        _working[folder].send_all()


def remove_records(folder: Path) -> None:
    """Remove the records of leases of a run in a bucket: nobody is there who has any."""
    if folder in _working:
        _working[folder].remove_all()


@contextmanager
def working(folder: Path, *, writer: bool = False) -> Iterator[LeaseStore | None]:
    """Work in a run's folder: where it mirrors a bucket, what is written there goes to the bucket until the end of the
    block. Gives the bucket's records, and None for a folder of its own.

    writer: be the one that writes recipe and index; raises `RunError` where another process is.
    """
    mirror = mirror_at(folder)
    if mirror is None or folder in _working:
        yield None if mirror is None else _working[folder]
        return
    from magpie.runs.objects.news import listening
    from magpie.runs.objects.outbox import Outbox
    from magpie.runs.objects.records import ObjectRecords, check_conditional
    from magpie.runs.objects.writer import Writer

    check_conditional(mirror)
    outbox = Outbox(mirror)
    with Writer(mirror.store).held() if writer else nullcontext() as place, outbox.sending():
        if place is not None:
            outbox.check_writer = place.check
        mirror.pull()
        outbox.recover()
        records = _working[folder] = ObjectRecords(mirror, outbox)
        try:
            with listening(mirror):
                yield records
        finally:
            del _working[folder]
