"""One shard of one stage: the rows it has, those it lacks, and how it is sealed.

Shard k holds rows [k*S, (k+1)*S) as Parquet, sorted by row, beside open journals while rows are being made: one for
each process that makes some.
The fill rule: wanted minus made, plus rows whose input changed, plus rows with an error, is missing; a shard
with nothing missing is done. Knows no stage but its columns, and no engine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from hashlib import blake2b
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from magpie.columns import (
    ATTEMPTS,
    BOOKKEEPING,
    COMPLETION_TOKENS,
    PROMPT_TOKENS,
    ROW,
    WASTED_TOKENS,
    Column,
    struct_fields,
)
from magpie.errors import RunError
from magpie.runs.files import bring, storage
from magpie.runs.journal import Journal, journals_in, list_journals, read_lines, remove_journal
from magpie.runs.sums import check_sum, write_summed
from magpie.runs.tally import NEEDED, Tally, read_tally, tally_of, write_tally
from magpie.seams import Completion, Request
from magpie.wire import check_completion, plain_completion, read_completion

_ARROW: Mapping[str, pa.DataType] = {
    "string": pa.string(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "double": pa.float64(),
    "bool": pa.bool_(),
    "list<string>": pa.list_(pa.string()),
    "list<double>": pa.list_(pa.float64()),
    "list<float>": pa.list_(pa.float32()),
    "messages": pa.list_(pa.struct({"role": pa.string(), "content": pa.string()})),
    "responses": pa.list_(
        pa.struct(
            {
                "response": pa.string(),
                "reasoning": pa.string(),
                "model": pa.string(),
                "finish_reason": pa.string(),
                "tokens": pa.int32(),
            }
        )
    ),
}
MOST_ATTEMPTS = 3
"""Tries after which a row that could not be made is left alone, until it is asked for again."""

_DIGEST = b"magpie.digest"
_READ = b"magpie.read"
_COLUMNS = b"magpie.columns"
_TALLY = b"magpie.tally"
_ARROW_SCHEMA = b"ARROW:schema"

_REMEMBERED = 65536
"""Sealed files whose footers are kept in mind: about 2 KiB each at 4,096 rows."""

MadeRow = dict[str, Any]
"""A row as its stage's file has it: `row`, the stage's columns, and the bookkeeping."""


def arrow_schema(columns: Sequence[Column]) -> pa.Schema:
    """The schema of a stage's files: `row`, its columns, the bookkeeping."""
    return fields_of((ROW, *columns, *BOOKKEEPING))


def fields_of(columns: Sequence[Column]) -> pa.Schema:
    """The schema of some columns."""
    return pa.schema([pa.field(c.name, arrow_type(c.type), metadata=_about(c)) for c in columns])


def arrow_type(kind: str) -> pa.DataType:
    """The Arrow type of a column or of a field of a struct.

    arrow_type("list<string>")
    """
    if kind in _ARROW:
        return _ARROW[kind]
    fields = struct_fields(kind)
    if fields is None:
        return pa.list_(arrow_type(kind.removeprefix("list<").removesuffix(">")))
    return pa.struct([pa.field(name, arrow_type(field)) for name, field in fields.items()])


def _about(column: Column) -> dict[str, str]:
    return {"meaning": column.meaning} | ({"unit": column.unit} if column.unit else {})


def input_digest(values: Sequence[Any]) -> int:
    """A digest of the values that a row's stage read, as a signed 64-bit number; 0 for a stage that reads nothing."""
    if not values:
        return 0
    digest = _EMPTY_DIGEST.copy()
    digest.update(orjson.dumps(values))
    return int.from_bytes(digest.digest(), "little", signed=True)


_EMPTY_DIGEST = blake2b(digest_size=8)
"""Copied for each row: that is faster than a new one."""


class Lines(NamedTuple):
    """What journals hold."""

    made: dict[int, MadeRow]
    """Rows that ended, with or without an error."""
    said: dict[int, dict[tuple[int, str], Completion]]
    """The completions of rows that did not end or failed, by number and digest of the request."""
    deaths: dict[int, int]
    """At how many deaths of an engine a row that did not end was in its hands."""


