"""Finds instructions that share a run of words with a benchmark's prompts.

A run is `ngram` words in a row, whatever their case and punctuation. A shorter prompt counts whole; a very short one
only where it is all that the instruction says, for "What is it?" is in many. A run that many prompts of one benchmark
share is how it asks, not what it asks, and does not count.

Knows Arrow and no file: prompts come as texts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from magpie.stages.text.ngrams import WordHashes, numpy, run_hashes
from magpie.stages.text.words import between_words, level, words


@dataclass(frozen=True, slots=True)
class Overlap:
    """What counts as one: see `Decontaminate` among the settings."""

    ngram: int = 13
    min_words: int = 5
    max_shared: int = 10


@dataclass(frozen=True, slots=True)
class Found:
    """An overlap: with which benchmark, and the words as the instruction has them."""

    benchmark: str
    span: str


@dataclass(slots=True)
class Index:
    """Every run of words of the benchmarks' prompts, to be looked up by number."""

    names: tuple[str, ...]
    runs: dict[int, tuple[Any, Any]] = field(default_factory=dict)
    """Words in a run to the runs' numbers, sorted, and the place in `names` of each."""
    short: dict[str, int] = field(default_factory=dict)
    """Leveled prompt of a few words to the place of its benchmark."""


@contextmanager
def open_decontaminate(
    benchmarks: Mapping[str, Sequence[str]], overlap: Overlap
) -> Iterator[Callable[[pa.Table], pa.Table]]:
    """The table stage: reads `instruction`, writes `contaminated_by` and `contaminated_span`, drops rows that have
    them. Raises `MissingExtra` without NumPy."""
    index = make_index(benchmarks, overlap)
    yield lambda table: decontaminate(table, index)


def decontaminate(table: pa.Table, index: Index) -> pa.Table:
    """The rows of `table`, with what they overlap with."""
    found = find_overlaps([text or "" for text in table.column("instruction").to_pylist()], index)
    return pa.table(
        {
            "row": table.column("row"),
            "contaminated_by": pa.array([one and one.benchmark for one in found], pa.string()),
            "contaminated_span": pa.array([one and one.span for one in found], pa.string()),
            "drop_reason": pa.array([one and f"contaminated: {one.benchmark}" for one in found], pa.string()),
        }
    )


def make_index(benchmarks: Mapping[str, Sequence[str]], overlap: Overlap) -> Index:
    """benchmarks: name to prompts. Where two share a run, it counts as the first one's."""
    np = numpy()
    index = Index(tuple(benchmarks))
    hashes = WordHashes()
    runs: dict[int, list[tuple[Any, int]]] = {}
    for place, prompts in enumerate(benchmarks.values()):
        whole, long = _by_length(prompts, overlap, index.short, place)
        for length, texts in whole.items():
            keys = [run_hashes(np.array(hashes(text), np.uint64), length) for text in texts]
            runs.setdefault(length, []).append((np.concatenate(keys), place))
        if long:
            runs.setdefault(overlap.ngram, []).append((_telling(long, overlap, hashes), place))
    index.runs = {length: _sorted(parts) for length, parts in runs.items()}
    return index


def _by_length(
    prompts: Sequence[str], overlap: Overlap, short: dict[str, int], place: int
) -> tuple[dict[int, list[list[str]]], list[list[str]]]:
    """Prompts that count whole, by their number of words, and those of more words than a run; the shortest go into
    `short`. What is twice in a benchmark is taken once."""
    whole: dict[int, list[list[str]]] = {}
    long: list[list[str]] = []
    for prompt in dict.fromkeys(map(level, prompts)):
        found = words(prompt)
        if not found or len(found) < overlap.min_words:
            short.setdefault(prompt, place)
        elif len(found) < overlap.ngram:
            whole.setdefault(len(found), []).append(found)
        else:
            long.append(found)
    return whole, long


def _telling(texts: Sequence[Sequence[str]], overlap: Overlap, hashes: WordHashes) -> Any:
    """The runs of long prompts, without those that many of them share."""
    np = numpy()
    each = [np.unique(run_hashes(np.array(hashes(text), np.uint64), overlap.ngram)) for text in texts]
    runs, counts = np.unique(np.concatenate(each), return_counts=True)
    return runs[counts <= overlap.max_shared]


def _sorted(parts: Sequence[tuple[Any, int]]) -> tuple[Any, Any]:
    np = numpy()
    runs = np.concatenate([keys for keys, _ in parts])
    places = np.concatenate([np.full(len(keys), place, np.int32) for keys, place in parts])
    runs, first = np.unique(runs, return_index=True)  # the first of equals: the benchmark that comes first
    return runs, places[first]


# -- looking up --------------------------------------------------------------------------------------------------------


def find_overlaps(texts: Sequence[str], index: Index) -> list[Found | None]:
    """For each text what it overlaps with: of several benchmarks the first, of several places the longest."""
    np = numpy()
    hashes = WordHashes()
    told = [words(text) for text in texts]
    ends = np.cumsum([len(text) + 1 for text in told])
    flat = np.array([number for text in told for number in (*hashes(text), 0)], np.uint64)  # 0: no run goes over it
    hits: dict[int, list[tuple[int, int, int]]] = {}
    for length, (runs, places) in index.runs.items():
        for start, place in _hits(run_hashes(flat, length), runs, places):
            text = int(np.searchsorted(ends, start, side="right"))
            begin = start - (int(ends[text - 1]) if text else 0)
            hits.setdefault(text, []).append((place, begin, begin + length))
    return [
        _longest(text, hits[number], index) if number in hits else _whole(text, index)
        for number, text in enumerate(texts)
    ]


def _hits(found: Any, runs: Any, places: Any) -> list[tuple[int, int]]:
    """Where a run begins that is in the index, and whose it is."""
    np = numpy()
    if not len(runs) or not len(found):
        return []
    at = np.minimum(np.searchsorted(runs, found), len(runs) - 1)
    starts = np.flatnonzero(runs[at] == found)
    return list(zip(starts.tolist(), places[at[starts]].tolist(), strict=True))


def _longest(text: str, hits: Sequence[tuple[int, int, int]], index: Index) -> Found:
    """The longest stretch that hits of the first benchmark cover without a gap."""
    place = min(place for place, _, _ in hits)
    covered = sorted((begin, end) for one, begin, end in hits if one == place)
    stretches = [covered[0]]
    for begin, end in covered[1:]:
        if begin <= stretches[-1][1]:
            stretches[-1] = (stretches[-1][0], max(end, stretches[-1][1]))
        else:
            stretches.append((begin, end))
    begin, end = max(stretches, key=lambda stretch: stretch[1] - stretch[0])
    return Found(index.names[place], between_words(text, begin, end - 1))


def _whole(text: str, index: Index) -> Found | None:
    place = index.short.get(level(text)) if index.short else None
    return None if place is None else Found(index.names[place], text)
