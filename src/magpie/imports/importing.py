"""Puts datasets into a run as its stage 0: each row is read once, and kept, or dropped with its reason.

A killed import leaves no run that looks finished: the run's index is written last. A complete run is never
overwritten: what it has lost is imported again into a temporary folder, and put back at the end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from shutil import rmtree
from typing import Any

import orjson

from magpie.columns import Column, struct_fields
from magpie.errors import RunError, UserError
from magpie.executors.local import execute
from magpie.imports.documents import Broken, Document
from magpie.imports.inputs import Input, inputs_of
from magpie.imports.keys import Shaped
from magpie.imports.mapping import Options, mapped_names, mapper
from magpie.imports.shapes import put, shape
from magpie.imports.writing import Writer
from magpie.plan.load import check
from magpie.plan.plan import make_plan
from magpie.plan.recipe import Recipe
from magpie.plan.registry import column_map
from magpie.plan.resolve import resolve
from magpie.runs import Run, RunFolder, StageFolder, open_run, put_sealed
from magpie.runs.surviving import shard_numbers
from magpie.safe.terminal import brief
from magpie.stages.imported.columns import META
from magpie.stages.imported.settings import Source

VERSION = 3
"""The version of the conversion: increased when the same file would give other rows."""

_SHOWN_KEYS = 20


class HoldsAnother(RunError):
    """The folder holds a run of other rows."""


@dataclass(slots=True)
class Imported:
    """The result of an import."""

    rows: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    """Reason to count, of rows that hold no conversation that can be read: they stay in the run, dropped."""
    examples: dict[str, str] = field(default_factory=dict)
    """Reason to the first row that was dropped for it: file and line, or file and row."""
    columns: set[str] = field(default_factory=set)
    meta: dict[str, str] = field(default_factory=dict)
    """The fields of `meta`, with their types: keys that no column of a run holds."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Keys that are kept nowhere, with how many rows had them; those of messages as `messages[].KEY`."""
    unfit: Counter[str] = field(default_factory=Counter)
    """Columns with how many values did not fit their type and are null; such values are in `meta`."""
    keys: Counter[str] = field(default_factory=Counter)
    """Every key of the documents, with how many rows had it."""
    notes: list[str] = field(default_factory=list)
    """What a reader should know, such as splits that were not read."""


def import_dataset(
    given: str | Path | Sequence[str | Path],
    out: Path,
    options: Options = Options(),  # noqa: B008 (frozen)
    shard_rows: int = 4096,
    watch: Callable[[int], None] = lambda _: None,
) -> tuple[Run, Imported]:
    """Make a run in `out` of the conversations in files, folders, runs or datasets of the Hub. Importing the same again
    changes nothing.

    `watch` receives the number of rows written. Raises `UserError` for what cannot be read, and where not one row can;
    `RunError` when `out` holds another run; `StorageError` when the disk refuses.

    import_dataset("ShareGPT_V3.json", Path("runs/theirs"), Options(limit=1000))
    """
    names = [given] if isinstance(given, str | Path) else list(given)
    return import_inputs(inputs_of([str(name) for name in names], options.split), out, options, shard_rows, watch)


def import_inputs(
    inputs: Sequence[Input],
    out: Path,
    options: Options = Options(),  # noqa: B008 (frozen)
    shard_rows: int = 4096,
    watch: Callable[[int], None] = lambda _: None,
) -> tuple[Run, Imported]:
    """As `import_dataset`, of inputs that are read in another way."""
    source = Source(
        path=_place(inputs), digest=_digest(inputs, options), columns=("instruction",), **_settings(options)
    )
    folder = RunFolder(out)
    folder.check_usable()
    with folder.locked():
        seen = Imported(notes=[note for one in inputs for note in one.notes])
        if folder.is_run():
            _restore(folder, source, inputs, options, seen, watch)
            return open_run(out), seen
        place = _new_place(folder, source, shard_rows)
        columns = _fill(place, shard_rows, inputs, options, seen, watch)
    fields = next((struct_fields(column.type) for column in columns if column.name == META.name), None) or {}
    source = source.model_copy(update={"columns": tuple(column.name for column in columns), "meta": fields})
    return execute(_recipe(source, out, seen.rows, shard_rows), out), seen


