"""Tells what a model thought from what it answered, in the text that it wrote.

Knows the delimiters that it is given, and OpenAI's channels ("harmony"); knows no template and no model's name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NamedTuple


@dataclass(frozen=True, slots=True)
class Thoughts:
    """How a model sets its thoughts apart from its answer."""

    opens: str
    closes: str
    opened: bool | None = False
    """Whether the prompt has opened a thought already; None where the prompt is written behind a wall."""

    def frozen(self) -> dict[str, Any]:
        """As a fingerprint knows it."""
        return {"opens": self.opens, "closes": self.closes, "opened": self.opened}

    @property
    def in_channels(self) -> bool:
        """Whether thoughts are messages in a channel of their own, before the one in the channel `final`."""
        return _CHANNEL in self.opens

    def around(self, reasoning: str) -> str:
        """A thought as the model would write it, up to its answer."""
        if self.in_channels:
            return self.opens + reasoning + self.closes
        return f"{self.opens}\n{reasoning}\n{self.closes}\n\n"


class Parted(NamedTuple):
    """A text in its two parts."""

    reasoning: str | None
    """What was thought, without its delimiters; None where nothing was."""
    response: str
    """What was answered; "" as long as the thought has not ended."""
    ended: bool
    """Whether every thought that was begun has an end."""


_CHANNEL = "<|channel|>"
_HEADER = re.compile(r"<\|channel\|>\s*(\w+)(?:(?!<\|message\|>).){0,200}<\|message\|>", re.DOTALL)
_MESSAGE_END = re.compile(r"<\|(?:end|call|return|start)\|>")


def part(text: str, thoughts: Thoughts) -> Parted:
    """The thoughts at the beginning of `text`, and the answer behind them.

    Only what stands before the answer is a thought: a delimiter inside the answer is left there, for `leaks`.
    """
    if thoughts.in_channels:
        return _part_channels(text)
    found: list[str] = []
    rest = text
    inside = bool(thoughts.opened)
    if thoughts.opened is None and thoughts.opens not in text:
        inside = thoughts.closes in text
    while inside or rest.lstrip().startswith(thoughts.opens):
        thought = rest.lstrip().removeprefix(thoughts.opens)
        thought, closed, rest = thought.partition(thoughts.closes)
        found.append(thought.strip())
        if not closed:
            return Parted(_joined(found), "", ended=False)
        inside = False
    return Parted(_joined(found), rest, ended=True)


def _part_channels(text: str) -> Parted:
    """Messages in channels: the one in `final` is the answer, all others are thoughts."""
    headers = list(_HEADER.finditer(text))
    if not headers:
        return Parted(None, "", ended=False) if _CHANNEL in text else Parted(None, text, ended=True)
    found: list[str] = []
    for header in headers:
        end = _MESSAGE_END.search(text, header.end())
        words = text[header.end() : end.start() if end else len(text)]
        if header[1] == "final":
            return Parted(_joined(found), words, ended=True)
        found.append(words.strip())
    return Parted(_joined(found), "", ended=False)


def _joined(found: list[str]) -> str | None:
    return "\n\n".join(thought for thought in found if thought) or None


def leaks(response: str, thoughts: Thoughts) -> bool:
    """Whether an answer holds a delimiter of thoughts: where it is cut can then not be told."""
    marks = (_CHANNEL, "<|message|>") if thoughts.in_channels else (thoughts.opens, thoughts.closes)
    return any(mark in response for mark in marks)
