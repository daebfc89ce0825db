"""An embedder, a scorer and a format for exports: what other packages can add beside stages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from magpie.export.shapes import Fields, Given, Shape
from magpie.extensions import Extension
from magpie.seams import Message


class Letters:
    """How often each letter occurs in a text, as a vector of length 1."""

    def embed(self, texts: Sequence[str]) -> Any:
        """[texts, 26], float32; zeros for a text without a letter from a to z."""
        import numpy as np

        counts = np.array([[text.lower().count(chr(97 + n)) for n in range(26)] for text in texts], np.float32)
        lengths = np.linalg.norm(counts, axis=1, keepdims=True)
        return counts / np.where(lengths, lengths, 1.0)


class Brevity:
    """Higher for a shorter last message."""

    def __init__(self, words: int) -> None:
        self.words = words

    def score(self, conversations: Sequence[Sequence[Message]]) -> Sequence[float]:
        """1 for an empty answer, 0 for one of `words` words, less for a longer one."""
        return [1.0 - len(messages[-1].content.split()) / self.words for messages in conversations]


@contextmanager
def open_letters() -> Iterator[Letters]:
    yield Letters()


@contextmanager
def open_brevity(words: int = 100) -> Iterator[Brevity]:
    yield Brevity(words)


def question_answer(given: Given) -> list[Fields]:  # noqa: ARG001
    """The keys of a record, each with the SQL that gives its value."""
    return [{"id": "id", "question": "instruction", "answer": "response"}]


LETTERS = Extension(open=open_letters)
BREVITY = Extension(open=open_brevity)
QUESTION_ANSWER = Shape("question and answer", ("instruction", "response"), question_answer)
