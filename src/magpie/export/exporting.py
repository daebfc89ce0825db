"""Kept rows as a file, or as a folder that holds a dataset and its card. Written whole or not at all.

Reads a run; what a row comes to in a format is for `shapes`, what a trainer's folder needs for `trainers`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from magpie.errors import RunError, UserError
from magpie.export.card import PICTURES, card_of
from magpie.export.folders import check_free, whole_folder
from magpie.export.options import Options, split_of
from magpie.export.shapes import SHAPES
from magpie.export.trainers import TRAINERS, Trainer
from magpie.export.writing import Shards, as_tables, write_json, write_lines, write_parquet
from magpie.runs import Run, RunFolder, make_folder, storage, whole_file
from magpie.runs.files import write_whole

COLUMNS = "parquet"
"""The format that holds every column as it is."""

FORMATS = (COLUMNS, *SHAPES, *TRAINERS)
ENDINGS = (".jsonl", ".json", ".parquet")
"""Of files; any other name is a folder's."""
_HIDDEN = ("drop_reason", "dropped_by", "error")
"""Columns that say why a row was dropped: of a kept row they say nothing."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written."""

    rows: int
    """Of the run. A pair is one row here, and two in `kto`."""
    splits: Mapping[str, int]
    """Rows of the files of each split."""
    files: tuple[tuple[str, int], ...]
    """Each file, as a path in the folder, and its bytes."""


def is_folder(form: str, to: Path) -> bool:
    """Whether an export in this format to this place is a folder: a file has one of three endings, or is there, such
    as a device."""
    return form in TRAINERS or (to.suffix not in ENDINGS and (to.is_dir() or not to.exists()))


def export(run: Run, form: str, to: Path | IO[bytes], options: Options = Options()) -> Exported:  # noqa: B008 (frozen)
    """Write the kept rows of `run` in the format `form` to the file or folder `to`, or to an open file.

    A `.jsonl` file holds one JSON object a line, a `.json` file one array, a `.parquet` file the format's columns. A
    place with another name becomes a folder: Parquet in shards and a card, or what the trainer reads. A pipe or a
    device is written to as it is. Raises `RunError` when no row is kept (an empty dataset is a mistake found late) or
    when the run lacks what the format shows, `StorageError` when the disk refuses or something is there already,
    `UserError` for options that do not go together.
    """
    check(run, form, to, options)
    if not isinstance(to, Path):
        return _to_file(run, form, to, options, array=False, parquet=form == COLUMNS)
    if not is_folder(form, to):
        with _opened(to) as file:
            parquet = to.suffix == ".parquet" or form == COLUMNS
            return _to_file(run, form, file, options, array=to.suffix == ".json", parquet=parquet)
    with whole_folder(to) as folder:
        splits = _fill(run, form, folder, options)
        written = tuple((str(path.relative_to(folder)), path.stat().st_size) for path in _files(folder))
    return Exported(_count(run, form), splits, written)


def check(run: Run, form: str, to: Path | IO[bytes], options: Options) -> None:
    """Raise `UserError` for an export that would come to nothing, before anything is written."""
    made = {column.name for stage in run.stages for column in stage.columns}
    for column in _needed(form):
        if column not in made:
            raise RunError(f"{run.path}: {form} needs the column {column}, and the run has none: {_REMEDIES[column]}")
    wanted = {"system": options.system, "reasoning": options.reasoning != "none"}
    for column in (name for name, asked in wanted.items() if asked and name not in made):
        raise RunError(f"{run.path}: --{column} shows the column {column}, and the run has none: leave it out")
    if options.reasoning != "none" and "chosen" in _needed(form):
        raise UserError(f"--reasoning {options.reasoning}: a pair holds answers alone; expected none with {form}")
    if options.test_share and not (isinstance(to, Path) and is_folder(form, to)):
        raise UserError("--test-share: two splits are two files; expected a folder, such as --to dataset")
    if form in TRAINERS and (not isinstance(to, Path) or to.suffix in ENDINGS):
        raise UserError(f"--format {form}: is a folder of several files; expected a folder's name for --to")
    if isinstance(to, Path):
        _check_place(form, to, options)
    if _count(run, form) == 0:
        raise RunError(f"{run.path}: no row has come through every stage, so there is nothing to export; see `status`")


def _check_place(form: str, to: Path, options: Options) -> None:
    """Raise `UserError` for a place inside a run, and for a file that is there already."""
    place = to.resolve()
    for folder in (place, *place.parents):
        if RunFolder(folder).is_run():
            raise UserError(
                f"--to {str(to)!r}: lies inside the run {folder}, whose files it could replace; expected another place"
            )
    if is_folder(form, to):
        check_free(to)
    elif to.is_file() and not options.overwrite:
        raise UserError(f"--to {str(to)!r}: is there already; expected a new name, or --overwrite to replace it")


def fitting_format(run: Run) -> str | None:
    """The format that holds what a run has: preference pairs, else conversations, else every column; None where no row
    is kept."""
    made = {column.name for stage in run.stages for column in stage.columns}
    for form in ("dpo", "messages", COLUMNS):
        if made.issuperset(_needed(form)) and _count(run, form):
            return form
    return None


