"""What the several responses of a row answer: its instruction, or a longer conversation. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from magpie.seams import Message

SEVERAL = ("responses", "responses_prompt")
"""Columns that say of several responses what they are and what they answer."""


def answered_by_responses(row: Mapping[str, Any]) -> tuple[Message, ...]:
    """The messages before each of `responses`, the user's last one included.

    >>> answered_by_responses({"instruction": "Name a river."})
    (Message(role='user', content='Name a river.'),)
    """
    before = row.get("responses_prompt")
    if before:
        return tuple(Message(message["role"], message["content"]) for message in before)
    return (Message("user", row["instruction"]),)


def of_several(available: Collection[str]) -> list[str]:
    """Those of `SEVERAL` that are available.

    >>> of_several({"instruction", "responses"})
    ['responses']
    """
    return [name for name in SEVERAL if name in available]
