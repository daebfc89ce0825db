"""Which rows of a stage count as they are now, and how many: from footers, where a shard is sealed and up to date.

Shards with a journal, and those whose rows may be made from what is no longer so, are looked through row by row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from magpie.runs.folder import StageFolder
from magpie.runs.shards import input_digest
from magpie.runs.surviving import corpus_shards, shard_numbers
from magpie.runs.tally import NEEDED, Tally, bits, tally_of

Scope = Literal["kept", "dropped", "all"]
"""Rows that came through every stage, those that a stage dropped, or every one."""


@dataclass(frozen=True, slots=True)
class StageCounts:
    """What one stage did: rows made, dropped by reason, failed; and the tokens that they took."""

    stage: str
    made: int
    dropped: dict[str, int]
    failed: int
    prompt_tokens: int
    completion_tokens: int
    wasted_tokens: int
    commonest_error: str | None
    """The message that most failed rows carry."""


@dataclass(frozen=True, slots=True)
class InForce:
    """A stage's rows that count: `settled` shards as their files have them, and those of other shards as tables of the
    columns that are counted (`NEEDED`)."""

    stage: StageFolder
    settled: frozenset[int]
    others: Mapping[int, pa.Table]


def in_force(stage: StageFolder, above: Sequence[StageFolder], size: int, shard_rows: int) -> InForce:
    """The rows of a stage that count."""
    settled = frozenset(settled_shards(stage, above, size, shard_rows))
    others = open_shards(stage, settled)
    return InForce(stage, settled, {n: rows_in_force(stage, above, n, shard_rows).select(NEEDED) for n in others})


def settled_shards(
    stage: StageFolder,
    above: Sequence[StageFolder],
    size: int,
    shard_rows: int,
    shards: Collection[int] | None = None,
) -> list[int]:
    """The sealed shards that count as they are, of these `shards` where some are named. Which shards of a stage over
    the whole run count is for `corpus_shards` to say."""
    if shards is not None and not shards:
        return []
    if stage.kind == "corpus":
        return corpus_shards(stage, above, size, shard_rows)[0]
    there = stage.shards() if shards is None else [number for number in stage.shards() if number in shards]
    return [number for number in there if is_settled(stage, above, number)]


def open_shards(stage: StageFolder, settled: Collection[int]) -> list[int]:
    """The shards whose rows are looked through one by one: those that have a journal, or rows that may be made from
    what is no longer so. Of a stage over the whole run a shard counts as it is, or not at all."""
    return [] if stage.kind == "corpus" else [number for number in stage.shards() if number not in settled]


def is_settled(stage: StageFolder, above: Sequence[StageFolder], number: int) -> bool:
    """Whether the shard's Parquet file is all there is, and was made from the shards above as they are now."""
    files = stage.shard(number)
    makers = [maker for maker, _ in stage.makers(above)]
    if any(maker.shard(number).lines(maker.columns)[0] for maker in (stage, *makers)):
        return False
    return files.parquet.exists() and files.made_from() == stage.read_digest(above, number)


def rows_in_force(stage: StageFolder, above: Sequence[StageFolder], number: int, shard_rows: int) -> pa.Table:
    """The shard's rows, without those that were made from an input that has changed since and will be made again."""
    rows = _within(stage.shard(number).rows(stage.columns), number * shard_rows, (number + 1) * shard_rows)
    if not stage.reads:
        return rows
    inputs: dict[int, dict[str, Any]] = {}
    for maker, columns in stage.makers(above):
        for given in maker.shard(number).rows(maker.columns).select(["row", *columns]).to_pylist():
            inputs.setdefault(given["row"], {}).update(given)
    digests = {row: input_digest([given[name] for name in stage.reads]) for row, given in inputs.items()}
    same = [digests.get(row) == digest for row, digest in zip(*_pair(rows, "row", "input_digest"), strict=True)]
    return rows.filter(pa.array(same, pa.bool_()))


def _within(rows: pa.Table, first: int, end: int) -> pa.Table:
    """The rows that the shard has room for: a strange line in a journal may name any other."""
    numbers = rows.column("row")
    return rows.filter(pc.and_(pc.greater_equal(numbers, first), pc.less(numbers, end)))


def _pair(table: pa.Table, one: str, other: str) -> tuple[list[Any], list[Any]]:
    return table.column(one).to_pylist(), table.column(other).to_pylist()


# -- counts -----------------------------------------------------------------------------------------------------------


