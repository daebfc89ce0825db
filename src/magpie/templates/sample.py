"""A rendered conversation in segments: what the template writes, and what a model writes as user and as assistant.

For showing; it decides nothing. Segments end where the ids do, so a space that merges with a model's first word is
shown as the model's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from magpie.seams import Message
from magpie.templates.chat import ChatTemplate
from magpie.templates.sentinels import ASSISTANT, USER, shared_end, shared_start

Who = Literal["template", "user model", "assistant model"]
CONVERSATION: Final = (
    Message("user", "Why is the sky blue?"),
    Message("assistant", "Air scatters blue light more than red."),
    Message("user", "And at sunset?"),
    Message("assistant", "Then the light has come a longer way."),
)


@dataclass(frozen=True)
class Segment:
    """Some ids of the conversation, their text, and who writes them."""

    text: str
    ids: tuple[int, ...]
    who: Who


def sample(chat: ChatTemplate, messages: Sequence[Message] = CONVERSATION) -> tuple[Segment, ...]:
    """`messages` as the template renders them whole. A system message is the template's."""
    ids = chat.tokenizer.encode(chat.script.conversation(messages))
    cuts: list[tuple[int, Who]] = []
    for place, message in enumerate(messages):
        if message.role != "system":
            start, end = _words_at(chat, messages, place)
            cuts += [
                (start, "template"),
                (max(start, end), "user model" if message.role == "user" else "assistant model"),
            ]
    return tuple(_segments(chat, ids, [*cuts, (len(ids), "template")]))


def _words_at(chat: ChatTemplate, messages: Sequence[Message], place: int) -> tuple[int, int]:
    """Where the ids that hold a message's words begin and end: what other words in its place do not change."""
    own = messages[place]
    others = USER if own.role == "user" else ASSISTANT
    rows = [
        chat.tokenizer.encode(
            chat.script.conversation([*messages[:place], Message(own.role, words), *messages[place + 1 :]])
        )
        for words in [own.content, *others]
    ]
    return shared_start(rows), len(rows[0]) - shared_end(rows)


def _segments(chat: ChatTemplate, ids: Sequence[int], cuts: Sequence[tuple[int, Who]]) -> Iterator[Segment]:
    start = 0
    for end, who in cuts:
        piece = tuple(ids[start:end])
        if piece:
            yield Segment(chat.tokenizer.decode(piece), piece, who)
        start = max(start, end)
