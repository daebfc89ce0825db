"""Separates reasoning from the answer in the text that a model wrote.

Knows the delimiters that it is given, and OpenAI's channels ("harmony"); knows no template and no model's name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple


@dataclass(frozen=True, slots=True)
class Thoughts:
    """How a model delimits its reasoning."""

    opens: str
    closes: str
    opened: bool | None = False
    """Whether the prompt has opened the reasoning already; None where the prompt is rendered server-side."""

    def frozen(self) -> dict[str, Any]:
        """As a fingerprint knows it."""
        return {"opens": self.opens, "closes": self.closes, "opened": self.opened}

    @property
    def in_channels(self) -> bool:
        """Whether the reasoning is messages in other channels, before the message in the channel `final`."""
        return _CHANNEL in self.opens

    def around(self, reasoning: str) -> str:
        """The reasoning as the model would write it, up to its answer."""
        if self.in_channels:
            return self.opens + reasoning + self.closes
        return f"{self.opens}\n{reasoning}\n{self.closes}\n\n"


class Parted(NamedTuple):
    """A text in two parts."""

    reasoning: str | None
    """The reasoning without its delimiters; None where there is none."""
    response: str
    """The answer; "" while the reasoning has not ended."""
    ended: bool
    """Whether all reasoning that was opened is closed."""


_CHANNEL, _MESSAGE = "<|channel|>", "<|message|>"
_CHANNEL_NAME = re.compile(r"<\|channel\|>\s*+(\w++)")
_LONGEST_HEADER = 200
"""Characters between a channel's name and the message."""
_MESSAGE_END = re.compile(r"<\|(?:end|call|return|start)\|>")
_SPACE = re.compile(r"\s*+")


def part(text: str, thoughts: Thoughts) -> Parted:
    """Split `text` into the reasoning at its start and the answer after it.

    Only text before the answer is reasoning: a delimiter inside the answer is left there, for `leaks`.
    """
    if thoughts.in_channels:
        return _part_channels(text)
    found: list[str] = []
    rest = 0  # its start: copying the rest for each piece of reasoning would take quadratic time
    inside = bool(thoughts.opened)
    if thoughts.opened is None and thoughts.opens not in text:
        inside = thoughts.closes in text
    while True:
        start = _past_space(text, rest)
        if text.startswith(thoughts.opens, start):
            start += len(thoughts.opens)
        elif not inside:
            return Parted(_joined(found), text[rest:], ended=True)
        end = text.find(thoughts.closes, start)
        if end < 0:
            return Parted(_joined([*found, text[start:].strip()]), "", ended=False)
        found.append(text[start:end].strip())
        rest = end + len(thoughts.closes)
        inside = False


def _past_space(text: str, start: int) -> int:
    match = _SPACE.match(text, start)
    return match.end() if match else start


def _part_channels(text: str) -> Parted:
    """Split messages in channels: the one in `final` is the answer, all others are reasoning."""
    headers = list(_headers(text))
    if not headers:
        return Parted(None, "", ended=False) if _CHANNEL in text else Parted(None, text, ended=True)
    found: list[str] = []
    nexts = [*(start for start, _, _ in headers[1:]), len(text)]
    for (_, name, start), next_header in zip(headers, nexts, strict=True):
        is_final = name == "final"
        upto = len(text) if is_final else next_header  # a header inside an answer stays there, for `leaks`
        end = _MESSAGE_END.search(text, start, upto)
        words = text[start : end.start() if end else upto]
        if is_final:
            return Parted(_joined(found), words, ended=True)
        found.append(words.strip())
    return Parted(_joined(found), "", ended=False)


def _headers(text: str) -> Iterator[tuple[int, str, int]]:
    """For each message in a channel: the start of its header, the channel's name, and the start of its words."""
    after = 0
    for match in _CHANNEL_NAME.finditer(text):
        if match.start() < after:
            continue  # within the header before
        upto = match.end() + _LONGEST_HEADER + len(_MESSAGE)
        if (message := text.find(_MESSAGE, match.end(), upto)) >= 0:
            after = message + len(_MESSAGE)
            yield match.start(), match[1], after


def _joined(found: list[str]) -> str | None:
    return "\n\n".join(thought for thought in found if thought) or None


def leaks(response: str, thoughts: Thoughts) -> bool:
    """Whether an answer holds a delimiter of reasoning: where the answer starts is then uncertain."""
    marks = (_CHANNEL, _MESSAGE) if thoughts.in_channels else (thoughts.opens, thoughts.closes)
    return any(mark in response for mark in marks)