def _lines_of(path: Path, columns: Sequence[Column]) -> Lines:
    """What one journal holds."""
    found = Lines({}, {}, {})
    made, said, deaths = found
    for line in well_formed(read_lines(path), columns):
        if "said" in line:
            key = (line["n"], line["request"])
            said.setdefault(line["row"], {})[key] = read_completion(line["said"])
        elif "deaths" in line:
            deaths[line["row"]] = line["deaths"]
        else:
            made[line["row"]] = line
            deaths.pop(line["row"], None)
            if line["error"] is None:
                said.pop(line["row"], None)
    return found


def _merge(found: Lines, more: Lines, now: Callable[[int], int] | None) -> None:
    """Add what another owner's journal holds."""

    def rank(row: MadeRow) -> tuple[bool, bool, int]:
        current = now is None or row["input_digest"] == now(row["row"])
        return current, row["error"] is None, row.get("attempts") or 0

    for number, row in more.made.items():
        before = found.made.get(number)
        if before is None or rank(row) > rank(before):
            found.made[number] = row
    for number, said in more.said.items():
        found.said.setdefault(number, {}).update(said)
    for number, deaths in more.deaths.items():
        found.deaths[number] = max(deaths, found.deaths.get(number, 0))
    for number in [*found.said, *found.deaths]:
        if number in found.made and rank(found.made[number])[:2] == (True, True):
            found.said.pop(number, None)
            found.deaths.pop(number, None)


def _stands(sealed: MadeRow | None, row: MadeRow) -> bool:
    """Whether a sealed row counts, and not what a journal has of it: a worker that was taken for lost may have made it
    once more, after others have built on the first."""
    return sealed is not None and sealed["error"] is None and sealed["input_digest"] == row["input_digest"]


class ShardFiles:
    """Where a shard lies, and what its files hold. Reading only; safe beside a process that writes."""

    def __init__(self, folder: Path, number: int) -> None:
        self.number = number
        self.parquet = folder / f"{number:05d}.parquet"
        self.journal = folder / f"{number:05d}.part"
        """The name of a writer that needs none, and of earlier magpies."""

    def journals(self) -> tuple[Path, ...]:
        """The shard's journals, of all owners."""
        return journals_in(self.parquet.parent).get(self.number, ())

    def journal_of(self, owner: str) -> Path:
        """The journal that an owner writes."""
        return self.journal.with_name(f"{self.number:05d}.{owner}.part")

    def footer(self) -> Mapping[bytes, bytes]:
        """The metadata in the sealed file's footer; empty when there is no file. It is cached by the file's inode, time
        and size."""
        version = self._version()
        return {} if version is None else _footer(self.parquet, self.number, version)

    def tally(self) -> Tally | None:
        """What the sealed rows came to, or None when there is no sealed file. Of a file that earlier magpies sealed it
        is counted; it, too, is read once."""
        version = self._version()
        return None if version is None else _tally(self.parquet, self.number, version)

    def _version(self) -> tuple[int, int, int] | None:
        try:
            found = self.parquet.stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def is_sealed(self) -> bool:
        """Whether there is a sealed file."""
        return self.parquet.exists()

    def made_from(self) -> str:
        """The digest of the shards that the sealed rows were made from."""
        return self.footer().get(_READ, b"").decode()

    def sizes(self) -> tuple[int, int, int] | None:
        """The rows of the sealed file, the bytes of their data, and those of the rest; None when there is no file."""
        if not self.parquet.exists():
            return None
        with self._opened() as file:
            found = file.metadata
            groups = [found.row_group(n) for n in range(found.num_row_groups)]
            data = sum(group.column(n).total_compressed_size for group in groups for n in range(group.num_columns))
            return found.num_rows, data, max(0, self.parquet.stat().st_size - data)

    def check(self) -> None:
        """Raise `RunError` where the sealed file is not what was written."""
        if self.parquet.exists():
            check_sum(self.parquet)

    def stands(self, columns: Sequence[Column]) -> bool:
        """Whether there is a sealed file, its bytes are those that were written, and it has these columns."""
        try:
            self.check()
            if not self.is_sealed():
                return False
            with self._opened() as file:
                there = {field.name: field.type for field in file.schema_arrow}
        except RunError:
            return False
        return all(there.get(column.name) == arrow_type(column.type) for column in columns)

    def sealed(self, columns: Sequence[str] | None = None, *, checked: bool = True) -> pa.Table | None:
        """The sealed rows, or None when there is no sealed file.

        checked: whether the file's bytes are held against their digest first. Raises `RunError` for a damaged file.
        """
        if not self.parquet.exists():
            return None
        bring(self.parquet)
        if checked:
            self.check()
        with self._opened() as file:
            there = set(file.schema_arrow.names)  # a file of earlier magpies lacks bookkeeping that came later
            return file.read(columns=None if columns is None else [name for name in columns if name in there])

    @contextmanager
    def _opened(self) -> Iterator[pq.ParquetFile]:
        try:
            with pa.OSFile(str(self.parquet)) as data, pq.ParquetFile(data) as file:
                yield file
        except (pa.ArrowException, OSError) as error:
            raise RunError(
                f"{self.parquet}: cannot be read as Parquet ({error}); magpie writes files whole, so something else "
                "changed it: restore it, or delete it and its rows are made again"
            ) from error

    def lines(self, columns: Sequence[Column], now: Callable[[int], int] | None = None) -> Lines:
        """What the journals of all owners hold. In one journal a row's newest line counts. Of several owners' lines
        those count that were made from the row's input as it is `now` (a row to its digest), and of these one without
        an error, or else the last try; where they are alike, that of the first owner by name. A line of another shape
        than these `columns` have, or than a completion has, counts for nothing and costs its row alone."""
        found = Lines({}, {}, {})
        for path in self.journals():
            _merge(found, _lines_of(path, columns), now)
        return found

    def rows(self, columns: Sequence[Column]) -> pa.Table:
        """Every row made so far, sealed or in the journal, sorted by row."""
        schema = arrow_schema(columns)
        made = self.lines(columns)[0]
        sealed = self.sealed()
        if not made:
            return schema.empty_table() if sealed is None else _fitted(sealed, schema)
        merged = {} if sealed is None else {row["row"]: row for row in sealed.to_pylist()}
        newer = {number: row for number, row in made.items() if not _stands(merged.get(number), row)}
        return _table({**merged, **newer}, schema)


