"""A document's keys by the names that datasets use, which of them are used, and the row that comes of them.

Knows names; knows no shape, no file and no run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from magpie.imports.messages import text_or_none

Row = Mapping[str, Any]

CONVERSATIONS = ("messages", "conversations", "conversation", "dialog", "dialogue", "items", "data")
INSTRUCTIONS = ("instruction", "prompt")
QUESTIONS = ("question", "query", "problem")
"""What an instruction is called where nothing else could be meant."""
ANSWERS = ("response", "output", "completion")
REPLIES = (*ANSWERS, "answer", "solution")
"""What an answer to one of `QUESTIONS` is called."""
SEVERAL = ("responses", "completions", "outputs", "generations", "candidates")
SYSTEMS = ("system", "system_prompt", "system_message")
THOUGHTS = ("reasoning", "reasoning_content", "thinking")
IDS = ("source_id", "id", "uuid", "conversation_id", "prompt_id", "conversation_hash", "question_id")
SIMILAR = ("min_similar_conversation_id", "min_similar_uuid")


@dataclass(slots=True)
class Shaped:
    """One document, in a run's columns."""

    columns: dict[str, Any] = field(default_factory=dict)
    drop_reason: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    """Keys with a value that no column of a run holds."""
    unfit: list[str] = field(default_factory=list)
    """Columns whose value in the document is none that the column can hold."""
    left_out: set[str] = field(default_factory=set)
    """What is not kept anywhere: keys of messages."""
    similar: str | None = None
    """The id of the row that upstream names as similar."""
    ids: list[str] = field(default_factory=list)
    """What the row may be called where another one is said to be similar to it."""
    place: str = ""
    """File and line, or file and row, for messages."""

    def keep(self, name: str, value: Any) -> None:
        """Keep a value among the extra keys, under another name where this one is taken by another value."""
        if value is None:
            return
        number, free = 1, name
        while free in self.extra:
            if self.extra[free] == value:
                return
            number += 1
            free = f"{name}_{number}"
        self.extra[free] = value


class Keys:
    """A document's keys with a value, and which of them are used."""

    def __init__(self, document: Row, rendered: str | None = None) -> None:
        """rendered: the instruction, where the user's template made one."""
        self.rendered = rendered
        self.values = {key: value for key, value in document.items() if value is not None}
        self.used: set[str] = set()
        self.of_messages: set[str] = set()

    def has(self, *names: str) -> bool:
        return any(name in self.values for name in names)

    def take(self, *names: str) -> Any:
        """The value of the first of these keys that has one; the key is used."""
        for name in names:
            if name in self.values:
                self.used.add(name)
                return self.values[name]
        return None

    def text(self, *names: str) -> str | None:
        """The first of these keys that holds a text; an empty one is used too."""
        for name in names:
            if isinstance(self.values.get(name), str):
                self.used.add(name)
                return str(self.values[name])
        return None

    def system(self) -> str | None:
        """The system prompt beside a conversation; one of "" is none."""
        for name in SYSTEMS:
            if isinstance(self.values.get(name), str):
                self.used.add(name)
                if (text := text_or_none(self.values[name])) is not None:
                    return text
        return None
