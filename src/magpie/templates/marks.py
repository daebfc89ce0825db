"""Finds special tokens in a text. Knows their texts and ids; knows no template."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache


def marks(text: str, added: Mapping[str, int]) -> list[tuple[int, int]]:
    """Start and end of each special token in `text`: the longest where several begin at one place."""
    pattern = _pattern(tuple(added))
    return [match.span() for match in pattern.finditer(text)] if pattern else []


@lru_cache(maxsize=64)
def _pattern(texts: tuple[str, ...]) -> re.Pattern[str] | None:
    longest_first = sorted(texts, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first))) if texts else None


def between_marks(text: str, added: Mapping[str, int]) -> list[str]:
    """The runs of plain text in `text`."""
    ends = [0, *(end for _, end in marks(text, added))]
    starts = [*(start for start, _ in marks(text, added)), len(text)]
    return [text[end:start] for end, start in zip(ends, starts, strict=True)]


def written_by(texts: str, added: Mapping[str, int]) -> dict[str, int]:
    """Those special tokens that stand in `texts`: a template writes a dozen of a vocabulary's thousands."""
    return {token: n for token, n in added.items() if token.strip() and token in texts}
