"""Which rows reach a stage, and what a stage over the whole run is made from.

Knows files and their bookkeeping; knows no stage's work.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

import orjson
import pyarrow as pa

from magpie.runs.folder import StageFolder
from magpie.runs.shards import column_digests, restamp
from magpie.runs.tally import row_numbers


def shard_numbers(size: int, shard_rows: int) -> range:
    """The shards of a run."""
    return range(-(-size // shard_rows))


def surviving(upstream: Sequence[StageFolder], number: int, size: int, shard_rows: int) -> pa.Array:
    """The rows of a shard that every stage of `upstream` made and none dropped, in order: int64."""
    return row_numbers(surviving_set(upstream, number, size, shard_rows), number * shard_rows)


def surviving_set(upstream: Sequence[StageFolder], number: int, size: int, shard_rows: int) -> int:
    """The same as a set of rows, see `tally`, from the shard's first row on. Reads footers."""
    first = number * shard_rows
    rows = (1 << max(0, min(shard_rows, size - first))) - 1
    for stage in upstream:
        tally = stage.shard(number).tally()
        rows &= 0 if tally is None else tally.from_row(first)[0]
    return rows


# -- stages over the whole run ----------------------------------------------------------------------------------------


def corpus_digest(stage: StageFolder, upstream: Sequence[StageFolder], size: int, shard_rows: int) -> str:
    """A digest of the input of a corpus stage: the rows that reach it and the columns that it reads. A further stage
    that drops none of these rows does not change it."""
    makers = stage.makers(upstream)
    given = []
    for number in shard_numbers(size, shard_rows):
        if rows := surviving_set(upstream, number, size, shard_rows):
            columns = tuple((tuple(names), column_digests(maker.shard(number), names)) for maker, names in makers)
            given.append((number * shard_rows, rows, columns))
    return _digest_of(tuple(given))


@lru_cache(16)
def _digest_of(given: tuple[tuple[int, int, tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]], ...]) -> str:
    """For each shard its first row, the set of its rows, and what is read of it. Cached: a process that reads a run
    needs it many times, and it takes a second for millions of rows."""
    digest = blake2b(digest_size=16)
    for first, rows, columns in given:
        digest.update(orjson.dumps(row_numbers(rows, first).to_pylist()))
        for names, digests in columns:
            digest.update(orjson.dumps([names, digests]))
    return digest.hexdigest()


def corpus_shards(
    stage: StageFolder, upstream: Sequence[StageFolder], size: int, shard_rows: int
) -> tuple[list[int], bool]:
    """The sealed shards of a stage over the whole run that count, and whether they are stale.

    All count where all were made together: a selection stays valid until it is made again, even if its input has
    changed since. Where only some were made from the current input, it is being made again, and only those count.
    """
    made = {number: stage.shard(number).made_from() for number in stage.shards() if stage.shard(number).is_sealed()}
    if not made:
        return [], False
    digest = corpus_digest(stage, upstream, size, shard_rows)
    fresh = [number for number, found in made.items() if found == digest]
    together = len(set(made.values())) == 1
    if fresh or not together:
        return fresh, False
    return list(made), next(iter(made.values())) != stage.legacy_corpus_digest(upstream, size)


def restamp_legacy(stages: Sequence[StageFolder], size: int, shard_rows: int) -> None:
    """Convert what corpus stages of an earlier magpie say they were made from to `corpus_digest`, before a further
    stage is run and it can no longer be determined."""
    for place, stage in enumerate(stages):
        if stage.kind != "corpus":
            continue
        upstream = stages[:place]
        shards = [stage.shard(number) for number in stage.shards() if stage.shard(number).is_sealed()]
        made = {shard.made_from() for shard in shards}
        if made == {stage.legacy_corpus_digest(upstream, size)}:
            digest = corpus_digest(stage, upstream, size, shard_rows)
            for shard in shards:
                restamp(shard, digest)
