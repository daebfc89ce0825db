"""What is kept of each text to find near duplicates by: runs of words and MinHash bands; on disk, not in memory.

The one file that opens `rensa`, which makes the MinHash sketches: it needs no other library, is kept well, and is not
what takes the time. Its own index is not used: that lies in memory, and judges by sketches and not by texts.

Knows no Arrow and nothing of which duplicate stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

from magpie.errors import MissingExtra
from magpie.hashes import polynomial
from magpie.install import install_hint
from magpie.stages.text.ngrams import WordHashes, hash_text, numpy, run_hashes
from magpie.stages.text.words import words_and_signs

HASHES = 64
"""Of a sketch. More make fewer false candidates, and those are compared anyway."""
SEED = 2406_08464
RECALL = 0.999
"""Of pairs as similar as the threshold, the share that bands must bring together."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How texts are compared: by runs of `ngram` words, near from a Jaccard similarity of `threshold`."""

    ngram: int
    threshold: float
    numbers: bool

    @property
    def band_rows(self) -> int:
        """The most hashes in a band with which a pair at the threshold is still found as often as `RECALL` says."""
        fit = [rows for rows in range(1, HASHES + 1) if recall(self.threshold, rows) >= RECALL]
        return max(fit, default=1)


def recall(similarity: float, band_rows: int) -> float:
    """How likely two sets of that similarity have a band in common."""
    return float(1 - (1 - similarity**band_rows) ** (HASHES // band_rows))


class Sketches:
    """Of `count` texts in the order in which they are added, in files under `folder`."""

    def __init__(self, folder: Path, count: int, shape: Shape) -> None:
        np = numpy()
        self.shape = shape
        self.added = 0
        self._bands = HASHES // shape.band_rows
        self._words = WordHashes()
        self._runs_path = folder / "runs"
        self._runs_file: BinaryIO = self._runs_path.open("wb")
        self._keys = _on_disk(folder / "bands", (self._bands, count))
        self._ends = np.zeros(count + 1, np.int64)
        self.numbers = np.zeros(count, np.uint64)

    def add(self, texts: Sequence[str]) -> None:
        """Keep what the next texts, leveled, are found by. Raises `MissingExtra` without rensa."""
        if not texts:
            return
        found = [words_and_signs(text) for text in texts]
        runs = [self._runs_of(text) for text in found]
        here = slice(self.added, self.added + len(texts))
        self._keys[:, here] = self._band_keys(runs)
        if self.shape.numbers:
            self.numbers[here] = [_number_of_numbers(text) for text in found]
        self._keep(runs)
        self.added += len(texts)

    def _runs_of(self, found: Sequence[str]) -> Any:
        """The distinct runs of a text, those over its edges too: else its last word would be in one run, and a word
        inside in as many as a run has words."""
        np = numpy()
        edge = [0] * (self.shape.ngram - 1)
        padded = [*edge, *self._words(found), *(edge or [0])]
        return np.unique(run_hashes(np.array(padded, np.uint64), self.shape.ngram))

    def _band_keys(self, runs: Sequence[Any]) -> Any:
        """A number for each band of each text: texts with the same number in the same band are candidates."""
        np = numpy()
        starts = np.concatenate([[0], np.cumsum([len(one) for one in runs])]).astype(np.uint64)
        matrix = _minhash().digest_matrix_from_flat_token_hashes(np.concatenate(runs), starts, HASHES, SEED)
        sketches = np.array(matrix.to_rows(), np.uint64)
        rows = self.shape.band_rows
        return np.stack([polynomial(sketches[:, band * rows : (band + 1) * rows].T) for band in range(self._bands)])

    def _keep(self, runs: Sequence[Any]) -> None:
        np = numpy()
        self._runs_file.write(np.concatenate(runs).tobytes())
        lengths = np.cumsum([len(one) for one in runs])
        self._ends[self.added + 1 : self.added + 1 + len(runs)] = self._ends[self.added] + lengths

    def close(self) -> None:
        """Let go of the file that is written to."""
        self._runs_file.close()

    # -- reading, once all are added ---------------------------------------------------------------------------------

    def shared_bands(self, texts: Any) -> tuple[Any, Any]:
        """Who of `texts` is in a band with others of them: text and group, sorted by text."""
        np = numpy()
        members, groups, known = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], 0
        for keys in self._keys:
            _, inverse, counts = np.unique(keys[texts], return_inverse=True, return_counts=True)
            crowded = counts > 1
            number = np.cumsum(crowded) - 1 + known
            inside = crowded[inverse]
            members.append(texts[inside])
            groups.append(number[inverse[inside]])
            known += int(crowded.sum())
        member, group = np.concatenate(members), np.concatenate(groups)
        order = np.argsort(member, kind="stable")
        return member[order], group[order]

    def size(self, text: int) -> int:
        """How many distinct runs it has."""
        return int(self._ends[text + 1] - self._ends[text])

    def runs(self, text: int) -> frozenset[int]:
        """Its distinct runs."""
        return frozenset(self._runs[self._ends[text] : self._ends[text + 1]].tolist())

    @cached_property
    def _runs(self) -> Any:
        self._runs_file.close()
        return numpy().memmap(self._runs_path, numpy().uint64, "r")


def _number_of_numbers(found: Sequence[str]) -> int:
    """One number for all the numbers in a text, in their order."""
    told = [word for word in found if any(map(str.isdecimal, word))]
    return hash_text("\0".join(told)) if told else 0


def _on_disk(path: Path, shape: tuple[int, ...]) -> Any:
    np = numpy()
    return np.memmap(path, np.uint64, "w+", shape=shape) if 0 not in shape else np.zeros(shape, np.uint64)


def _minhash() -> Any:
    try:
        from rensa import RMinHash
    except ImportError as error:
        raise MissingExtra(f"near duplicates need rensa ({error}): {install_hint('curation')}") from error
    return RMinHash
