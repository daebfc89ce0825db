"""Runs of words as numbers: what two texts share is found by comparing integers.

A word is 64 bits of BLAKE2b, a run of n words a polynomial in them: the same on every machine and in every version.
Knows no stage. NumPy is opened when it is first used.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from types import ModuleType
from typing import Any

from magpie.errors import MissingExtra
from magpie.install import install_hint

_MOST_KEPT = 1 << 20
_BASE, _MIX_1, _MIX_2 = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


class WordHashes:
    """Remembers the number of each word that it has seen, up to a million."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def __call__(self, words: Sequence[str]) -> list[int]:
        known = self._known
        if len(known) > _MOST_KEPT:
            known.clear()
        for word in words:
            if word not in known:
                known[word] = hash_text(word)
        return [known[word] for word in words]


def hash_text(text: str) -> int:
    """64 bits of a text."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def run_hashes(hashes: Any, n: int) -> Any:
    """Of each run of `n` words, by the words' numbers (uint64): one shorter by n - 1."""
    np = numpy()
    count = len(hashes) - n + 1
    if count < 1:
        return np.zeros(0, np.uint64)
    total = hashes[:count].copy()
    for place in range(1, n):
        total *= np.uint64(_BASE)
        total += hashes[place : place + count]
    return _mixed(total + np.uint64(n))


def _mixed(value: Any) -> Any:
    """Spreads what differs over all bits, as SplitMix64 does at its end."""
    np = numpy()
    value ^= value >> np.uint64(30)
    value *= np.uint64(_MIX_1)
    value ^= value >> np.uint64(27)
    value *= np.uint64(_MIX_2)
    return value ^ (value >> np.uint64(31))


def numpy() -> ModuleType:
    """Raises `MissingExtra` where it is not installed."""
    try:
        import numpy
    except ImportError as error:
        raise MissingExtra(
            f"duplicates and benchmark overlaps are found with NumPy ({error}): {install_hint('curation')}"
        ) from error
    return numpy
