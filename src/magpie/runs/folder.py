"""A run's folder: what makes it one, who may write to it, and where each stage keeps its rows.

    runs/air/
      recipe.yaml             as resolved; no secret ever
      run.json                format, versions, an index of the stage folders, what each session took
      timeline.parquet        rows and tokens over time
      lock                    held by the one `magpie run` that writes run.json
      workers/, leases/       who works on it, and on which rows
      1-instruct-3f2a9144/    00000.parquet, and 00000.OWNER.part while it is being made

`run.json` lists for readers what is there. It does not decide what is pending: that follows from the recipe and the
files alone. Knows no recipe, no stage and no engine.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from shutil import rmtree
from typing import Any

import orjson
from filelock import FileLock, Timeout

from magpie.columns import Column
from magpie.errors import RunError
from magpie.runs.files import make_folder, remove, storage, write_whole
from magpie.runs.index import STAGE_FOLDER, Kind, check_index
from magpie.runs.objects.work import working
from magpie.runs.owner import OWNER, owner_name
from magpie.runs.shards import ShardFiles, content_digest, shard_files
from magpie.runs.timeline import TIMELINE
from magpie.runs.workers import LEASES, WORKERS, read_workers, with_workers
from magpie.safe.shell import quoted
from magpie.safe.terminal import one_line

FORMAT = 1
"""Of the folder and its files. A reader refuses a larger one."""

_RECIPE, _INDEX, _LOCK, _SCRATCH = "recipe.yaml", "run.json", "lock", "scratch"
_CHECKSUM = "checksum"
_LOCK_SECONDS = 0.2
"""How long to wait for the lock: `is_locked` holds it for microseconds."""
_OURS = r"recipe\.yaml|run\.json|timeline\.parquet|\d{5,}\.(?:parquet|sum)|" + rf"\d{{5,}}(?:\.{OWNER})?\.part"
_LEFT_OVER = re.compile(rf"(?:{_OURS})\.(\d+|{OWNER})\.tmp")
"""Named after its writer; earlier magpies took the number of the process for that."""
_SCRATCH_FOLDER = re.compile(rf"{_SCRATCH}(?:\.({OWNER}))?")
_SHARD = re.compile(rf"(\d{{5,}})\.(?:parquet|(?:{OWNER}\.)?part)")


class BrokenIndex(RunError):
    """`run.json` is not what magpie wrote. It can be rebuilt: rows follow from the recipe and the files alone."""


@dataclass(frozen=True, slots=True)
class StageFolder:
    """One stage's rows in a run: its folder, its name and its columns."""

    path: Path
    stage: str
    columns: tuple[Column, ...]
    reads: tuple[str, ...] = ()
    """The columns of earlier stages that its rows are made from."""
    kind: Kind = "row"

    @classmethod
    def of_entry(cls, run: Path, entry: Mapping[str, Any]) -> StageFolder:
        """The folder that an entry of `run.json` names."""
        columns = tuple(Column(**column) for column in entry["columns"])
        return cls(run / entry["folder"], entry["stage"], columns, tuple(entry["reads"]), entry.get("kind", "row"))

    def make(self) -> None:
        """Make the folder, if it is not there."""
        make_folder(self.path)

    @property
    def scratch(self) -> Path:
        """Where this process may keep what does not fit into memory while it works on the stage."""
        return self.path / f"{_SCRATCH}.{owner_name()}"

    def shard(self, number: int) -> ShardFiles:
        return shard_files(self.path, number)

    def shards(self) -> list[int]:
        """The numbers of the shards that have a file, in order."""
        if not self.path.is_dir():
            return []
        return sorted({int(m[1]) for entry in self.path.iterdir() if (m := _SHARD.fullmatch(entry.name))})

    def count(self, size: int) -> int:
        """How many of the first `size` rows have been made, sealed or in a journal, with or without an error."""
        tables = [self.shard(number).rows(self.columns).column("row").to_pylist() for number in self.shards()]
        return sum(row < size for rows in tables for row in rows)

    def sizes(self) -> tuple[int, int, int]:
        """The rows of the sealed shards, the bytes of their data, and those of the rest of the largest file, which does
        not grow with its rows."""
        rows = data = rest = 0
        for number in self.shards():
            if (found := self.shard(number).sizes()) is not None:
                rows, data, rest = rows + found[0], data + found[1], max(rest, found[2])
        return rows, data, rest

    def makers(self, above: Sequence[StageFolder]) -> list[tuple[StageFolder, list[str]]]:
        """The stages of `above` that make what this one reads, each with those columns. Where two make a column, such
        as an import and a stage that judges it again, the later one counts."""
        last = {column.name: maker for maker in above for column in maker.columns}
        found = [(maker, [name for name in self.reads if last.get(name) is maker]) for maker in above]
        return [(maker, columns) for maker, columns in found if columns]

    def read_digest(self, above: Sequence[StageFolder], number: int) -> str:
        """A digest of the sealed shards that a shard's rows are made from."""
        return " ".join(content_digest(maker.shard(number)) for maker, _ in self.makers(above))

    def legacy_corpus_digest(self, above: Sequence[StageFolder], size: int) -> str:
        """What earlier magpies took for the input of a stage over the whole run: each file of every stage before it."""
        known = [(maker.path.name, n, content_digest(maker.shard(n))) for maker in above for n in maker.shards()]
        return blake2b(repr((size, known)).encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A folder that is a run, or may become one."""

    path: Path

    def is_run(self) -> bool:
        return (self.path / _INDEX).is_file()

    def index(self) -> dict[str, Any]:
        """`run.json`, with the sessions of workers that are in files of their own as yet. Raises `RunError` when the
        folder is no run, or one that a newer magpie made, and `BrokenIndex` when the file is not what magpie wrote."""
        self._check_name()
        if not self.path.exists():
            raise RunError(f"{self.path}: there is nothing here; give the folder that `magpie run` wrote")
        if not self.is_run():
            raise RunError(f"{self.path}: not a run (it has no {_INDEX}); give the folder that `magpie run` wrote")
        with storage(self.path / _INDEX):
            data = (self.path / _INDEX).read_bytes()
        try:
            index = orjson.loads(data)
            if not isinstance(index, dict) or type(index.get("format")) is not int or index["format"] < 1:
                raise ValueError("expected an object with the number of its format")
            if index["format"] <= FORMAT:
                _check_sum(index)
                check_index(index)
                index["sessions"] = with_workers(index["sessions"], read_workers(self.path))
        except ValueError as error:
            raise BrokenIndex(
                f"{self.path / _INDEX}: not the index of a run ({error}); `magpie run` with --out "
                f"{quoted(str(self.path))} rebuilds it from {_RECIPE} and the stages' folders"
            ) from error
        if index["format"] > FORMAT:
            raise RunError(
                f"{self.path}: made by a newer magpie (format {index['format']}, this one reads up to {FORMAT}): "
                "upgrade magpie"
            )
        return index

    def known_index(self) -> dict[str, Any] | None:
        """`run.json`; None where there is none, or a broken one that is to be written again. Raises `RunError` for one
        that a newer magpie made."""
        try:
            return self.index() if self.is_run() else None
        except BrokenIndex:
            return None

    def recipe_text(self) -> str:
        """The text of `recipe.yaml`."""
        path = self.path / _RECIPE
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RunError(f"{path}: cannot be read ({error}): restore it, or give --recipe") from error

    def has_recipe(self) -> bool:
        return (self.path / _RECIPE).is_file()

    def check_usable(self) -> None:
        """Raise `RunError` unless this is a run, or a folder that may become one: absent, empty, or left by a kill."""
        self._check_name()
        with storage(self.path):
            self._check_usable()

    def _check_name(self) -> None:
        """DuckDB reads a run's files by their names, as text."""
        try:
            str(self.path.resolve()).encode()
        except UnicodeEncodeError:
            raise RunError(
                f"{one_line(self.path)}: the name of this folder, or of one above it, is not UTF-8: rename it, or give "
                "another"
            ) from None

    def _check_usable(self) -> None:
        if self.is_run():
            self.known_index()
            return
        if not self.path.exists():
            return
        if not self.path.is_dir():
            raise RunError(f"{self.path}: is a file; --out takes a folder")
        strange = sorted(entry.name for entry in self.path.iterdir() if not _ours(entry.name))
        if strange:
            raise RunError(
                f"{self.path}: holds {strange[0]!r} and no run; --out takes a run, an empty folder or a new one"
            )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of the one process that writes recipe and index; the system frees it when the process ends,
        however it ends. Rows are written under leases, so they are safe on a file system whose locks do nothing."""
        make_folder(self.path)
        lock = FileLock(self.path / _LOCK)
        with storage(self.path / _LOCK):
            try:
                lock.acquire(timeout=_LOCK_SECONDS)
            except Timeout:
                raise RunError(
                    f"{self.path}: another process is working on this run; wait for it, or stop it, then try again"
                ) from None
        try:
            with working(self.path, writer=True):
                self._sweep()
                yield
        finally:
            lock.release()

    def is_locked(self) -> bool:
        """Whether a process works on the run just now. A file system that knows no locks says no."""
        try:
            handle = os.open(self.path / _LOCK, os.O_RDONLY)
        except OSError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        finally:
            os.close(handle)  # which gives the lock back
        return False

    def stage_folders(self) -> list[tuple[Path, str]]:
        """Every folder of a stage, also of stages that the recipe no longer has, each with its stage's name."""
        with storage(self.path):
            entries = sorted(self.path.iterdir())
        found = [
            (entry, STAGE_FOLDER.fullmatch(entry.name))
            for entry in entries
            if entry.is_dir() and not entry.is_symlink()
        ]
        return [(entry, match[2]) for entry, match in found if match]

    def _sweep(self) -> None:
        """Remove the temporary files of processes that were killed while writing: of earlier magpies, and of owners
        that are not at work. Who holds the lock is no worker yet, so an owner without a file is one that was killed."""
        at_work = {worker.owner for worker in read_workers(self.path) if not worker.is_gone()}
        self.sweep(lambda owner: owner not in at_work)

    def sweep(self, is_gone: Callable[[str], bool]) -> None:
        """Remove the temporary files of owners that are gone; the empty name is that of an earlier magpie's process."""
        folders = [entry for entry in self.path.iterdir() if STAGE_FOLDER.fullmatch(entry.name) and entry.is_dir()]
        for folder in (self.path, *folders):
            for entry in folder.iterdir():
                if match := _LEFT_OVER.fullmatch(entry.name):
                    if is_gone("" if match[1].isdigit() else match[1]):
                        remove(entry)
                    continue
                match = None if folder == self.path or entry.is_symlink() else _SCRATCH_FOLDER.fullmatch(entry.name)
                if match and is_gone(match[1] or ""):
                    rmtree(entry)  # a stage's; what a user keeps beside the stages' folders is the user's

    def write_recipe(self, text: str) -> None:
        write_whole(self.path / _RECIPE, text.encode())

    def write_index(self, index: Mapping[str, Any]) -> None:
        """Write `run.json`: from now on the folder is a run."""
        document = {"format": FORMAT, **index}
        document[_CHECKSUM] = _sum_of(document)
        write_whole(self.path / _INDEX, orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")

    def stage(
        self,
        position: int,
        stage: str,
        fingerprint: str,
        columns: Sequence[Column],
        reads: Sequence[str] = (),
        kind: Kind = "row",
    ) -> StageFolder:
        """The folder of a stage with this `fingerprint`, also one that was made at another position in the order."""
        found = sorted(self.path.glob(f"*-{stage}-{fingerprint}")) if self.path.is_dir() else []
        path = found[0] if found else self.path / f"{position}-{stage}-{fingerprint}"
        return StageFolder(path, stage, tuple(columns), tuple(reads), kind)


def _sum_of(index: Mapping[str, Any]) -> str:
    """Of all that an index says, however it is laid out."""
    told = {name: value for name, value in index.items() if name != _CHECKSUM}
    return blake2b(orjson.dumps(told, option=orjson.OPT_SORT_KEYS), digest_size=8).hexdigest()


def _check_sum(index: Mapping[str, Any]) -> None:
    """Raise `ValueError` where the index is not what was written: a flipped bit in a name is another name. Indexes of
    earlier runs have no checksum."""
    if _CHECKSUM in index and index[_CHECKSUM] != _sum_of(index):
        raise ValueError("its checksum is that of another text")


def _ours(name: str) -> bool:
    known = (_RECIPE, _LOCK, TIMELINE, WORKERS, LEASES, ".DS_Store")
    return name in known or any(pattern.fullmatch(name) for pattern in (_LEFT_OVER, STAGE_FOLDER))