@lru_cache(_REMEMBERED // 2)
def shard_files(folder: Path, number: int) -> ShardFiles:
    """The files of a shard. Paths are made once: a run of millions of rows asks for each shard's many times."""
    return ShardFiles(folder, number)


@lru_cache(_REMEMBERED)
def _footer(parquet: Path, number: int, version: tuple[int, int, int]) -> Mapping[bytes, bytes]:  # noqa: ARG001 (names the file)
    with ShardFiles(parquet.parent, number)._opened() as file:
        found: dict[bytes, bytes] = dict(file.metadata.metadata or {})
    found.pop(_ARROW_SCHEMA, None)
    return found


@lru_cache(_REMEMBERED)
def _tally(parquet: Path, number: int, version: tuple[int, int, int]) -> Tally:
    try:
        return read_tally(_footer(parquet, number, version).get(_TALLY, b""))
    except ValueError:
        table = ShardFiles(parquet.parent, number).sealed(NEEDED, checked=False)
    try:
        assert table is not None, "a file was there"
        return tally_of(table)
    except (AssertionError, KeyError, TypeError, ValueError, pa.ArrowException) as error:
        raise RunError(
            f"{parquet}: its rows cannot be counted ({error}); magpie writes files whole, so something else changed "
            "it: restore it, or delete it and its rows are made again"
        ) from error


_NEVER_NULL = ("instruction", "response")
"""Columns that a surviving row always has."""


def well_formed(lines: Iterable[dict[str, Any]], columns: Sequence[Column]) -> Iterator[dict[str, Any]]:
    """The lines of a journal that a stage with these columns may have written: what was valid JSON and no more than
    that would break its readers."""
    found = [line for line in lines if _has_keys(line, columns)]
    schema = arrow_schema(columns)
    rows = [line for line in found if "said" not in line and "deaths" not in line]
    all_fit = _fits(rows, schema)
    for line in found:
        if all_fit or "said" in line or "deaths" in line or _fits([line], schema):
            yield line


def _has_keys(line: Mapping[str, Any], columns: Sequence[Column]) -> bool:
    if "said" in line:
        try:
            check_completion(line["said"])
        except ValueError:
            return False
        return type(line.get("n")) is int and line["n"] >= 0 and isinstance(line.get("request"), str)
    if "deaths" in line:
        return type(line["deaths"]) is int and line["deaths"] >= 0
    if any(column.name not in line for column in (*columns, *BOOKKEEPING) if column is not ATTEMPTS):
        return False
    goes_on = line["error"] is None and line["drop_reason"] is None
    if goes_on and any(line[column.name] is None for column in columns if column.name in _NEVER_NULL):
        return False
    counts = (PROMPT_TOKENS, COMPLETION_TOKENS, WASTED_TOKENS)
    if not all(type(line[count.name]) is int and line[count.name] >= 0 for count in counts):
        return False
    if type(line["input_digest"]) is not int or type(line.get("attempts") or 0) is not int:
        return False
    return all(_has_turns(line[column.name]) for column in columns if column.type == "messages")


def _has_turns(value: Any) -> bool:
    """Whether a value is a conversation, or null."""
    return value is None or (
        isinstance(value, list)
        and all(
            isinstance(turn, dict) and isinstance(turn.get("role"), str) and isinstance(turn.get("content"), str)
            for turn in value
        )
    )


def _fits(rows: Sequence[MadeRow], schema: pa.Schema) -> bool:
    """Whether the rows' values are of the types of their columns."""
    try:
        pa.Table.from_pylist(list(rows), schema=schema)
    except (pa.ArrowException, ArithmeticError, TypeError, ValueError, AttributeError):
        return False
    return True


def _fitted(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The table in this schema, null where it lacks a column."""
    columns = [
        table.column(field.name) if field.name in table.schema.names else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pa.table(columns, names=schema.names).cast(schema)


def _table(rows: Mapping[int, MadeRow], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist([rows[number] for number in sorted(rows)], schema=schema)


def _column_digests(table: pa.Table) -> dict[str, str]:
    """A digest of each column's values beside the rows that have them: equal rows have equal digests, however many
    sessions made them and whatever metadata the schema has."""
    return {name: _values(table.select(["row", name])) for name in table.schema.names if name != "row"}


def _values(table: pa.Table) -> str:
    plain = pa.table(table.columns, names=table.schema.names)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, plain.schema) as writer:
        writer.write_table(plain)
    return blake2b(sink.getvalue(), digest_size=16).hexdigest()


def _said_line(row: int, n: int, request: str, completion: Completion) -> dict[str, Any]:
    return {"row": row, "n": n, "request": request, "said": plain_completion(completion)}


class OpenShard:
    """A shard open for work. `missing` is what has to be made; `record` takes it; `seal` when nothing is missing."""

    def __init__(
        self,
        files: ShardFiles,
        columns: Sequence[Column],
        inputs: Mapping[int, Mapping[str, Any]],
        reads: Sequence[str],
        read: str,
        retry_failed: bool = False,
        owner: str | None = None,
    ) -> None:
        """`inputs`: each wanted row, with the columns named in `reads`. `read`: a digest of the shards they lie in.
        retry_failed: also rows that were tried `MOST_ATTEMPTS` times are missing. owner: who writes the journal, where
        others may work on the shard too."""
        self.files = files
        self.columns = columns
        self.inputs = inputs
        self.reads = reads
        self.read = read
        self._digests: dict[int, int] = {}
        self.journal = Journal(files.journal if owner is None else files.journal_of(owner))
        self._others = tuple(path for path in self._journals() if path != self.journal.path)
        self.made, self.said, self.deaths = files.lines(columns, self.digest)
        sealed = files.sealed(["row", "error", "attempts", "input_digest"], checked=False)
        self._sealed: dict[int, MadeRow] = {} if sealed is None else {row["row"]: row for row in sealed.to_pylist()}
        for number in [number for number, row in self.made.items() if _stands(self._sealed.get(number), row)]:
            del self.made[number]
        given_up = set() if retry_failed else self._given_up()
        good = self._good() | given_up
        self.missing = {row for row in inputs if row not in good}
        self._lines: list[dict[str, Any]] = []

    def digest(self, row: int) -> int:
        """What the row's stage reads, as one number; 0 for a stage that reads nothing and for a row not wanted."""
        if row not in self._digests:
            given = self.inputs.get(row)
            self._digests[row] = 0 if given is None else input_digest([given[name] for name in self.reads])
        return self._digests[row]

    def attempts(self, row: int) -> int:
        """How often the row was tried, with the input that it has now, and could not be made."""
        before = self.made.get(row) or self._sealed.get(row)
        if before is None or before["error"] is None or before["input_digest"] != self.digest(row):
            return 0
        return int(before.get("attempts") or 1)

    def _given_up(self) -> set[int]:
        """The rows that were tried as often as may be."""
        return {row for row in self.inputs if self.attempts(row) >= MOST_ATTEMPTS}

    def check_span(self, span: range) -> None:
        """Raise `RunError` when the files hold rows outside `span`: they were cut into shards of another size. A few in
        a journal beside rows inside are strange lines, which count for nothing."""
        strange = next((row for row in self._sealed if row not in span), None)
        outside = [row for row in self.made if row not in span]
        if strange is None and outside and not self._sealed and 2 * len(outside) >= len(self.made):
            strange = outside[0]
        for known in (self.made, self.said, self.deaths):
            for row in [row for row in known if row not in span]:
                del known[row]
        if strange is not None:
            raise RunError(
                f"{self.files.parquet.with_suffix('')}: holds row {strange}, expected rows {span.start} to "
                f"{span.stop - 1}: the run was made with another shard_rows; put the old value into recipe.yaml and "
                "remove run.json"
            )

    def _good(self) -> set[int]:
        """The rows made without error from the inputs as they are now."""
        made = {**self._sealed, **self.made}
        return {
            number
            for number, row in made.items()
            if row["error"] is None and number in self.inputs and row["input_digest"] == self.digest(number)
        }

    def record(self, row: MadeRow) -> None:
        """A finished row, with or without an error. Written by the next `flush`."""
        self.made[row["row"]] = row
        self.missing.discard(row["row"])
        if row["error"] is None:
            self.said.pop(row["row"], None)
        self._lines.append(row)

    def note(self, row: int, n: int, request: Request, completion: Completion) -> None:
        """A completion of an unfinished row. Written by the next `flush`."""
        digest = request.digest()
        self.said.setdefault(row, {})[n, digest] = completion
        self._lines.append(_said_line(row, n, digest, completion))

    def note_death(self, row: int) -> None:
        """An engine died with the row in its hands. Written by the next `flush`."""
        self.deaths[row] = self.deaths.get(row, 0) + 1
        self._lines.append({"row": row, "deaths": self.deaths[row]})

    def flush(self) -> None:
        """Hand what was recorded to the operating system: from here on a kill loses nothing of it."""
        if self._lines:
            self.journal.append(self._lines)
            self._lines = []

    def _journals(self) -> tuple[Path, ...]:
        """Those of all owners, as they are now."""
        folder = self.files.parquet.parent
        return list_journals(folder).get(self.files.number, ()) if folder.is_dir() else ()

    def others_came(self) -> bool:
        """Whether another owner has written of this shard since it was opened."""
        return bool(set(self._journals()) - {self.journal.path, *self._others})

    def seal(self, check: Callable[[], None] = lambda: None) -> None:
        """Replace the shard's file whole, with all rows made, and drop the journals that are in it. check: called
        before the file is replaced, and may raise."""
        self.flush()
        self.journal.sync()
        check()
        if self.made or (self._sealed and self.files.made_from() != self._made_from(self._sealed)):
            sealed = self.files.sealed()
            merged = {} if sealed is None else {row["row"]: row for row in sealed.to_pylist()}
            self._write({**merged, **self.made})
        self.journal.replace(self._unfinished())
        for path in self._others:
            remove_journal(path)

    def failed_just_now(self) -> set[int]:
        """Missing rows that failed, made from their inputs as they are, and are not sealed yet."""
        return {row for row in self.missing if row in self.made and self.made[row]["input_digest"] == self.digest(row)}

    def untried(self) -> set[int]:
        """Missing rows of which neither a journal nor the file says that they failed."""
        failed = {number for number, row in {**self._sealed, **self.made}.items() if row["error"] is not None}
        return self.missing - failed

    def _made_from(self, rows: Iterable[int]) -> str:
        """What the file says that it was made from; nothing, when it keeps rows that are not wanted now: whether those
        are in force is then looked up row by row."""
        return self.read if all(row in self.inputs for row in rows) else ""

    def _unfinished(self) -> list[dict[str, Any]]:
        """What was said for rows that failed: it was paid for, and is there when they are tried again."""
        heard = [(row, key, self.said[row][key]) for row in sorted(self.said) for key in sorted(self.said[row])]
        return [_said_line(row, n, request, completion) for row, (n, request), completion in heard]

    def _write(self, rows: Mapping[int, MadeRow]) -> None:
        write_sealed(self.files, _table(rows, arrow_schema(self.columns)), self._made_from(rows))

    def complete(self, made: pa.Table) -> None:
        """Seal the shard with `made`, the missing rows with their bookkeeping; what was good before stays."""
        schema = arrow_schema(self.columns)
        made = made.select(schema.names).cast(schema)
        before = self.files.sealed()
        if before is not None:
            kept = before.filter(pc.invert(pc.is_in(before.column("row"), value_set=made.column("row"))))
            made = pa.concat_tables([_fitted(kept, schema), made])
        write_sealed(self.files, made, self._made_from(made.column("row").to_pylist()))
        self.missing = set()

    def close(self) -> None:
        """Leave the shard as it is, for another time."""
        try:
            self.flush()
        finally:
            self.journal.close()


def write_sealed(files: ShardFiles, table: pa.Table, read: str) -> None:
    """Put a shard's sealed file, whole: its rows in order, a digest of them, and `read`, what they were made from."""
    table = table.sort_by("row").combine_chunks()
    columns = _column_digests(table)
    content = blake2b("".join(columns.values()).encode(), digest_size=16).hexdigest()
    metadata = {_DIGEST: content.encode(), _READ: read.encode(), _COLUMNS: orjson.dumps(columns)}
    metadata[_TALLY] = write_tally(tally_of(table))
    _put(files, table, metadata)


def put_sealed(files: ShardFiles, made: ShardFiles) -> None:
    """Put a shard that was sealed elsewhere in the place of `files`: a reader finds the old file or the new one."""
    bring(made.parquet)
    with storage(made.parquet):
        data = made.parquet.read_bytes()
    write_summed(files.parquet, data)


def _put(files: ShardFiles, table: pa.Table, metadata: Mapping[bytes, bytes]) -> None:
    sink = BytesIO()
    pq.write_table(table.replace_schema_metadata(dict(metadata)), sink, compression="zstd")
    write_summed(files.parquet, sink.getvalue())


def restamp(files: ShardFiles, read: str) -> None:
    """Rewrite a sealed shard with the same rows and another `read`, the digest of what they were made from. The digest
    of its rows stays, since other files may have been made from it."""
    sealed = files.sealed()
    assert sealed is not None, "a shard that says what it was made from"
    _put(files, sealed, {**files.footer(), _READ: read.encode()})


def content_digest(files: ShardFiles) -> str:
    """What a sealed shard says it holds; a shard without a sealed file has the empty digest."""
    return files.footer().get(_DIGEST, b"").decode()


def column_digests(files: ShardFiles, columns: Sequence[str]) -> tuple[str, ...]:
    """What a sealed shard says some of its columns hold. A file that earlier magpies sealed says it of all together."""
    footer = files.footer()
    try:
        found = dict(orjson.loads(footer.get(_COLUMNS, b"{}")))
    except (TypeError, ValueError):
        found = {}
    whole = footer.get(_DIGEST, b"").decode()
    return tuple(found.get(name, whole) for name in columns)
