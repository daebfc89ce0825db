"""What an exchange with a server is, as plain values: until when an answer may come, the answer, and how it fails.

Knows no connection and no library.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Wait = Literal["whole", "first", "idle"]
"""What an answer was waited for: all of it, its first piece, or its next one."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """How long an answer may take, in seconds from when its request is sent."""

    whole: float
    """For all of it, however lively it drips."""
    first: float | None = None
    """For its first piece, where it comes in pieces."""
    idle: float | None = None
    """Between two pieces."""


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer, of whatever status; of an error's body, the beginning."""

    status: int
    headers: Mapping[str, str]
    """By names in small letters."""
    body: bytes
    waited: float = 0.0
    """For the first piece of the body, in seconds."""
    took: float = 0.0
    """For all of it, in seconds."""


class Unreachable(Exception):
    """No connection came about."""


class Broken(Exception):
    """A connection was lost with a request on it, or said what is not HTTP."""

    def __init__(self, message: str, *, is_silent: bool = False) -> None:
        """is_silent: the server said nothing at all before it closed the connection."""
        super().__init__(message)
        self.is_silent = is_silent


class TooSlow(Exception):
    """The answer was not there at its deadline."""

    def __init__(self, waited_for: Wait, seconds: float) -> None:
        """seconds: how long it was waited for."""
        super().__init__(f"{_WORDS[waited_for]} {seconds:g} seconds")
        self.waited_for, self.seconds = waited_for, seconds


_WORDS: Mapping[Wait, str] = {
    "whole": "no whole answer in",
    "first": "no answer in",
    "idle": "silent in the middle of an answer for",
}
