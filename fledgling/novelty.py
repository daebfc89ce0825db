"""Which prompts a model has seen in training. Knows how to make its corpus again; keeps only fingerprints of it."""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fledgling.chat import document
from fledgling.corpus import conversations
from fledgling.surface import undress

CACHE = Path("build/fledgling")


@dataclass(frozen=True)
class Known:
    """What was seen: prompts letter by letter, and what is left of them without dress, case and end marks."""

    exact: Collection[int]
    bare: Collection[int]

    def holds(self, prompt: str) -> bool:
        return fingerprint(prompt) in self.exact

    def holds_anyhow(self, prompt: str) -> bool:
        """Whether the prompt was seen, however it was dressed: if not, it is strictly unseen."""
        return fingerprint(strip(prompt)) in self.bare


def fingerprint(text: str) -> int:
    """64 bits that tell texts apart: among a million, two are confused once in forty million corpora."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def strip(prompt: str) -> str:
    return undress(prompt).rstrip("?.! ").casefold()


def known_from(prompts: Iterable[str]) -> Known:
    texts = set(prompts)
    return Known({fingerprint(text) for text in texts}, {fingerprint(strip(text)) for text in texts})


def together(some: Sequence[Known]) -> Known:
    return Known(frozenset().union(*(one.exact for one in some)), frozenset().union(*(one.bare for one in some)))


def known_to(seed: int, count: int, folder: Path = CACHE) -> Known:
    """What a model trained on `count` conversations of `seed` has seen. Kept in `folder`, since making it takes a
    minute; the file's name changes with the corpus, so that what is kept is never an old one."""
    path = folder / f"known-{seed}-{count}-{identity(seed)}.npz"
    if not path.exists():
        save(known_from(user_prompts(seed, count)), path)
    with np.load(path) as arrays:
        return Known(*(frozenset(arrays[name].tolist()) for name in ("exact", "bare")))


def user_prompts(seed: int, count: int) -> Iterable[str]:
    """Every user message of a corpus that is no prompt of a judge."""
    return (turn.prompt for one in conversations(seed, count) if one.kind == "chat" for turn in one.turns)


def identity(seed: int) -> str:
    """A name for the corpus as the code writes it now: any change of a family shows in two thousand conversations."""
    digest = hashlib.blake2b(digest_size=6)
    for one in conversations(seed, 2000):
        digest.update(document(one).encode())
    return digest.hexdigest()


def save(known: Known, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez(file, exact=np.array([*known.exact], np.uint64), bare=np.array([*known.bare], np.uint64))
    part.replace(path)
