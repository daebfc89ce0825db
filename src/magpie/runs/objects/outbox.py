"""What is written into a mirrored folder goes to the bucket, in the order in which it was written.

Sealed files, `run.json` and the recipe go at once, whole, by a thread of their own: work does not wait for a network.
Journals go every `SEND_SECONDS` as numbered segments. A process that is killed loses nothing: what was not sent lies in
the folder, and the next one sends it (`recover`). A machine that is lost loses what it had not sent.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from magpie.errors import StorageError
from magpie.runs.files import observed, storage
from magpie.runs.objects.layout import INDEX_FILES, Segment, is_journal, is_sealed, is_urgent, is_whole, owner_of
from magpie.runs.objects.manifest import Known, Sent, State
from magpie.runs.objects.mirror import Mirror, digest_of, state_of
from magpie.runs.owner import has_ended
from magpie.runs.workers import read_workers

log = logging.getLogger(__name__)

SEND_SECONDS = 5.0
"""Between two segments of a journal."""
PATIENCE = 600.0
"""Seconds that a bucket may refuse everything before the session ends."""
LAST_PATIENCE = 60.0
"""The same when the session ends by itself."""
_PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0)
_SMALL = 1 << 20
"""Bytes of a file up to which it is held in memory until it is sent; a larger one is held open."""


@dataclass(slots=True)
class _Put:
    name: str
    data: bytes | IO[bytes]
    state: State


@dataclass(frozen=True, slots=True)
class _Delete:
    name: str


@dataclass(frozen=True, slots=True)
class _Journal:
    name: str
    """Send what of it was not sent; where it is gone, remove it from the bucket."""


@dataclass(frozen=True, slots=True)
class _Segments:
    """Remove the segments of another's journal, which were merged into a sealed file here."""

    name: str
    numbers: tuple[int, ...]


_Task = _Put | _Delete | _Journal | _Segments


