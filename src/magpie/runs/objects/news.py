"""Brings what others put into a bucket, now and then, while this process works on the run.

Who works is looked at every `LOOK_SECONDS`: a counter that stands still is how a lost worker is known. All else is
looked at only while others are there. What a record of a lease says is brought with the record, not by this.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from magpie.errors import StorageError
from magpie.runs.objects.mirror import Mirror

log = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
_ALL_SECONDS = 10.0
"""Between two looks at all of a run."""


@contextmanager
def listening(mirror: Mirror) -> Iterator[None]:
    """Look for news until the end of the block."""
    stop = threading.Event()
    thread = threading.Thread(target=_listen, args=(mirror, stop), name="news", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10.0)


def _listen(mirror: Mirror, stop: threading.Event) -> None:
    looked = time.monotonic()
    while not stop.wait(LOOK_SECONDS):
        try:
            if mirror.pull_workers() and time.monotonic() - looked >= _ALL_SECONDS:
                mirror.pull()
                looked = time.monotonic()
        except StorageError as error:
            log.warning("%s; looking again", error)
