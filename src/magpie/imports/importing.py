"""Puts a dataset into a run as its stage 0: read twice, once for what there is and once to write it down.

A killed import leaves no run that looks finished: the run's index is written last.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from magpie.columns import Column
from magpie.errors import RunError, UserError
from magpie.executors.local import execute
from magpie.imports.reading import documents, files_of
from magpie.imports.shapes import shape
from magpie.plan.load import check
from magpie.plan.plan import make_plan
from magpie.plan.recipe import Recipe
from magpie.plan.registry import column_map
from magpie.plan.resolve import resolve
from magpie.runs import Run, RunFolder, StageFolder, arrow_schema, write_sealed
from magpie.stages.imported.settings import Source

VERSION = 1
"""Of how documents become columns: raised when the same file comes to make other rows."""


@dataclass(slots=True)
class Imported:
    """What an import came to."""

    rows: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    """Reason to count, of rows that hold no conversation that can be read: they stay in the run, dropped."""
    columns: set[str] = field(default_factory=set)
    left_out: Counter[str] = field(default_factory=Counter)
    """Keys that no column of a run holds, with how many rows had them."""


def import_dataset(
    path: Path, out: Path, shard_rows: int = 4096, watch: Callable[[int], None] = lambda _: None
) -> tuple[Run, Imported]:
    """Make a run in `out` of the conversations in a file or a folder. Importing the same again changes nothing.

    `watch` is told how many rows were written. Raises `UserError` for files that cannot be read, with file and line,
    `RunError` when `out` holds another run, `StorageError` when the disk refuses.
    """
    files = files_of(path)
    seen = Imported()
    for _ in _rows(files, seen):
        pass
    if not seen.rows:
        raise UserError(f"{path}: holds no conversation: nothing to import")
    recipe = _recipe(path, out, files, seen, shard_rows)
    plan, folder = make_plan(recipe), RunFolder(out)
    planned = plan.stages[0]
    with folder.locked():
        place = folder.stage(0, planned.stage.name, planned.fingerprint, planned.stage.writes, kind="table")
        place.make()
        _write(place, _rows(files, Imported()), recipe.shard_rows, watch)
    return execute(recipe, out), seen


def _recipe(path: Path, out: Path, files: list[Path], seen: Imported, shard_rows: int) -> Recipe:
    """The recipe of the run: nothing but what was imported. Raises `RunError` when another run is there."""
    columns = tuple(name for name in column_map().columns if name in seen.columns)
    source = Source(path=str(path.resolve()), digest=_digest(files), columns=columns)
    folder = RunFolder(out)
    if folder.is_run():
        return _known(folder, source)
    document = {"model": None, "source": source, "instruct": None, "respond": None, "size": seen.rows}
    return resolve(check({**document, "shard_rows": shard_rows}, "import"), out)


def _known(folder: RunFolder, source: Source) -> Recipe:
    """The recipe of the run that is there, if it began with the same rows."""
    made = resolve(None, folder.path)
    if made.settings("source") is None or made.settings("source").digest != source.digest:
        raise RunError(f"{folder.path}: holds another run; give --to a new folder")
    return made


def _digest(files: list[Path]) -> str:
    digest = blake2b(str(VERSION).encode(), digest_size=16)
    for path in files:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _rows(files: list[Path], seen: Imported) -> Iterator[dict[str, Any]]:
    """Every document in a run's columns, counted in `seen`."""
    for path in files:
        for document in documents(path):
            one = shape(document.values)
            seen.columns.update(name for name, value in one.columns.items() if value is not None)
            seen.left_out.update(one.left_out)
            if one.drop_reason is not None:
                seen.dropped[one.drop_reason] += 1
            yield {**one.columns, "row": seen.rows, "drop_reason": one.drop_reason}
            seen.rows += 1


def _write(place: StageFolder, rows: Iterator[dict[str, Any]], shard_rows: int, watch: Callable[[int], None]) -> None:
    schema = arrow_schema(place.columns)
    number = 0
    while batch := list(islice(rows, shard_rows)):
        table = pa.Table.from_pylist([_filled(place.columns, row) for row in batch], schema=schema)
        write_sealed(place.shard(number), table, "")
        number += 1
        watch((number - 1) * shard_rows + len(batch))


def _filled(columns: tuple[Column, ...], row: dict[str, Any]) -> dict[str, Any]:
    tokens = {"attempts": 0, "prompt_tokens": 0, "completion_tokens": 0, "wasted_tokens": 0, "input_digest": 0}
    return {"row": row["row"], "drop_reason": row["drop_reason"], **tokens} | {c.name: row.get(c.name) for c in columns}
