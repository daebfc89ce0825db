"""What the stages do: a function over rows, and a conversation with a model."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import pyarrow as pa

from magpie.errors import ContextFull
from magpie.seams import Asking, Chat, Completion, Drop, Message, Request, Row, SamplingParams

_LONGEST = 20_000
"""Characters that are read. Texts of models are hostile: a function over one is linear, and has an end."""
_WORD = re.compile(r"[a-z']+")
_VOWELS = re.compile(r"[aeiouy]+")
_END = re.compile(r"[.!?]+")


def reading_ease(text: str) -> float | None:
    """Flesch reading ease (Flesch 1948), syllables counted as groups of vowels; None for a text without words.

    >>> round(reading_ease("The cat sat on the mat.") or 0)
    116
    """
    text = text[:_LONGEST].casefold()
    words = _WORD.findall(text)
    if not words:
        return None
    sentences = max(1, len(_END.findall(text)))
    syllables = sum(max(1, len(_VOWELS.findall(word))) for word in words)
    return 206.835 - 1.015 * len(words) / sentences - 84.6 * syllables / len(words)


@contextmanager
def open_readability(min_ease: float | None) -> Iterator[Callable[[pa.Table], pa.Table]]:
    """What a stage loads, it loads here, once."""
    yield partial(readability, min_ease=min_ease)


def readability(table: pa.Table, min_ease: float | None) -> pa.Table:
    """In: `row` and `instruction`. Out: `row`, `reading_ease`, and why a row is dropped."""
    found = [reading_ease(text) for text in table.column("instruction").to_pylist()]
    dropped = [
        "hard_to_read" if min_ease is not None and ease is not None and ease < min_ease else None for ease in found
    ]
    columns = {"reading_ease": pa.array(found, pa.float64()), "drop_reason": pa.array(dropped, pa.string())}
    return pa.table({"row": table.column("row"), **columns})


def title(row: Row, chat: Chat, sampling: SamplingParams) -> Asking:
    """Yields requests, is sent completions, returns columns."""
    question = f"Give this task a title of a few words.\n\n{row['instruction']}"
    try:
        completion: Completion = yield Request(chat.next_assistant([Message("user", question)]), sampling)
    except ContextFull:
        return Drop("context_full", {})
    return {"title": chat.assistant_text(completion.text).partition("\n")[0] or None}
