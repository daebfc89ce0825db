"""Kept rows as a file, or as a folder that holds a dataset and its card. Written whole or not at all.

Reads a run; `shapes` defines the record of a row in each format, `trainers` the folder of a trainer.
"""

from __future__ import annotations

import re
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
from magpie.export.query import COLUMNS, Records, needed, there
from magpie.export.shapes import SHAPES
from magpie.export.trainers import TRAINERS, Trainer
from magpie.export.writing import Shards, write_array, write_lines, write_parquet, write_splits
from magpie.runs import Run, RunFolder, make_folder, storage, whole_file, whole_output
from magpie.runs.files import write_whole

FORMATS = (COLUMNS, *SHAPES, *TRAINERS)
ENDINGS = (".jsonl", ".json", ".parquet")
"""Of files; any other name is a folder's."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written."""

    rows: int
    """Of the run. A pair is one row here, and two in `kto`."""
    splits: Mapping[str, int]
    """Rows of the files of each split."""
    files: tuple[tuple[str, int], ...]
    """Each file, as a path in the folder, and its bytes."""
    left_out: int = 0
    """Kept rows that lack what the format shows, such as a response."""


def is_folder(form: str, to: Path) -> bool:
    """Whether an export in this format to this place is a folder: a file has one of three endings, or is there, such
    as a device."""
    return form in TRAINERS or (not _is_file(to) and (to.is_dir() or not to.exists()))


def _is_file(to: Path) -> bool:
    return to.suffix.lower() in ENDINGS


def export(run: Run, form: str, to: Path | IO[bytes], options: Options = Options()) -> Exported:  # noqa: B008 (frozen)
    """Write the kept rows of `run` in the format `form` to the file or folder `to`, or to an open file.

    A `.jsonl` file holds one JSON object a line, a `.json` file one array, a `.parquet` file the format's columns. A
    place without an ending becomes a folder: Parquet in shards and a card, or what the trainer reads. A pipe or a
    device is written to as it is. Raises `RunError` when no row is kept (an empty dataset is a mistake found late) or
    when the run lacks what the format shows, `StorageError` when the disk refuses or something is there already,
    `UserError` for options that do not go together.
    """
    records = Records(run, form, options)
    kept = _checked(records, to)
    if not isinstance(to, Path):
        splits = _to_file(records, to, array=False, parquet=form == COLUMNS)
        return _exported(records, kept, splits, ())
    if not is_folder(form, to):
        with _opened(to) as file:
            ending = to.suffix.lower()
            splits = _to_file(records, file, array=ending == ".json", parquet=ending == ".parquet" or form == COLUMNS)
        return _exported(records, kept, splits, ())
    with whole_folder(to) as folder:
        splits = _fill(records, folder)
        written = tuple((str(path.relative_to(folder)), path.stat().st_size) for path in _files(folder))
    return _exported(records, kept, splits, written)


def _exported(records: Records, kept: int, splits: Mapping[str, int], files: tuple[tuple[str, int], ...]) -> Exported:
    rows = sum(splits.values()) // len(records.fields)
    return Exported(rows, splits, files, left_out=kept - rows)


def check(run: Run, form: str, to: Path | IO[bytes], options: Options) -> None:
    """Raise `UserError` for an export that cannot succeed, before anything is written."""
    _checked(Records(run, form, options), to)


def _checked(records: Records, to: Path | IO[bytes]) -> int:
    """What `check` says; how many rows the run keeps."""
    run, form, options = records.run, records.form, records.options
    made = {column.name for stage in run.stages for column in stage.columns}
    for column in needed(form):
        if column not in made:
            fits = fitting_format(run)
            instead = f"use {fits}, or " if fits else ""
            raise RunError(
                f"{run.path}: {form} needs the column {column}, and the run has none: {instead}{_REMEDIES[column]}"
            )
    wanted = {"system": options.system, "reasoning": options.reasoning != "none"}
    for column in (name for name, asked in wanted.items() if asked and name not in made):
        raise RunError(f"{run.path}: --{column} shows the column {column}, and the run has none: leave it out")
    if options.reasoning != "none" and "chosen" in needed(form):
        raise UserError(f"--reasoning {options.reasoning}: a pair holds answers alone; expected none with {form}")
    if options.reasoning == "field" and form != COLUMNS and not records.shape.beside:
        raise UserError(
            f"--reasoning field: {form} has no place beside a text; expected --reasoning inside, or --format messages"
        )
    if options.columns and form == COLUMNS:
        raise UserError("--columns: parquet holds every column already; expected another format, such as messages")
    if options.test_share and not (isinstance(to, Path) and is_folder(form, to)):
        raise UserError("--test-share: two splits are two files; expected a folder, such as --to dataset")
    if form in TRAINERS and (not isinstance(to, Path) or _is_file(to)):
        raise UserError(f"--format {form}: is a folder of several files; expected a folder's name for --to")
    if isinstance(to, Path):
        _check_place(form, to, options)
    kept, shown = _counts(run, form)
    if not shown:
        if kept:
            raise RunError(
                f"{run.path}: no kept row has a {needed(form)[0]}, so {form} has nothing to hold; see `magpie show`"
            )
        raise RunError(f"{run.path}: no row has come through every stage, so there is nothing to export; see `status`")
    _ = records.fields
    return kept


