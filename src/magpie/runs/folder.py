"""A run's folder: what makes it one, who may write to it, and where each stage keeps its rows.

    runs/air/
      recipe.yaml             as resolved; no secret ever
      run.json                format, versions, an index of the stage folders, what each session took
      lock                    held by the one process that writes
      1-instruct-3f2a9144/    00000.parquet, and 00000.part while it is being made

`run.json` tells readers what is there and decides nothing about what is made: that follows from the recipe and the
files alone. Knows no recipe, no stage and no engine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from filelock import FileLock, Timeout

from magpie.columns import Column
from magpie.errors import RunError
from magpie.runs.files import make_folder, remove, storage, write_whole
from magpie.runs.shards import ShardFiles

FORMAT = 1
"""Of the folder and its files. A reader refuses a larger one."""

_RECIPE, _INDEX, _LOCK = "recipe.yaml", "run.json", "lock"
_STAGE = re.compile(r"(\d+)-([a-z_]+)-([0-9a-f]{8})")
_SHARD = re.compile(r"(\d{5,})\.(parquet|part)")


@dataclass(frozen=True, slots=True)
class StageFolder:
    """One stage's rows in a run: its folder, its name and its columns."""

    path: Path
    stage: str
    columns: tuple[Column, ...]

    def make(self) -> None:
        """Make the folder, if it is not there."""
        make_folder(self.path)

    def shard(self, number: int) -> ShardFiles:
        return ShardFiles(self.path, number)

    def shards(self) -> list[int]:
        """The numbers of the shards that have a file, in order."""
        if not self.path.is_dir():
            return []
        return sorted({int(m[1]) for entry in self.path.iterdir() if (m := _SHARD.fullmatch(entry.name))})


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A folder that is a run, or may become one."""

    path: Path

    def is_run(self) -> bool:
        return (self.path / _INDEX).is_file()

    def index(self) -> dict[str, Any]:
        """`run.json`. Raises `RunError` when the folder is no run, or one that a newer magpie made."""
        if not self.path.exists():
            raise RunError(f"{self.path}: there is nothing here; `magpie run --out {self.path}` makes a run")
        if not self.is_run():
            raise RunError(f"{self.path}: not a run (it has no {_INDEX}); give the folder that `magpie run` wrote")
        try:
            index = orjson.loads((self.path / _INDEX).read_bytes())
            found = int(index["format"])
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            raise RunError(f"{self.path / _INDEX}: not the index of a run ({error!r}); restore the file") from error
        if found > FORMAT:
            raise RunError(
                f"{self.path}: made by a newer magpie (format {found}, this one reads up to {FORMAT}): upgrade magpie"
            )
        return dict(index)

    def recipe_text(self) -> str:
        """`recipe.yaml` as it stands."""
        path = self.path / _RECIPE
        if not path.is_file():
            raise RunError(f"{self.path}: the run has no {_RECIPE}: restore it, or give --recipe")
        return path.read_text(encoding="utf-8")

    def check_usable(self) -> None:
        """Raise `RunError` unless this is a run, or a folder that may become one: absent, empty, or left by a kill."""
        if self.is_run():
            self.index()
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
        """Be the one process that writes here; the system frees the lock when a process ends, however it ends."""
        make_folder(self.path)
        lock = FileLock(self.path / _LOCK)
        with storage(self.path / _LOCK):
            try:
                lock.acquire(timeout=0)
            except Timeout:
                raise RunError(
                    f"{self.path}: another process is working on this run; wait for it, or stop it, then try again"
                ) from None
        try:
            self._sweep()
            yield
        finally:
            lock.release()

    def _sweep(self) -> None:
        """Remove the temporary files of processes that were killed while writing; the lock says none is alive."""
        for pattern in ("*.tmp", "*/*.tmp"):
            for path in self.path.glob(pattern):
                remove(path)

    def write_recipe(self, text: str) -> None:
        write_whole(self.path / _RECIPE, text.encode())

    def write_index(self, index: Mapping[str, Any]) -> None:
        """Write `run.json`: from now on the folder is a run."""
        document = {"format": FORMAT, **index}
        write_whole(self.path / _INDEX, orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")

    def stage(self, position: int, stage: str, fingerprint: str, columns: Sequence[Column]) -> StageFolder:
        """The folder of a stage as `fingerprint` names it; one made at another place in the order is found again."""
        found = sorted(self.path.glob(f"*-{stage}-{fingerprint}")) if self.path.is_dir() else []
        path = found[0] if found else self.path / f"{position}-{stage}-{fingerprint}"
        return StageFolder(path, stage, tuple(columns))


def _ours(name: str) -> bool:
    known = name in (_RECIPE, _LOCK) or (name.endswith(".tmp") and name.startswith((_RECIPE, _INDEX)))
    return known or _STAGE.fullmatch(name) is not None
