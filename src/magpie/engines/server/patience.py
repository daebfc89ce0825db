"""How long an answer to a request may take and how long it may be: by the settings, and by the tokens asked for."""

from __future__ import annotations

from dataclasses import dataclass

from magpie.http.answers import MOST_BYTES
from magpie.http.exchange import Deadline, TooSlow

BASE_BYTES, TOKEN_BYTES = 1 << 20, 16 << 10
"""The longest answer that is taken, in bytes, for itself and for each token that was asked for: with twenty
log-probabilities a token takes 2 KiB, and a piece of a stream with one token about 400 bytes."""
SLOWEST = 1.0
"""Tokens per second, after the first: an answer that takes longer as a whole is given up, however lively it drips."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one exchange may take, in seconds."""

    connect: float
    first: float
    """For the first piece of an answer."""
    idle: float
    """Between two pieces of one."""
    answer: float | None = None
    """For all of it; None is by the number of tokens."""

    def deadline(self, streamed: bool, max_tokens: int) -> Deadline:
        """Of an answer of so many tokens; only one that comes in pieces has a first one, and silences."""
        whole = self.first + max_tokens / SLOWEST if self.answer is None else self.answer
        return Deadline(whole, self.first, self.idle) if streamed else Deadline(whole)

    def explain(self, error: TooSlow) -> str:
        """What was waited for in vain, with the setting that says how long.

        >>> Patience(10.0, 300.0, 60.0).explain(TooSlow("idle", 60.0))
        'silent in the middle of an answer for 60 seconds (idle_seconds)'
        """
        by_tokens = error.waited_for == "whole" and self.answer is None
        return str(error) if by_tokens else f"{error} ({_SETTINGS[error.waited_for]})"


_SETTINGS = {"whole": "answer_seconds", "first": "first_token_seconds", "idle": "idle_seconds"}


def most_bytes(max_tokens: int) -> int:
    """The longest answer that is taken to a request for so many tokens, in bytes."""
    return min(MOST_BYTES, BASE_BYTES + max_tokens * TOKEN_BYTES)
