"""A local folder that mirrors a run in a bucket: new objects are downloaded, file by file.

It is also the spool of local workers: a file that was written here and is not yet in the bucket is never replaced by an
older one. Processes of this machine share it; a lock of a file keeps them from putting two files in one place at once.
"""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from hashlib import blake2b
from itertools import takewhile
from pathlib import Path

from filelock import FileLock

from magpie.errors import StorageError
from magpie.runs.files import make_folder, storage
from magpie.runs.objects.addresses import Address, cache_of
from magpie.runs.objects.layout import WORKERS, Segment, is_journal, is_sealed, is_whole, segment_of, shard_of
from magpie.runs.objects.manifest import Known, Manifest, State
from magpie.runs.objects.store import Listed, ObjectStore, Stored
from magpie.runs.owner import owner_name

_FOOTER = 1 << 16
"""Bytes of a sealed file's end that are read first: of a file of more than `_LARGE` no others, until its values are."""
_LARGE = 4 * _FOOTER
_LEFT_SECONDS = 86400.0
"""After so long a file that was to be brought is nobody's."""
_AT_ONCE = 8
"""Objects that are read at a time."""
_LOOKS = 5
"""How often a bucket is listed again when a listed object is gone at reading: another process sealed its shard."""


class Mirror:
    """A run in a bucket and its folder here.

    mirror = Mirror(address_of("s3://bucket/runs/air"))
    mirror.pull()
    open_run(mirror.folder)
    """

    def __init__(self, address: Address, store: ObjectStore | None = None) -> None:
        self.address = address
        self.store = store or ObjectStore(address)
        root = cache_of(address)
        make_folder(root, synced=False)
        self.folder = root / address.name
        self.manifest = Manifest(root / "manifest.sqlite")
        self._arriving = root / "arriving"
        self.pending: Callable[[str], bool] = lambda _: False
        """Whether a file of this process is on its way to the bucket."""
        self._lock = threading.RLock()
        self._file_lock = FileLock(root / "mirror.lock", thread_local=False)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Be the only one on this machine who puts files in their places."""
        with self._lock, storage(self.folder), self._file_lock:
            yield

    def path(self, name: str) -> Path:
        return self.folder / name

    def name(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()

    # -- from the bucket

    def pull(self) -> None:
        """Bring what is new, and drop what is no longer there. Raises `StorageError`."""
        for look in range(_LOOKS):
            if self._pulled("", lambda: list(self.store.list())):
                return
            time.sleep(0.1 * 2**look)

    def pull_workers(self) -> bool:
        """The same for the files of those who work on the run. Whether there are any but this process."""
        for look in range(_LOOKS):
            if self._pulled(f"{WORKERS}/", lambda: list(self.store.list(WORKERS))):
                break
            time.sleep(0.1 * 2**look)
        return any(owner_name() not in name for name in self.manifest.objects() if name.startswith(f"{WORKERS}/"))

    def pull_shard(self, shard: str) -> None:
        """The same for the files of one shard, such as `4-respond-77ab02aa/00007`."""
        folder = shard.partition("/")[0]
        for look in range(_LOOKS):
            # Names sort as their bytes do: "00007.OWNER.part/000001" to "00007.sum" lie between "00007" and "00007/".
            found = takewhile(lambda each: each.name < f"{shard}/", self.store.list(folder, start=shard))
            if self._pulled(f"{shard}.", lambda found=found: list(found)):  # type: ignore[misc]
                return
            time.sleep(0.1 * 2**look)

    def _pulled(self, prefix: str, look: Callable[[], list[Listed]]) -> bool:
        """Whether everything that was listed was there to be read. What is known here is looked up first: what another
        process puts after the bucket is listed is then not taken for what was removed."""
        known, own, had = self.manifest.objects(), self.manifest.journals(), self.manifest.segments()
        listing = look()
        whole = {each.name: each for each in listing if is_whole(each.name)}
        changed = {name for name, each in whole.items() if self._is_news(name, each.etag, known.get(name))}
        shards: dict[str, list[str]] = {}
        for name in sorted(changed):
            shards.setdefault(shard_of(name), []).append(name)
        journals: dict[str, dict[int, str]] = {}
        for each in listing:
            if (segment := segment_of(each.name)) is not None:
                journals.setdefault(segment.journal, {})[segment.number] = each.etag
        others = {name: segments for name, segments in journals.items() if name not in own and not self.pending(name)}
        news = [name for name, segments in others.items() if had.get(name) != segments]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            sizes = {name: each.size for name, each in whole.items()}
            fetched = [pool.submit(self._fetch_shard, names, known, sizes) for names in shards.values()]
            fetched += [pool.submit(self._fetch_journal, name, journals[name], had.get(name, {})) for name in news]
            results = [future.result() for future in fetched]
        complete = all(results)
        if complete:
            self._drop((n for n in known if n.startswith(prefix) and n not in whole), known)
            for name in had:
                if name.startswith(prefix) and name not in journals:
                    self._drop_journal(name)
        return complete

    def _is_news(self, name: str, etag: str, known: Known | None) -> bool:
        if self.pending(name):
            return False
        return known is None or known.etag != etag or state_of(self.path(name)) is None

    def bring(self, parquets: Sequence[Path]) -> None:
        """Have sealed files here, whole."""
        absent = self.manifest.absent()
        if not absent:
            return
        files = {name: [name] for path in parquets if (name := self.name(path)) in absent}
        for name, together in files.items():
            if self.path(digests := f"{shard_of(name)}.sum").exists():
                together.append(digests)
        known = self.manifest.objects()
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            brought = list(pool.map(lambda together: self._fetch_shard(together, known, {}), files.values()))
        if gone := [name for name, here in zip(files, brought, strict=True) if not here]:
            raise StorageError(f"{self.address.url}/{gone[0]}: it was there, and is gone now: look at the run again")

    def _fetch_shard(self, names: list[str], known: Mapping[str, Known], sizes: Mapping[str, int]) -> bool:
        """Bring a file, or a sealed file with its digest: the digest is read after the file, and both again where they
        are not of one another, as while they are replaced. Of a large file only its end. False where one is gone."""
        if large := [name for name in names if is_sealed(name) and sizes.get(name, 0) > _LARGE]:
            end = self.store.get_end(large[0], _FOOTER)
            if end is None:
                return False
            if _has_footer(end.data):
                self._install(large[0], end, known.get(large[0]), sizes[large[0]])
                names = [name for name in names if name not in large]
        for look in range(_LOOKS):
            found = {name: self.store.get(name) for name in names}
            if any(each is None for each in found.values()):
                return False
            if _agree({name: each.data for name, each in found.items() if each is not None}):
                break
            time.sleep(0.1 * 2**look)
        for name in sorted(found, key=lambda name: not name.endswith(".sum")):
            if (each := found[name]) is not None:
                self._install(name, each, known.get(name))
        return True

    def _install(self, name: str, found: Stored, before: Known | None, size: int | None = None) -> None:
        """Write a downloaded object to its path, unless a file is there that the bucket does not have yet. before: what
        was known of it before the request. size: that of the whole object, where only its end was read."""
        path, digest = self.path(name), digest_of(found.data)
        make_folder(path.parent, synced=False)
        temporary = self._incoming()
        with self.changing():
            known, state = self.manifest.object(name), state_of(path)
            if known is not None and (before is None or known.etag != before.etag):
                return  # it was put, or brought, since: what was read may be older
            if state is not None and (known is None or known.state != state):
                if self.pending(name):
                    return
                if known is not None and known.put == digest:  # what this machine put before it wrote this
                    self.manifest.set_object(name, known._replace(etag=found.etag))
                    return
                if digest_of(path.read_bytes()) == digest:
                    self.manifest.set_object(name, Known(found.etag, state, digest))
                    return
            if size is not None:
                self.manifest.set_absent(name)
            with temporary.open("wb") as file:
                file.seek(0 if size is None else max(0, size - len(found.data)))
                file.write(found.data)
            temporary.replace(path)
            self.manifest.set_object(name, Known(found.etag, _state(path), digest))
            if size is None:
                self.manifest.set_present(name)

    def _fetch_journal(self, name: str, segments: dict[int, str], had: dict[int, str]) -> bool:
        """Bring a journal that another machine writes. False where a part of it is gone."""
        grown = bool(had) and had.items() <= segments.items() and max(had) < min(segments.keys() - had.keys())
        parts = []
        for number in sorted(segments.keys() - had.keys() if grown else segments):
            if (found := self.store.get(Segment(name, number).name)) is None:
                return False
            parts.append(found.data)
        path = self.path(name)
        make_folder(path.parent, synced=False)
        with self.changing():
            if self.manifest.journal(name) is not None or self.manifest.segments().get(name, {}) != had:
                return True  # it is written on this machine, or another process of this machine has brought it
            if not had and path.exists():
                return True  # written here, as far as can be told: what was known of it is lost
            if grown and path.exists():
                with path.open("ab") as file:
                    file.write(b"".join(parts))
            elif grown:
                return True  # it was merged into a sealed file just now
            else:
                temporary = self._incoming()
                temporary.write_bytes(b"".join(parts))
                temporary.replace(path)
            self.manifest.set_segments(name, segments)
        return True

    def _incoming(self) -> Path:
        """A new file beside the run's folder: a session of this process may be writing the same file of the run, under
        its own temporary name."""
        make_folder(self._arriving, synced=False)
        return self._arriving / uuid.uuid4().hex

    def tidy(self) -> None:
        """Remove what processes that were killed while they brought a file have left."""
        with suppress(FileNotFoundError):
            for entry in self._arriving.iterdir():
                if time.time() - entry.stat().st_mtime > _LEFT_SECONDS:
                    entry.unlink(missing_ok=True)

    def _drop(self, names: Iterable[str], known: dict[str, Known]) -> None:
        """Remove files whose objects are gone, those that were changed here left out."""
        for name in names:
            path = self.path(name)
            with self.changing():
                state = state_of(path)
                if self.pending(name) or (state is not None and state != known[name].state) or not known[name].etag:
                    continue
                path.unlink(missing_ok=True)
                self.manifest.forget_object(name)

    def _drop_journal(self, name: str) -> None:
        with self.changing():
            if self.manifest.journal(name) is None and not self.pending(name):
                self.path(name).unlink(missing_ok=True)
                self.manifest.set_segments(name, {})

    # -- what the bucket does not have

    def unsent(self) -> list[str]:
        """Files that were written here and are not in the bucket as they are, in the order in which they are put: a
        digest before its file, and `run.json`, which makes a folder a run, last."""
        known = self.manifest.objects()
        whole = [name for name in self._files() if is_whole(name)]
        found = [name for name in whole if name not in known or known[name].state != state_of(self.path(name))]
        return sorted(found, key=lambda name: (name == "run.json", not name.endswith(".sum"), name))

    def unsent_journals(self) -> list[str]:
        """Journals that were written here, with those that are gone and may still be in the bucket."""
        own, others = self.manifest.journals(), self.manifest.segments()
        return sorted({*own, *(name for name in self._files() if is_journal(name) and name not in others)})

    def _files(self) -> Iterator[str]:
        if not self.folder.is_dir():
            return
        for entry in os.scandir(self.folder):
            if entry.is_file(follow_symlinks=False):
                yield entry.name
            elif entry.is_dir(follow_symlinks=False):
                yield from (f"{entry.name}/{each.name}" for each in os.scandir(entry.path))


def state_of(path: Path) -> State | None:
    """What identifies a version of a file; None where there is no file."""
    try:
        return _state(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _state(path: Path) -> State:
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size


def _has_footer(end: bytes) -> bool:
    """Whether the end of a Parquet file holds all of its footer."""
    return end.endswith(b"PAR1") and int.from_bytes(end[-8:-4], "little") + 8 <= len(end)


def digest_of(data: bytes) -> str:
    return blake2b(data, digest_size=16).hexdigest()


def _agree(found: dict[str, bytes]) -> bool:
    """Whether a sealed file is one that the digest beside it names; True where not both were read."""
    parquet = next((data for name, data in found.items() if is_sealed(name)), None)
    digests = next((data for name, data in found.items() if name.endswith(".sum")), None)
    return parquet is None or digests is None or digest_of(parquet).encode() in digests