_REMEDIES = {
    "response": "use parquet, or let `magpie respond` answer its instructions",
    "chosen": "`magpie pair` makes preference pairs, of several responses to an instruction (respond.n)",
}


def _needed(form: str) -> tuple[str, ...]:
    """The columns of a run without which there is nothing to write."""
    shape = TRAINERS[form].shape if form in TRAINERS else form
    if shape == COLUMNS:
        return ()
    return ("chosen",) if "chosen" in SHAPES[shape].needs else ("response",)


def _count(run: Run, form: str) -> int:
    """Kept rows that have what the format shows: rows that were imported may lack a response."""
    there = " AND ".join(f"{column} IS NOT NULL" for column in _needed(form)) or "true"
    return int(run.sql(f"SELECT count(*) AS n FROM kept WHERE {there}").column("n")[0].as_py())


# -- rows -------------------------------------------------------------------------------------------------------------


def _columns(run: Run, options: Options) -> Iterator[pa.Table]:
    """Every column of a kept row but those that say why a row was dropped, and, unless asked for, vectors."""
    hidden = {*_HIDDEN, *(() if options.embeddings else ("embedding",))}
    for batch in run.batches():
        yield pa.Table.from_batches([batch.drop_columns([name for name in batch.schema.names if name in hidden])])


def _rows(run: Run) -> Iterator[dict[str, Any]]:
    for table in _columns(run, Options()):
        yield from table.to_pylist()


def _documents(run: Run, form: str, options: Options) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every document of every kept row, with its split."""
    make = TRAINERS[form].make if form in TRAINERS else SHAPES[form].make
    needed = _needed(form)
    for row in _rows(run):
        if any(row[column] is None for column in needed):
            continue
        split = split_of(row["id"], options.test_share)
        for document in make(row, options):
            yield split, document


def _tables(run: Run, form: str, options: Options) -> Iterator[tuple[str, pa.Table]]:
    """The format's rows in tables, each with its split."""
    if form == COLUMNS:
        for table in _columns(run, options):
            yield from _divided(table, options)
        return
    yield from as_tables(_documents(run, form, options), _schema(run, form, options))


def _schema(run: Run, form: str, options: Options) -> pa.Schema:
    """Of a format's documents: an Alpaca history only where the run has further turns."""
    schema = SHAPES[form].schema(options)
    has_turns = any(column.name == "turns" for stage in run.stages for column in stage.columns)
    return schema if has_turns or "history" not in schema.names else schema.remove(schema.get_field_index("history"))


def _divided(table: pa.Table, options: Options) -> Iterator[tuple[str, pa.Table]]:
    places = [split_of(row_id, options.test_share) for row_id in table.column("id").to_pylist()]
    for split in _splits(options):
        yield split, table.filter(pa.array([place == split for place in places], pa.bool_()))


def _splits(options: Options) -> tuple[str, ...]:
    return ("train", "test") if options.test_share else ("train",)


# -- places -----------------------------------------------------------------------------------------------------------


def _to_file(run: Run, form: str, file: IO[bytes], options: Options, *, array: bool, parquet: bool) -> Exported:
    if parquet:
        count = write_parquet(file, (table for _, table in _tables(run, form, options)))
    else:
        told = (document for _, document in _documents(run, form, options))
        count = write_json(file, told, array=array)
    return Exported(_count(run, form), {"train": count}, ())


@contextmanager
def _opened(to: Path) -> Iterator[IO[bytes]]:
    with ExitStack() as opened, storage(to):
        if to.exists() and not to.is_file() and not to.is_dir():
            yield opened.enter_context(to.open("wb"))
            return
        target = to.resolve()
        make_folder(target.parent)
        yield opened.enter_context(whole_file(target))


def _fill(run: Run, form: str, folder: Path, options: Options) -> dict[str, int]:
    """Write a dataset and its card; how many rows each split has."""
    trainer = TRAINERS.get(form)
    splits = _fill_trainer(run, form, trainer, folder, options) if trainer else _fill_shards(run, form, folder, options)
    if empty := [split for split, count in splits.items() if not count]:
        raise UserError(
            f"--test-share {options.test_share:g}: of {run.kept():,} rows none falls into {empty[0]}; expected another "
            "share, or more rows"
        )
    if options.pictures:
        make_folder(folder / PICTURES)
    for name, (_, data) in options.pictures.items():
        write_whole(folder / PICTURES / name, data)
    write_whole(folder / "README.md", card_of(run, form, splits, options).encode("utf-8", "replace"))
    return splits


def _fill_shards(run: Run, form: str, folder: Path, options: Options) -> dict[str, int]:
    make_folder(folder / "data")
    shards = {split: Shards(folder / "data", split) for split in _splits(options)}
    for split, table in _tables(run, form, options):
        shards[split].add(table)
    for one in shards.values():
        one.close()
    return {split: one.rows for split, one in shards.items()}


def _fill_trainer(run: Run, form: str, trainer: Trainer, folder: Path, options: Options) -> dict[str, int]:
    splits = write_lines(folder, _splits(options), _documents(run, form, options))
    for name, text in trainer.files(run.name, tuple(splits)).items():
        write_whole(folder / name, text.encode())
    return splits


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
