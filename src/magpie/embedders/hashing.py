"""Texts to vectors without any model: signed feature hashing (Weinberger et al. 2009) of letters and words.

Lexical only: two texts are near when they share pieces of writing, whatever they mean. Features are the runs of 3, 4
and 5 characters, the words, and the pairs of neighboring words, each counted once however often it occurs, after NFKC,
case folding and single spaces. Each falls on one of the vector's numbers, and adds or takes one there. Between vectors
of length 1, the squared distance is then about twice the share of features that only one of the two texts has, with
noise of about 2 / sqrt(dimension) where they have little in common, from features that fall together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING
from zlib import crc32

from magpie.hashes import MURMUR, mixed, runs
from magpie.safe.normal_forms import nfkc

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RUNS = (3, 4, 5)
"""Lengths of the runs of characters."""


@contextmanager
def open_hashing(dimension: int) -> Iterator[HashingEmbedder]:
    """There is nothing to load."""
    yield HashingEmbedder(dimension)


class HashingEmbedder:
    """Implements `Embedder`. The same text gives the same vector on every machine."""

    def __init__(self, dimension: int = 384) -> None:
        self.dimension = dimension

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of length 1, [texts, dimension]; zeros for a text without a visible character."""
        import numpy as np

        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for vector, text in zip(vectors, texts, strict=True):
            if (hashes := features(text)).size:
                vector[:] = _folded(hashes, self.dimension)
        return vectors


def features(text: str) -> NDArray[np.uint64]:
    """A hash for each different feature of the text, in rising order."""
    import numpy as np

    plain = " ".join(nfkc(text).casefold().split())
    if not plain:
        return np.empty(0, np.uint64)
    codes = np.frombuffer(f" {plain} ".encode("utf-32-le", "surrogatepass"), "<u4").astype(np.uint64)
    words = np.array(list(_words(plain)), np.uint64)
    found = [words, *(runs(codes, length, first=length) for length in RUNS)]
    return np.unique(mixed(np.concatenate(found), MURMUR))


def _words(plain: str) -> Iterator[int]:
    """Words and pairs of words, apart from each other and from runs of characters by a number above their hash."""
    hashes = [crc32(word.encode("utf-8", "surrogatepass")) for word in plain.split(" ")]
    yield from (1 << 32 | word for word in hashes)
    yield from ((2 + (first * 0x85EBCA6B & 0x3FFFFFFF)) << 32 | second for first, second in pairwise(hashes))


def _folded(hashes: NDArray[np.uint64], dimension: int) -> NDArray[np.float64]:
    """The upper 32 bits say where, the lowest says with which sign."""
    import numpy as np

    places = ((hashes >> np.uint64(32)) * np.uint64(dimension)) >> np.uint64(32)
    signs = 1.0 - 2.0 * (hashes & np.uint64(1)).astype(np.float64)
    folded: NDArray[np.float64] = np.bincount(places.astype(np.intp), signs, dimension).astype(np.float64)
    length = float(np.sqrt(folded @ folded))
    return folded / length if length else folded
