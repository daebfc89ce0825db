"""Texts that stand in for what a model will write, and what can be said of renderings that differ only in them.

They begin and end with different kinds of characters, so that no token that covers a part of one can be common to
all: what their encodings share at the start ends at or before the words, whatever a tokenizer merges.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from magpie.errors import TemplateError

USER: Final = (
    "Write quokkas a letter about wombats?",
    "42 quokkas met 17 wombats in 1987",
    "(quokkas and wombats)",
    "你好袋鼠請問樹熊",
    "the quokkas greet wombats",
    "Über quokkas: wombats!",
    "- quokkas\n- wombats",
    "# Quokkas and wombats #",
    '"quokkas" or "wombats"',
    "`quokkas` -> `wombats`",
)
ASSISTANT: Final = (
    "Quolls and bilbies, mostly.",
    "3 bilbies and 12 quolls, 15",
    "[bilbies; quolls]",
    "袋狸和袋鼬都是",
    "the bilbies hum while quolls sleep",
    "Äh, bilbies or quolls?",
    "- bilbies\n- quolls",
    "# Bilbies and quolls #",
    '"bilbies" or "quolls"',
    "```\nbilbies -> quolls\n```",
)


class NotPrinted(TemplateError):
    """The rendering does not hold the words of a message once."""


def split(text: str, words: str, who: str, earlier: int = 0) -> tuple[str, str]:
    """What stands before and after `words`, which may stand `earlier` times in the turns before.

    Raises `NotPrinted` where they do not stand in the text exactly once more.
    """
    count = text.count(words)
    if count == earlier + 1:
        before, _, after = text.rpartition(words)
        return before, after
    what = "nowhere" if count <= earlier else "more than once"
    raise NotPrinted(
        f"the chat template prints the {who}'s words {what}; expected once, in the {len(text):,} characters "
        "that it rendered"
    )


def shared_start(rows: Sequence[Sequence[Any]]) -> int:
    """How many leading items all rows have in common."""
    count = 0
    for column in zip(*rows, strict=False):
        if any(item != column[0] for item in column):
            break
        count += 1
    return count


def shared_end(rows: Sequence[Sequence[Any]]) -> int:
    return shared_start([row[::-1] for row in rows])
