"""Finds instructions that say what an earlier one says: the same once leveled, or nearly the same words.

The earliest stays. Two rows are near each other when the runs of words that they share are a large enough share of all
their runs (Jaccard similarity); MinHash bands only say which pairs to compare. Each row is compared with rows that
stay, never with dropped ones: no row goes that is near none that stays, and what happens to a row depends on earlier
rows alone.

Knows Arrow and nothing of files; memory is some tens of bytes a row, the rest lies in the corpus's scratch folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import pyarrow as pa

from magpie.seams import Corpus
from magpie.stages.dedup.sketches import Shape, Sketches
from magpie.stages.text.ngrams import numpy
from magpie.stages.text.words import level

MOST_COMPARED = 2000
"""Earlier rows that one row is compared with. More share a band with it only where thousands are alike and yet no
duplicates; how many rows that cut short is reported."""
_TABLE_ROWS = 65536


def dedup(corpus: Corpus, shape: Shape | None) -> Iterator[pa.Table]:
    """The corpus stage: reads `instruction`, writes `duplicate_of`; drops `duplicate` and `near_duplicate`.

    shape: None is exact duplicates only. Raises `MissingExtra` without NumPy, or rensa for near ones.
    """
    np = numpy()
    rows = np.empty(corpus.count, np.int64)
    digests = np.empty((corpus.count, 2), np.uint64)
    with _sketches(corpus, shape) as sketches:
        start = 0
        for batch in corpus.batches():
            texts = [level(text or "") for text in batch.column("instruction").to_pylist()]
            here = slice(start, start + len(texts))
            rows[here], digests[here] = batch.column("row").to_numpy(), _digests(texts)
            if sketches is not None:
                sketches.add(texts)
            start += len(texts)
        stays = _firsts(digests)
        exact = stays != np.arange(len(stays))
        near, cut_short = ({}, 0) if sketches is None else _near(sketches, np.flatnonzero(~exact))
    stays[list(near)] = list(near.values())
    stays[exact] = stays[stays[exact]]  # what is the same as a dropped row is a duplicate of the row that stays
    corpus.report({"duplicates": int(exact.sum()), "near_duplicates": len(near), "comparisons_cut_short": cut_short})
    yield from _tables(rows, stays, exact)


def _sketches(corpus: Corpus, shape: Shape | None) -> AbstractContextManager[Sketches | None]:
    return nullcontext() if shape is None else closing(Sketches(corpus.scratch, corpus.count, shape))


def _digests(texts: Sequence[str]) -> Any:
    """128 bits of each text, as two numbers."""
    found = [blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest() for text in texts]
    return numpy().frombuffer(b"".join(found), numpy().uint64).reshape(-1, 2)


def _firsts(digests: Any) -> Any:
    """For each text the first one with the same digest: itself where none came before."""
    np = numpy()
    order = np.lexsort((digests[:, 1], digests[:, 0]))  # stable: of equals the earliest stays first
    begins = np.ones(len(order), bool)
    begins[1:] = (digests[order[1:]] != digests[order[:-1]]).any(axis=1)
    first = np.empty(len(order), np.int64)
    first[order] = order[begins][np.cumsum(begins) - 1]
    return first


def _near(sketches: Sketches, texts: Any) -> tuple[dict[int, int], int]:
    """Text to the earliest that it is near and that stays, and of how many texts not all candidates were compared."""
    np = numpy()
    member, group = sketches.shared_bands(texts)
    bounds = np.concatenate([np.flatnonzero(np.diff(member, prepend=-1)), [len(member)]])
    staying: dict[int, list[int]] = {}
    near: dict[int, int] = {}
    compare = _Comparing(sketches)
    cut_short = 0
    for start, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        text, groups = int(member[start]), group[start:end].tolist()
        candidates = sorted({other for one in groups for other in staying.get(one, ())})
        cut_short += len(candidates) > MOST_COMPARED
        found = next((other for other in candidates[:MOST_COMPARED] if compare(other, text)), None)
        if found is not None:
            near[text] = found
            continue
        for one in groups:
            staying.setdefault(one, []).append(text)
    return near, cut_short


class _Comparing:
    """Whether two texts are near each other, by what was kept of them."""

    def __init__(self, sketches: Sketches) -> None:
        self._sketches = sketches
        self._threshold = sketches.shape.threshold
        self._numbers = sketches.numbers
        self._runs = lru_cache(maxsize=20_000)(sketches.runs)

    def __call__(self, one: int, other: int) -> bool:
        if self._numbers[one] != self._numbers[other]:
            return False
        sizes = self._sketches.size(one), self._sketches.size(other)
        if min(sizes) < self._threshold * max(sizes):
            return False
        shared = len(self._runs(one) & self._runs(other))
        return shared >= self._threshold * (sum(sizes) - shared)


def _tables(rows: Any, stays: Any, exact: Any) -> Iterator[pa.Table]:
    np = numpy()
    for start in range(0, len(rows), _TABLE_ROWS):
        here = slice(start, start + _TABLE_ROWS)
        dropped = stays[here] != np.arange(start, start + len(rows[here]))
        reason = np.where(exact[here], "duplicate", "near_duplicate").astype(object)
        yield pa.table(
            {
                "row": pa.array(rows[here], pa.int64()),
                "duplicate_of": pa.array(rows[stays[here]], pa.int64(), mask=~dropped),
                "drop_reason": pa.array(reason, pa.string(), mask=~dropped),
            }
        )
