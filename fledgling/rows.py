"""Packs texts into rows of tokens, several whole texts in each, and says which of them a token belongs to.

Knows a tokenizer; knows no conversation and no model.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice

import numpy as np
from tokenizers import Tokenizer

from fledgling.chat import END_OF_TEXT_ID

ROW = 320  # tokens that are read, as many as any text has; the row holds one more, for the last to predict
OPEN = 64  # rows that wait for a text that fits: with these, about one token in a hundred is padding
AT_ONCE = 1000  # texts handed to the tokenizer together

Segments = Sequence[tuple[str, int]]  # the pieces of one text, and how often each counts; 0: not learned


@dataclass(frozen=True)
class Rows:
    """Three arrays [count, ROW + 1]."""

    ids: np.ndarray  # uint16
    texts: np.ndarray  # uint8, the text of its row that a token belongs to; 0 is padding
    learned: np.ndarray  # uint8, how often the token counts, learned from the tokens before it; 0: not at all

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, chosen: np.ndarray | slice) -> "Rows":
        return Rows(self.ids[chosen], self.texts[chosen], self.learned[chosen])

    def digest(self) -> str:
        digest = hashlib.sha256()
        for array in (self.ids, self.texts, self.learned):
            digest.update(array.tobytes())
        return digest.hexdigest()


@dataclass
class Row:
    """A row while it is filled."""

    ids: list[int] = field(default_factory=list)
    texts: list[int] = field(default_factory=list)
    learned: list[float] = field(default_factory=list)

    def add(self, ids: list[int], learned: Sequence[float]) -> None:
        text = self.texts[-1] + 1 if self.texts else 1
        self.ids += ids
        self.texts += [text] * len(ids)
        self.learned += [0, *learned[1:]]  # nothing stands before the first token


def make_rows(tokenizer: Tokenizer, texts: Iterable[Segments], count: int) -> tuple[Rows, int]:
    """`count` rows, and how many of `texts` were read for them."""
    used = 0

    def counted() -> Iterator[Segments]:
        nonlocal used
        for text in texts:
            used += 1
            yield text

    rows = list(islice(pack(encode(tokenizer, counted())), count))
    return stack(rows), used


def encode(tokenizer: Tokenizer, texts: Iterable[Segments]) -> Iterator[tuple[list[int], list[int]]]:
    """Tokens and how often each counts. Segments meet at special tokens, so they may be tokenised one by one."""
    source = iter(texts)
    while some := list(islice(source, AT_ONCE)):
        encodings = iter(tokenizer.encode_batch([piece for text in some for piece, _ in text]))
        for text in some:
            pieces = [(next(encodings).ids, learned) for _, learned in text]
            yield (
                list(chain.from_iterable(ids for ids, _ in pieces)),
                list(chain.from_iterable([learned] * len(ids) for ids, learned in pieces)),
            )


def pack(encoded: Iterable[tuple[list[int], Sequence[float]]]) -> Iterator[Row]:
    """Puts each text into the fullest open row that has room; the fullest row is closed when too many are open.

    A text longer than a row is left out: the model could not read it whole.
    """
    waiting: list[Row] = []
    for ids, learned in encoded:
        if len(ids) > ROW:
            continue
        room = [row for row in waiting if len(row.ids) + len(ids) <= ROW + 1]
        row = max(room, key=lambda one: len(one.ids), default=Row())
        if not room:
            waiting.append(row)
        row.add(ids, learned)
        if len(waiting) > OPEN:
            fullest = max(waiting, key=lambda one: len(one.ids))
            waiting.remove(fullest)
            yield fullest
    yield from waiting


def stack(rows: Sequence[Row], counts: type[np.generic] = np.uint8) -> Rows:
    ids = np.full((len(rows), ROW + 1), END_OF_TEXT_ID, np.uint16)
    texts, learned = np.zeros(ids.shape, np.uint8), np.zeros(ids.shape, counts)
    for place, row in enumerate(rows):
        end = len(row.ids)
        ids[place, :end], texts[place, :end], learned[place, :end] = row.ids, row.texts, row.learned
    return Rows(ids, texts, learned)
