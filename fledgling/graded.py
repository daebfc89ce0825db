"""Packs instructions with graded responses into rows of tokens: an instruction once, its responses beside each other.

Every response sees its instruction and itself, as if it stood alone behind it. Knows a tokenizer and how far a wrong
response is right; knows no model.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from random import Random

import numpy as np
from tokenizers import Tokenizer

from fledgling.chat import END_OF_TEXT_ID, before_assistant
from fledgling.responses import Asked, Response, agreeing, wrong
from fledgling.rows import AT_ONCE, OPEN, ROW

CLOSE = "<|im_end|>\n"  # what the chat template puts behind a response; the last token's state is scored
RIGHTS, WRONGS = 2, 3  # responses of an instruction


@dataclass(frozen=True)
class Graded:
    """An instruction with its responses, and how many characters of each are the beginning of a right one."""

    asked: Asked
    responses: tuple[Response, ...]
    agree: tuple[int, ...]


def graded(asked: Asked, own: Sequence[Response], rng: Random) -> Graded:
    """Right responses by the rule, wrong ones by corruption; of `own`, the model's responses, as many as there are."""
    right = {asked.right(rng) for _ in range(RIGHTS if asked.family.check else 1)}
    some = [Response(text, "rule", True) for text in sorted(right)]
    some += [response for response in own if response.text not in right]
    base = sorted(right)
    some += [wrong(asked, rng.choice(base), rng) for _ in range(WRONGS)]
    unique = tuple({response.text: response for response in some}.values())
    agree = tuple(len(one.text) if one.right else agreeing(asked, one.text, rng) for one in unique)
    return Graded(asked, unique, agree)


@dataclass(frozen=True)
class GradedRows:
    """Arrays [count, ROW]: what a row holds, token by token."""

    ids: np.ndarray  # uint16
    group: np.ndarray  # uint8, the instruction of its row that a token belongs to; 0 is padding
    part: np.ndarray  # uint8, the response of its instruction; 0 is the instruction itself
    position: np.ndarray  # uint16, in the conversation
    label: np.ndarray  # int8, 1 where all so far is right, 0 where something is wrong, -1 where nothing is learned
    last: np.ndarray  # bool, the last token of a response
    written: np.ndarray  # bool, a token of a right response, which the model goes on learning to write

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, chosen: np.ndarray | slice) -> "GradedRows":
        return GradedRows(*(getattr(self, name)[chosen] for name in FIELDS))


FIELDS = ("ids", "group", "part", "position", "label", "last", "written")


@dataclass
class Row:
    """A row while it is filled."""

    columns: dict[str, list[int]] = field(default_factory=lambda: {name: [] for name in FIELDS})
    groups: int = 0

    def __len__(self) -> int:
        return len(self.columns["ids"])

    def add(self, columns: dict[str, list[int]]) -> None:
        self.groups += 1
        for name, values in columns.items():
            self.columns[name] += [self.groups] * len(values) if name == "group" else values


def make_graded_rows(tokenizer: Tokenizer, some: Iterable[Graded], count: int) -> tuple[GradedRows, int]:
    """`count` rows, and how many instructions were read for them."""
    used = 0

    def counted() -> Iterator[Graded]:
        nonlocal used
        for one in some:
            used += 1
            yield one

    return stack(list(islice(pack(encode(tokenizer, counted())), count))), used


def encode(tokenizer: Tokenizer, some: Iterable[Graded]) -> Iterator[dict[str, list[int]]]:
    """The columns of each instruction with as many of its responses as a row has room for."""
    source = iter(some)
    while batch := list(islice(source, AT_ONCE)):
        texts = [before_assistant(one.asked.prompt) for one in batch]
        texts += [response.text + CLOSE for one in batch for response in one.responses]
        encodings = iter(tokenizer.encode_batch(texts))
        prompts = [next(encodings).ids for _ in batch]
        for one, prompt in zip(batch, prompts, strict=True):
            told = [next(encodings) for _ in one.responses]
            yield columns(prompt, one, [(each.ids, each.offsets) for each in told])


def columns(
    prompt: list[int], one: Graded, told: Sequence[tuple[list[int], list[tuple[int, int]]]]
) -> dict[str, list[int]]:
    """The instruction, then one response after the other, right and wrong in turn; what does not fit is left out."""
    made: dict[str, list[int]] = {name: [] for name in FIELDS}
    extend(made, prompt, 0, 0, [-1] * len(prompt), False)
    order = sorted(
        range(len(told)),
        key=lambda place: (
            sum(one.responses[n].right == one.responses[place].right for n in range(place)),
            one.responses[place].right,
        ),
    )
    for part, place in enumerate(order, start=1):
        ids, offsets = told[place]
        if len(made["ids"]) + len(ids) > ROW:
            continue
        right, agree = one.responses[place].right, one.agree[place]
        length = len(one.responses[place].text)
        labels = [int(right or end <= agree) for _, end in offsets]
        labels = [mark if end <= length else int(right) for mark, (_, end) in zip(labels, offsets, strict=True)]
        extend(made, ids, part, len(prompt), labels, right)
    return made


def extend(made: dict[str, list[int]], ids: list[int], part: int, start: int, labels: list[int], written: bool) -> None:
    count = len(ids)
    made["ids"] += ids
    made["group"] += [0] * count
    made["part"] += [part] * count
    made["position"] += range(start, start + count)
    made["label"] += labels
    made["last"] += [0] * (count - 1) + [int(part > 0)]
    made["written"] += [int(written)] * count


def pack(some: Iterable[dict[str, list[int]]]) -> Iterator[Row]:
    """As `rows.pack`: each into the fullest open row that has room."""
    waiting: list[Row] = []
    for one in some:
        size = len(one["ids"])
        room = [row for row in waiting if len(row) + size <= ROW]
        row = max(room, key=len, default=Row())
        if not room:
            waiting.append(row)
        row.add(one)
        if len(waiting) > OPEN:
            fullest = max(waiting, key=len)
            waiting.remove(fullest)
            yield fullest
    yield from waiting


def stack(rows: Sequence[Row]) -> GradedRows:
    kinds = {"ids": np.uint16, "position": np.uint16, "label": np.int8, "last": bool, "written": bool}
    arrays = {}
    for name in FIELDS:
        empty = {"ids": END_OF_TEXT_ID, "label": -1}.get(name, 0)
        array = np.full((len(rows), ROW), empty, kinds.get(name, np.uint8))
        for place, row in enumerate(rows):
            array[place, : len(row)] = row.columns[name]
        arrays[name] = array
    return GradedRows(**arrays)