# -- the run -----------------------------------------------------------------------------------------------------------


def _settings(options: Options) -> dict[str, Any]:
    return {"map": dict(options.map), "template": options.template, "limit": options.limit, "split": options.split}


def _place(inputs: Sequence[Input]) -> str:
    return inputs[0].place if len(inputs) == 1 else " ".join(f"'{one.place}'" for one in inputs)


def _digest(inputs: Sequence[Input], options: Options) -> str:
    """A digest of everything that decides which rows there are."""
    told = [VERSION, options.plain(), [[one.name, one.digest()] for one in inputs]]
    return blake2b(orjson.dumps(told), digest_size=16).hexdigest()


def _recipe(source: Source, out: Path, size: int, shard_rows: int) -> Recipe:
    """The recipe of the run: nothing but what was imported."""
    plain = source.model_dump(exclude_defaults=True)
    document = {"model": None, "source": plain, "instruct": None, "respond": None, "size": size}
    return resolve(check({**document, "shard_rows": shard_rows}, "import"), out)


def _new_place(folder: RunFolder, source: Source, shard_rows: int) -> StageFolder:
    """Where the rows of a new run go. Which columns they have is in no fingerprint."""
    (planned,) = make_plan(_recipe(source, folder.path, 1, shard_rows)).stages
    return folder.stage(0, planned.stage.name, planned.fingerprint, planned.stage.writes, kind="table")


def _fill(
    place: StageFolder,
    shard_rows: int,
    inputs: Sequence[Input],
    options: Options,
    seen: Imported,
    watch: Callable[[int], None],
) -> tuple[Column, ...]:
    """Write the rows of a run that has no index yet; return their columns. Files of an earlier import stay until all
    rows are written."""
    aside = place.path.exists()
    target = replace(place, path=place.scratch) if aside else place
    writer = Writer(target, shard_rows, watch)
    try:
        columns = _write(writer, inputs, options, seen)
        if aside:
            _put(writer, target, place)
    except BaseException:
        rmtree(target.path, ignore_errors=True)
        raise
    return columns


def _restore(
    folder: RunFolder,
    source: Source,
    inputs: Sequence[Input],
    options: Options,
    seen: Imported,
    watch: Callable[[int], None],
) -> None:
    """Import again into a run that holds the same import: files that were lost or damaged are made again in a temporary
    folder and put back at the end; intact files are not touched. Raises `RunError` for a run of other rows."""
    made = resolve(None, folder.path)
    before = made.settings("source")
    if before is None or before.digest != source.digest:
        raise HoldsAnother(
            f"{folder.path}: holds another run, or one that was imported with other options or by another magpie; give "
            "--to a new folder"
        )
    run = open_run(folder.path)
    place = next(stage for stage in run.stages if stage.stage == "import")
    numbers = shard_numbers(run.size, run.shard_rows)
    aside = replace(place, path=place.scratch)
    writer = Writer(
        aside, run.shard_rows, watch, {number for number in numbers if not place.shard(number).stands(place.columns)}
    )
    try:
        columns = _write(writer, inputs, options, seen)
        if {column.name: column.type for column in columns} != {column.name: column.type for column in place.columns}:
            raise RunError(
                f"{folder.path}: its rows came to other columns when they were imported; give --to a new folder"
            )
        _put(writer, aside, place)
    finally:
        rmtree(aside.path, ignore_errors=True)


def _put(writer: Writer, made: StageFolder, place: StageFolder) -> None:
    """Put shards that were made aside where they belong."""
    place.make()
    for number in writer.written:
        put_sealed(place.shard(number), made.shard(number))


