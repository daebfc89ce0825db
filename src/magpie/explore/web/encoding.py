"""The values of a field as they are read, batch by batch, to codes and labels or edges."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from magpie.explore.web.bins import codes_of, edges_of
from magpie.explore.web.fields import Field, Source

MOST_LABELS = 200
"""Of a field. Where there are more, the rarest are one label together."""
MOST_DISTINCT = 20_000
"""A column with more different texts holds texts, not labels."""
MOST_CHARACTERS = 200
"""A label is shorter than this."""
FLAGS = ("true", "false")


@dataclass(frozen=True, slots=True)
class Encoded:
    """A field and the code of each row; of numbers the values too, which rows are sorted by."""

    field: Field
    codes: Any
    values: Any = None


class Encoder(Protocol):
    """Takes a column batch by batch."""

    def add(self, values: pa.Array) -> None: ...

    def finish(self) -> Encoded | None:
        """The field; None where the column has nothing to filter by."""
        ...


def encoder_of(source: Source, kind: pa.DataType) -> Encoder:
    """What encodes a column of this type."""
    if source.kind == "numbers":
        return _Numbers(source, whole=pa.types.is_integer(kind))
    return _Labels(source, dict.fromkeys(source.labels or (FLAGS if source.kind == "flags" else ())))


@dataclass
class _Labels:
    """Texts and truth values."""

    source: Source
    _known: dict[str, Any]
    _codes: list[Any] = field(default_factory=list)
    _given_up: bool = False

    def __post_init__(self) -> None:
        self._known = {label: code for code, label in enumerate(self._known)}

    def add(self, values: pa.Array) -> None:
        if self._given_up:
            return
        texts = pc.if_else(values, *FLAGS) if pa.types.is_boolean(values.type) else values
        coded = texts.dictionary_encode()
        labels = coded.dictionary.to_pylist()
        if any(len(label) > MOST_CHARACTERS for label in labels):
            self._give_up()
            return
        places = np.array([self._known.setdefault(label, len(self._known)) for label in labels] or [0], np.int32)
        if len(self._known) > MOST_DISTINCT:
            self._give_up()
            return
        codes = pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False)
        self._codes.append(np.where(codes < 0, -1, places[codes]))

    def _give_up(self) -> None:
        self._given_up, self._codes = True, []

    def finish(self) -> Encoded | None:
        codes = np.concatenate(self._codes) if self._codes else np.zeros(0, np.int32)
        labels = list(self._known)
        counts = np.bincount(codes[codes >= 0], minlength=len(labels))
        filled = int(counts.sum())
        says_nothing = len(labels) < 2 and filled == len(codes)
        if self._given_up or not filled or says_nothing or (len(labels) > 60 and len(labels) * 3 > filled):
            return None
        fixed = len(self.source.labels) or (len(FLAGS) if self.source.kind == "flags" else 0)
        order = [*range(fixed), *(fixed + np.argsort(-counts[fixed:], kind="stable")).tolist()]
        others = len(order) > MOST_LABELS
        shown = order[: MOST_LABELS - 1] if others else order
        size = len(shown) + others
        renamed = np.full(len(labels) + 1, size - 1 if others else 0, np.uint8)
        renamed[shown] = np.arange(len(shown))
        renamed[-1] = size  # of nulls, whose code is -1
        names = tuple(labels[place] for place in shown) + ((_unlike(labels),) if others else ())
        told = self.source
        return Encoded(
            Field(told.name, told.title, told.sql, told.kind, told.about, names, others=others), renamed[codes]
        )


def _unlike(labels: list[str]) -> str:
    """A name for all rare labels together, different from each of them."""
    name = "all others"
    while name in labels:
        name += " "
    return name


@dataclass
class _Numbers:
    source: Source
    whole: bool
    _values: list[Any] = field(default_factory=list)
    _known: list[Any] = field(default_factory=list)

    def add(self, values: pa.Array) -> None:
        self._known.append(values.is_valid().to_numpy(zero_copy_only=False))
        kind = np.int64 if self.whole else np.float64
        self._values.append(pc.fill_null(values, 0).to_numpy(zero_copy_only=False).astype(kind, copy=False))

    def finish(self) -> Encoded | None:
        if not self._values:
            return None
        values, known = np.concatenate(self._values), np.concatenate(self._known)
        if not known.any():
            return None
        lengths = self.source.name.endswith("_characters")
        edges, grows = edges_of(values[known], whole=self.whole, lengths=lengths)
        if not edges:
            return None  # one value says nothing
        told = self.source
        found = Field(
            told.name, told.title, told.sql, told.kind, told.about, (), edges, whole=self.whole, logarithmic=grows
        )
        return Encoded(found, codes_of(values, known, edges), values)