_ENDING = re.compile(r"\.([A-Za-z]{1,10}|bz2|h5|7z|lz4)")
"""What the name of a file ends in. `.5` and `.v2` are parts of names that people give to datasets."""


def _check_place(form: str, to: Path, options: Options) -> None:
    """Raise `UserError` for a place inside a run, for a file of a kind that no export writes, and for a file that is
    there already."""
    place = to.resolve()
    for folder in (place, *place.parents):
        if RunFolder(folder).is_run():
            raise UserError(
                f"--to {str(to)!r}: lies inside the run {folder}, whose files it could replace; expected another place"
            )
    if is_folder(form, to):
        if _ENDING.fullmatch(to.suffix) and not to.is_dir():
            raise UserError(
                f"--to {str(to)!r}: no export writes {to.suffix} files; expected a name in {', '.join(ENDINGS)} for a "
                f"file, or one without an ending for a folder, such as {str(to.with_suffix(''))!r}"
            )
        check_free(to)
    elif to.is_file() and not options.overwrite:
        raise UserError(f"--to {str(to)!r}: is there already; expected a new name, or --overwrite to replace it")


def fitting_format(run: Run) -> str | None:
    """The format that holds what a run has: preference pairs, else conversations, else every column; None where no row
    is kept."""
    made = {column.name for stage in run.stages for column in stage.columns}
    for form in ("dpo", "messages", COLUMNS):
        if made.issuperset(needed(form)) and _counts(run, form)[1]:
            return form
    return None


_REMEDIES = {
    "response": "let `magpie respond` answer its instructions",
    "chosen": "let `magpie pair` make preference pairs, of several responses to an instruction (respond.n)",
    "rejected": "let `magpie pair` make preference pairs, of several responses to an instruction (respond.n)",
}


def _counts(run: Run, form: str) -> tuple[int, int]:
    """How many rows the run keeps, and 1 where one of them has what the format shows, else 0: rows that were imported
    may lack a response. Texts are read up to the first row that has it."""
    shown = any(batch.num_rows for batch in run.scan(f"SELECT row FROM kept WHERE {there(form)} LIMIT 1"))
    return run.kept(), int(shown)


# -- records ----------------------------------------------------------------------------------------------------------


def _lines(records: Records) -> Iterator[tuple[str, pa.Array]]:
    """JSON texts, each with its split."""
    for batch in records.lines():
        for split, part in _divided(batch.column("id"), batch, records.options):
            yield split, part.column("line")


def _tables(records: Records) -> Iterator[tuple[str, pa.Table]]:
    """The format's columns in tables, each with its split."""
    for table in records.columns() if records.form == COLUMNS else records.tables():
        for split, part in _divided(table.column("row_id"), table, records.options):
            yield split, part.drop_columns(["row_id"])


def _divided(ids: Any, rows: Any, options: Options) -> Iterator[tuple[str, Any]]:
    """A table or a batch by splits."""
    if not options.test_share:
        yield "train", rows
        return
    places = [split_of(row_id, options.test_share) for row_id in ids.to_pylist()]
    for split in _splits(options):
        yield split, rows.filter(pa.array([place == split for place in places], pa.bool_()))


def _splits(options: Options) -> tuple[str, ...]:
    return ("train", "test") if options.test_share else ("train",)


# -- places -----------------------------------------------------------------------------------------------------------


def _to_file(records: Records, file: IO[bytes], *, array: bool, parquet: bool) -> dict[str, int]:
    """Write to one file; how many records it has."""
    if parquet:
        return {"train": write_parquet(file, (table for _, table in _tables(records)))}
    write = write_array if array else write_lines
    return {"train": write(file, (texts for _, texts in _lines(records)))}


@contextmanager
def _opened(to: Path) -> Iterator[IO[bytes]]:
    with ExitStack() as opened, storage(to):
        if to.exists() and not to.is_file() and not to.is_dir():
            yield opened.enter_context(to.open("wb"))
            return
        target = to.resolve()
        make_folder(target.parent)
        yield opened.enter_context(whole_output(target))


def _fill(records: Records, folder: Path) -> dict[str, int]:
    """Write a dataset and its card; how many rows each split has."""
    run, form, options = records.run, records.form, records.options
    splits = _fill_trainer(records, TRAINERS[form], folder) if form in TRAINERS else _fill_shards(records, folder)
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


def _fill_shards(records: Records, folder: Path) -> dict[str, int]:
    make_folder(folder / "data")
    with ExitStack() as opened:
        shards = {split: opened.enter_context(Shards(folder / "data", split)) for split in _splits(records.options)}
        for split, table in _tables(records):
            shards[split].add(table)
    return {split: one.rows for split, one in shards.items()}


def _fill_trainer(records: Records, trainer: Trainer, folder: Path) -> dict[str, int]:
    with ExitStack() as opened:
        names = _splits(records.options)
        files = {split: opened.enter_context(whole_file(folder / f"{split}.jsonl")) for split in names}
        splits = write_splits(files, _lines(records))
    for name, text in trainer.files(records.run.name, tuple(splits)).items():
        write_whole(folder / name, text.encode())
    return splits


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