def count_stage(rows: InForce, size: int) -> StageCounts:
    """What a stage did with the first `size` rows. Opens shards only where rows failed, for the message, or where a
    shard has rows beyond."""
    errors: Counter[str] = Counter()
    tallies = []
    for table_or_tally in _tallies_or_tables(rows, size):
        if isinstance(table_or_tally, Tally):
            tallies.append(table_or_tally)
        else:
            table = table_or_tally.filter(pc.less(table_or_tally.column("row"), size))
            tallies.append(tally_of(table))
            errors.update(table.column("error").drop_null().to_pylist())
    dropped: Counter[str] = Counter()
    for tally in tallies:
        dropped.update(tally.dropped)
    return StageCounts(
        stage=rows.stage.stage,
        made=sum(tally.made for tally in tallies),
        dropped=dict(sorted(dropped.items())),
        failed=sum(tally.failed for tally in tallies),
        prompt_tokens=sum(tally.prompt_tokens for tally in tallies),
        completion_tokens=sum(tally.completion_tokens for tally in tallies),
        wasted_tokens=sum(tally.wasted_tokens for tally in tallies),
        commonest_error=errors.most_common(1)[0][0] if errors else None,
    )


def _tallies_or_tables(rows: InForce, size: int) -> Iterator[Tally | pa.Table]:
    for number in sorted(rows.settled):
        files = rows.stage.shard(number)
        tally = files.tally()
        if tally is None:
            continue
        table = files.sealed(NEEDED, checked=False) if tally.failed or tally.end > size else None
        yield tally if table is None else table
    yield from rows.others.values()


def count_kept(stages: Sequence[InForce], size: int, shard_rows: int) -> int:
    """How many of the first `size` rows came through every stage: rows of the first and of the last that no stage
    dropped or failed to make."""
    return sum(_kept(stages, n, size, shard_rows).bit_count() for n in shard_numbers(size, shard_rows))


def row_sets(scope: Scope, stages: Sequence[InForce], size: int, shard_rows: int) -> list[tuple[int, int]]:
    """The rows of a scope among the first `size`: of each shard its first row, and a set of rows from there on."""
    of = {"kept": _kept, "dropped": _dropped, "all": _all}[scope]
    return [(n * shard_rows, of(stages, n, size, shard_rows)) for n in shard_numbers(size, shard_rows)]


def _kept(stages: Sequence[InForce], number: int, size: int, shard_rows: int) -> int:
    """The rows of a shard that came through every stage, as a set from its first row on."""
    sets = [_sets(rows, number, number * shard_rows) for rows in stages]
    bad = reduce(or_, (bad for _, bad in sets))
    return sets[0][0] & sets[-1][0] & _span(number, size, shard_rows) & ~bad


def _all(stages: Sequence[InForce], number: int, size: int, shard_rows: int) -> int:
    """The rows of a shard that were made."""
    good, bad = _sets(stages[0], number, number * shard_rows)
    return (good | bad) & _span(number, size, shard_rows)


def _dropped(stages: Sequence[InForce], number: int, size: int, shard_rows: int) -> int:
    """The rows of a shard that a stage dropped."""
    dropped = reduce(or_, (_dropped_by(rows, number, number * shard_rows) for rows in stages))
    return _all(stages, number, size, shard_rows) & dropped


def _dropped_by(rows: InForce, number: int, base: int) -> int:
    """The rows of a shard that one stage dropped. Opens it where some failed: which ones, no footer says."""
    table = rows.others.get(number)
    if table is None:
        tally = rows.stage.shard(number).tally() if number in rows.settled else None
        if tally is None or not tally.failed:
            return _sets(rows, number, base)[1]
        table = rows.stage.shard(number).sealed(["row", "drop_reason"], checked=False)
    if table is None:
        return 0
    found = table.column("row").filter(pc.is_valid(table.column("drop_reason")))
    return bits(found, base, pc.max(found).as_py() + 1) if len(found) else 0


def _span(number: int, size: int, shard_rows: int) -> int:
    """Every row of a shard, as a set."""
    return (1 << min(shard_rows, size - number * shard_rows)) - 1


def _sets(rows: InForce, number: int, base: int) -> tuple[int, int]:
    """The rows of one shard that go on, and those that do not, as sets from the row `base` on."""
    if number in rows.others:
        return tally_of(rows.others[number]).from_row(base)
    tally = rows.stage.shard(number).tally() if number in rows.settled else None
    return (0, 0) if tally is None else tally.from_row(base)