# -- rows --------------------------------------------------------------------------------------------------------------


def _write(writer: Writer, inputs: Sequence[Input], options: Options, seen: Imported) -> tuple[Column, ...]:
    """Write every row. Raises `UserError` where none is of use."""
    lacking = set(options.map)
    for row in islice(_rows(inputs, options, seen, lacking), options.limit):
        seen.rows += 1
        if row.drop_reason is not None:
            seen.dropped[row.drop_reason] += 1
            seen.examples.setdefault(row.drop_reason, row.place)
        if row.left_out or row.unfit:
            seen.left_out.update(row.left_out)
            seen.unfit.update(row.unfit)
        writer.add(row)
    if lacking and seen.rows:
        raise UserError(f"--map {sorted(lacking)[0]}=...: no row has this key; keys found: {_keys(seen)}")
    if seen.rows == seen.dropped.total():
        raise UserError(_nothing_of_use(inputs, seen))
    columns = writer.finish()
    seen.columns = {column.name for column in columns}
    seen.meta = writer.fields.types()
    seen.left_out.update(dict.fromkeys(writer.unkept - seen.meta.keys(), 1))
    return columns


def _rows(inputs: Sequence[Input], options: Options, seen: Imported, lacking: set[str]) -> Iterator[Shaped]:
    mapped = mapper(options) if options.map or options.template is not None else None
    for one in inputs:
        names = options.map
        for found in one.read():
            if isinstance(found, Document):
                seen.keys.update(found.values.keys())
                if lacking:
                    lacking.difference_update(mapped_names(found.values, dict.fromkeys(lacking, "")))
                if mapped is not None:
                    # A run beside other inputs has columns of its own, which stay where a key is another input's.
                    names = mapped_names(found.values, options.map) if one.is_run else options.map
                    found = mapped(found, names)
            row = _shaped(found, one, names.values())
            row.place = found.place
            if len(inputs) > 1:
                row.columns["source"] = one.name
            yield row


def _shaped(found: Document | Broken, one: Input, mapped: Collection[str]) -> Shaped:
    if isinstance(found, Broken):
        return Shaped(drop_reason=found.reason if ": " in found.reason else f"unreadable: {found.reason}")
    if one.is_run and column_map().columns.keys() >= set(mapped):
        return _of_run(found, mapped)
    return shape(found.values, found.instruction)


def _of_run(found: Document, mapped: Collection[str]) -> Shaped:
    """A row of another run: its columns are this one's. mapped: those that hold what the user says, of any type."""
    known = column_map().columns
    row = Shaped()
    for key, value in found.values.items():
        if value is None or key == "meta":
            continue
        if key not in known:
            row.keep(key, value)
        elif key not in mapped:
            row.columns[key] = value
        elif not put(row, key, value):
            row.keep(key, value)
    for key, value in (found.values.get("meta") or {}).items():
        row.keep(key, value)
    if found.instruction is not None:
        row.keep("instruction_before", row.columns.pop("instruction", None))
        put(row, "instruction", found.instruction)
    if "instruction" not in row.columns:
        row.drop_reason = "unreadable: the instruction is no text, or an empty one"
    return row


def _keys(seen: Imported) -> str:
    names = [brief(key, 60, quoted=False) for key, _ in seen.keys.most_common(_SHOWN_KEYS)]
    more = len(seen.keys) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "") if names else "none"


def _nothing_of_use(inputs: Sequence[Input], seen: Imported) -> str:
    place = _place(inputs)
    if not seen.rows:
        return f"{place}: holds no conversation: nothing to import"
    reason, _ = seen.dropped.most_common(1)[0]
    return (
        f"{place}: not one of its {seen.rows:,} rows can be read (the first, {seen.examples[reason]}: {reason}); keys "
        f"found: {_keys(seen)}. Name what they are, as in --map question=instruction --map answer=response"
    )