class Outbox:
    """Sends what this process writes. An `Observer` of the mirrored folder.

    with Outbox(mirror).sending() as outbox:
        ...  # write into mirror.folder
        outbox.flush()
    """

    def __init__(self, mirror: Mirror) -> None:
        self.mirror = mirror
        self.check_writer: Callable[[], None] = lambda: None
        """Raises where another process has become the one that writes recipe and index."""
        self._tasks: deque[_Task] = deque()
        self._urgent: dict[str, bytes | None] = {}
        self._journals: set[str] = set()
        """Those that this process writes."""
        self._wake = threading.Condition()
        self._done = 0
        """How many tasks were."""
        self._closing = False
        self._refused: StorageError | None = None
        """What the bucket said last, while it refuses."""
        self._refused_since = 0.0
        self._failed: BaseException | None = None
        """Why nothing more is sent."""

    # -- calls from `magpie.runs.files`

    def changing(self) -> AbstractContextManager[None]:
        return self.mirror.changing()

    def written(self, path: Path) -> None:
        name = self.mirror.name(path)
        if is_journal(name):
            state = state_of(path)
            if self.mirror.manifest.journal(name) is None and state is not None:
                first = max(self.mirror.manifest.segments().get(name, {}), default=0) + 1
                self.mirror.manifest.set_journal(name, Sent(state[0], 0, first, first))
            self._journals.add(name)
            return
        if not is_whole(name):
            return
        if is_urgent(name):
            self._put_urgent(name, path.read_bytes())
            return
        if is_sealed(name):
            self.mirror.manifest.set_present(name)
        if name in INDEX_FILES:
            self.check_writer()
        self._add(self._put_of(name))
        self.check()

    def removed(self, path: Path) -> None:
        name = self.mirror.name(path)
        if is_urgent(name):
            self._put_urgent(name, None)
        elif is_journal(name):
            segments = self.mirror.manifest.segments().get(name, {})
            if self.mirror.manifest.journal(name) is not None:
                self._journals.discard(name)
                self._add(_Journal(name))
            elif segments:
                self._add(_Segments(name, tuple(segments)))
        elif is_whole(name):
            self._add(_Delete(name))

    def check(self) -> None:
        """Raise `StorageError` once nothing more can be sent."""
        if self._failed is not None:
            raise self._failure()

    def flush(self, prefix: str = "", patience: float = PATIENCE) -> None:
        """Wait until all that was written of the files with this prefix is in the bucket, lines of journals too. Raises
        `StorageError` where nothing was sent for `patience` seconds."""
        for name in sorted(self._journals):
            if name.startswith(prefix) and self._has_more(name):
                self._add(_Journal(name))
        with self._wake:
            done, moved = self._done, time.monotonic()
            while any(task.name.startswith(prefix) for task in self._tasks):
                if self._failed is not None:
                    raise self._failure()
                if self._done != done:
                    done, moved = self._done, time.monotonic()
                elif time.monotonic() - moved > patience:
                    raise self._failure()
                self._wake.wait(0.5)

    def _has_more(self, journal: str) -> bool:
        """Whether a journal has lines that were not sent."""
        state, sent = state_of(self.mirror.path(journal)), self.mirror.manifest.journal(journal)
        return sent is not None and (state is None or state[0] != sent.inode or state[2] != sent.sent)

    def _failure(self) -> StorageError:
        why = self._failed or self._refused
        count = len(self.mirror.unsent()) + len(self._journals)
        return StorageError(
            f"{why or self.mirror.address.url + ': no answer'}. {count} files that are not in the bucket yet are kept "
            f"in {self.mirror.folder.parent}: the same command on this machine sends them and goes on"
        )

    # -- what is under way

    @contextmanager
    def sending(self) -> Iterator[Outbox]:
        """Send until the end of the block, and at its end all that is left. Raises `StorageError` where that fails."""
        self.mirror.pending = self.is_pending
        threads = [
            threading.Thread(target=work, name=name, daemon=True)
            for name, work in (("outbox", self._work), ("outbox-urgent", self._work_urgent))
        ]
        for thread in threads:
            thread.start()
        try:
            with observed(self.mirror.folder, self):
                yield self
            self.flush(patience=LAST_PATIENCE)
        except BaseException as error:
            try:
                self.flush(patience=LAST_PATIENCE)
            except StorageError as unsent:
                if not isinstance(error, StorageError):
                    raise unsent from error
            raise
        finally:
            with self._wake:
                self._closing = True
                self._wake.notify_all()
            for thread in threads:
                thread.join(5.0)
            self.mirror.pending = lambda _: False

    def recover(self) -> None:
        """Send what an earlier process of this machine wrote and did not send."""
        self.mirror.tidy()
        at_work = {worker.owner for worker in read_workers(self.mirror.folder) if not has_ended(worker.process)}
        for name in self.mirror.unsent():
            with self.mirror.changing(), suppress(FileNotFoundError):
                if not is_urgent(name):
                    self._add(self._put_of(name))
                elif owner_of(name) not in at_work:
                    self.mirror.path(name).unlink()
        for name in self.mirror.unsent_journals():
            if owner_of(name) in at_work:
                continue  # another process of this machine, which sends it
            path = self.mirror.path(name)
            if self.mirror.manifest.journal(name) is None and (state := state_of(path)) is not None:
                self.mirror.manifest.set_journal(name, Sent(state[0], 0, 1, 1))
            self._add(_Journal(name))
        self.flush(patience=LAST_PATIENCE)

    def is_pending(self, name: str) -> bool:
        """Whether a file of the run is on its way to the bucket."""
        with self._wake:
            return name in self._urgent or any(task.name == name for task in self._tasks)

    def _put_of(self, name: str) -> _Put:
        path = self.mirror.path(name)
        state = state_of(path)
        if state is None:
            raise FileNotFoundError(name)
        handle = path.open("rb")
        if state[2] > _SMALL:
            return _Put(name, handle, state)
        with handle:
            return _Put(name, handle.read(), state)

    def _add(self, task: _Task) -> None:
        with self._wake:
            self._tasks.append(task)
            self._wake.notify_all()

    def _put_urgent(self, name: str, data: bytes | None) -> None:
        with self._wake:
            self._urgent[name] = data
            self._wake.notify_all()

    # -- the threads

    def _work(self) -> None:
        sent = time.monotonic()
        while True:
            with self._wake:
                while not self._tasks and not self._closing:
                    left = sent + SEND_SECONDS - time.monotonic()
                    if left <= 0:
                        break
                    self._wake.wait(left)
                if self._closing and not self._tasks:
                    return
                task = self._tasks[0] if self._tasks else None
            try:
                if task is not None:
                    self._try(task)
                    with self._wake:
                        self._tasks.popleft()  # only now: it was pending until here
                        self._done += 1
                        self._wake.notify_all()
                if time.monotonic() - sent >= SEND_SECONDS:
                    sent = time.monotonic()
                    for name in sorted(self._journals):
                        if self._has_more(name):
                            self._try(_Journal(name))
            except BaseException as error:  # the next writer raises it
                with self._wake:
                    self._failed = error
                    self._wake.notify_all()
                return

    def _try(self, task: _Task) -> None:
        """Do it, as often as it takes; raises `StorageError` when patience ends."""
        for pause in (*_PAUSES, *(_PAUSES[-1:] * 10_000)):
            try:
                self._do(task)
                self._refused = None
                return
            except StorageError as error:
                now = time.monotonic()
                if self._refused is None:
                    self._refused_since = now
                self._refused = error
                log.warning("%s; trying again", error)
                if self._closing or now - self._refused_since > PATIENCE:
                    raise
            with self._wake:
                self._wake.wait_for(lambda: self._closing, pause)

    def _do(self, task: _Task) -> None:
        match task:
            case _Put():
                self._send(task)
            case _Delete():
                self.mirror.store.delete([task.name])
                self.mirror.manifest.forget_object(task.name)
            case _Journal():
                self._send_journal(task.name)
            case _Segments():
                self.mirror.store.delete([Segment(task.name, number).name for number in task.numbers])
                self.mirror.manifest.set_segments(task.name, {})

    def _send(self, task: _Put) -> None:
        if not isinstance(task.data, bytes):
            task.data.seek(0)
        data = task.data if isinstance(task.data, bytes) else task.data.read()
        manifest, digest = self.mirror.manifest, digest_of(data)
        before = manifest.object(task.name)
        manifest.set_object(task.name, before._replace(put=digest) if before else Known("", (0, 0, 0), digest))
        etag = self.mirror.store.put(task.name, data)
        manifest.set_object(task.name, Known(etag, task.state, digest))
        if not isinstance(task.data, bytes):
            task.data.close()

    def _send_journal(self, name: str) -> None:
        manifest, path = self.mirror.manifest, self.mirror.path(name)
        sent = manifest.journal(name)
        if sent is None:
            return
        try:
            with storage(path), path.open("rb") as file:
                inode, replaced = state_of(path), False
                if inode is not None and (inode[0] != sent.inode or inode[2] < sent.sent):
                    replaced = True  # by a shorter one: its rows are in a sealed file
                file.seek(0 if replaced else sent.sent)
                data = file.read()
        except FileNotFoundError:
            data, inode, replaced = b"", None, True
        except StorageError as error:
            if not isinstance(error.__cause__, FileNotFoundError):
                raise
            data, inode, replaced = b"", None, True
        data = data[: data.rfind(b"\n") + 1]
        old = [Segment(name, number).name for number in range(sent.first, sent.next)] if replaced else []
        if data:
            self.mirror.store.put(Segment(name, sent.next).name, data)
            first, begin = (sent.next, 0) if replaced else (sent.first, sent.sent)
            if not replaced:
                manifest.set_journal(name, Sent(sent.inode, begin + len(data), first, sent.next + 1))
        if old:
            self.mirror.store.delete(old)
        if inode is None:
            manifest.forget_journal(name)
        elif replaced:
            following = sent.next + bool(data)
            manifest.set_journal(name, Sent(inode[0], len(data), sent.next, following))

    def _work_urgent(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: bool(self._urgent) or self._closing)
                if not self._urgent:
                    return
                name, data = next(iter(self._urgent.items()))
            with suppress(StorageError):  # a later beat may be sent
                if data is None:
                    self.mirror.store.delete([name])
                    self.mirror.manifest.forget_object(name)
                elif (state := state_of(self.mirror.path(name))) is not None:
                    etag = self.mirror.store.put(name, data)
                    self.mirror.manifest.set_object(name, Known(etag, state, digest_of(data)))
            with self._wake:
                if self._urgent.get(name) is data:
                    del self._urgent[name]
