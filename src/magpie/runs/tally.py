"""What a shard's rows came to, in its file's footer: counts and sets of rows are had without opening a column.

A set of rows is one whole number with a bit for each row, counted from `first`: the sets of thousands of shards fit
into memory, and Python intersects them as fast as memory is read. Knows columns, not files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

NEEDED = ("row", "drop_reason", "error", "prompt_tokens", "completion_tokens", "wasted_tokens")
"""The columns that a tally is taken of."""

_MOST_SPAN = 1 << 24
"""Rows between a shard's first and last: rows further apart are in no shard that magpie wrote."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Rows and counts of one shard, or of a part of one."""

    first: int
    """The row of bit 0."""
    good: int
    """The rows that go on: neither dropped nor failed."""
    bad: int
    """The rows that were dropped or failed."""
    dropped: Mapping[str, int]
    """Rows by reason, failed ones aside."""
    failed: int
    prompt_tokens: int
    completion_tokens: int
    wasted_tokens: int

    @property
    def made(self) -> int:
        """How many rows were made, dropped ones too."""
        return self.good.bit_count() + self.bad.bit_count() - self.failed

    @property
    def rows(self) -> int:
        """All rows, as a set from `first` on."""
        return self.good | self.bad

    @property
    def end(self) -> int:
        """One more than the last row."""
        return self.first + self.rows.bit_length()

    def from_row(self, base: int) -> tuple[int, int]:
        """`good` and `bad` as sets from the row `base` on; rows before it, and far behind it, are left out."""
        return shifted(self.good, self.first - base), shifted(self.bad, self.first - base)


def shifted(rows: int, by: int) -> int:
    """A set of rows, counted from `by` rows earlier (or, below 0, later) on. It is empty where it lies too far away."""
    if by >= _MOST_SPAN:
        return 0
    return rows << by if by >= 0 else rows >> -by


def tally_of(table: pa.Table) -> Tally:
    """The tally of a table that has the columns `NEEDED`. Raises `ValueError` where its rows lie too far apart."""
    rows = table.column("row").combine_chunks()
    first, last = (0, -1) if len(rows) == 0 else (pc.min(rows).as_py(), pc.max(rows).as_py())
    if last - first >= _MOST_SPAN:
        raise ValueError(f"rows {first} to {last} in one shard")
    failed = pc.is_valid(table.column("error"))
    dropped = pc.and_(pc.is_valid(table.column("drop_reason")), pc.invert(failed))
    is_bad = pc.or_(failed, dropped)
    reasons = pc.value_counts(table.column("drop_reason").filter(dropped)).to_pylist()
    tokens = [pc.sum(table.column(name)).as_py() or 0 for name in NEEDED[3:]]
    return Tally(
        first,
        bits(rows.filter(pc.invert(is_bad)), first, last + 1),
        bits(rows.filter(is_bad), first, last + 1),
        {found["values"]: found["counts"] for found in sorted(reasons, key=lambda found: found["values"])},
        pc.sum(failed).as_py() or 0,
        *tokens,
    )


def bits(rows: pa.Array | pa.ChunkedArray, first: int, end: int) -> int:
    """Row numbers (int64), those from `first` up to `end`, as a set from `first` on."""
    if len(rows) == 0:
        return 0
    span = pa.array(range(first, end), pa.int64())
    values = rows.combine_chunks() if isinstance(rows, pa.ChunkedArray) else rows
    mask = pc.is_in(span, value_set=values)
    return int.from_bytes(mask.buffers()[1].to_pybytes(), "little") & ((1 << len(span)) - 1)


def row_numbers(rows: int, first: int) -> pa.Array:
    """The set as row numbers in order: int64."""
    count = rows.bit_length()
    data = pa.py_buffer(rows.to_bytes(-(-count // 8), "little"))
    places = pc.indices_nonzero(pa.Array.from_buffers(pa.bool_(), count, [None, data]))
    return pc.add(places.cast(pa.int64()), pa.scalar(first, pa.int64()))


def write_tally(tally: Tally) -> bytes:
    """For a footer."""
    return orjson.dumps(
        {
            "first": tally.first,
            "good": f"{tally.good:x}",
            "bad": f"{tally.bad:x}",
            "dropped": tally.dropped,
            "failed": tally.failed,
            "tokens": [tally.prompt_tokens, tally.completion_tokens, tally.wasted_tokens],
        }
    )


def read_tally(data: bytes) -> Tally:
    """What `write_tally` wrote. Raises `ValueError` for anything else."""
    try:
        plain: dict[str, Any] = orjson.loads(data)
        good, bad = int(plain["good"], 16), int(plain["bad"], 16)
        numbers = [plain["first"], plain["failed"], *plain["tokens"], *plain["dropped"].values()]
        if good < 0 or bad < 0 or good & bad or any(type(number) is not int or number < 0 for number in numbers):
            raise ValueError("a tally that counts below nothing, or a row twice")
        return Tally(plain["first"], good, bad, plain["dropped"], plain["failed"], *plain["tokens"])
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no tally: {error}") from error
