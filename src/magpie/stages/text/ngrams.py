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
from magpie.hashes import SPLITMIX, mixed, runs
from magpie.install import install_hint

_MOST_KEPT = 1 << 20


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
    return mixed(runs(hashes, n) + n, SPLITMIX)


def numpy() -> ModuleType:
    """Raises `MissingExtra` where it is not installed."""
    try:
        import numpy
    except ImportError as error:
        raise MissingExtra(
            f"duplicates and benchmark overlaps are found with NumPy ({error}): {install_hint('curation')}"
        ) from error
    return numpy
