"""Stop strings, looked for while a text grows token by token. Knows tokens as texts, and no engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence

MARGIN = 4
"""Tokens decoded beyond the longest stop: those of a character that began before it."""


class StopStrings:
    """The stops of one request. Cheap at every token: only the last few are decoded until one is found."""

    def __init__(self, stops: Sequence[str], decode: Callable[[Sequence[int]], str]) -> None:
        self._stops = tuple(stop for stop in stops if stop)
        self._decode = decode
        self._reach = max((len(stop.encode()) for stop in self._stops), default=0) + MARGIN

    def cut(self, ids: Sequence[int]) -> str | None:
        """The text before the first stop, if the newest of `ids` completed one; a token is at least a byte."""
        if not self._stops or not self._found(self._decode(ids[-self._reach :])):
            return None
        text = self._decode(ids)
        places = [place for stop in self._stops if (place := text.find(stop)) >= 0]
        return text[: min(places)] if places else None

    def _found(self, text: str) -> bool:
        return any(stop in text for stop in self._stops)
