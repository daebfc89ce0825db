"""Assigns a variant of the mix to each row, with its prompt, its sampling and the words in its system prompt.

All of this follows from the seed, the weights and the row's number. Knows no tokenizer and no file.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from hashlib import blake2b
from math import gcd, lcm
from typing import NamedTuple

from magpie.seams import Chat, Prompt, SamplingParams


class Place(NamedTuple):
    """Where a row is in a mix."""

    variant: int
    nth: int
    """How many rows before it are of the same variant."""


class Shares:
    """Deals rows out so that after any number of rows each variant has its share, within one row.

    Of the variants whose next row is due, the one whose row is due soonest: R. Tijdeman, The chairman assignment
    problem, Discrete Mathematics 32 (1980), which keeps every variant within 1 - 1/(2k - 2) rows of its share, k of
    them. Whole numbers throughout. After as many rows as the weights add up to, in lowest terms, the order begins
    again: it is worked out once, as far as it is asked for.
    """

    def __init__(self, weights: Sequence[float], first: Sequence[str]) -> None:
        """weights: any positive numbers. first: of two variants that are due alike, the one with the lesser text."""
        self.weights = _whole(weights)
        self.period = sum(self.weights)
        self._order = sorted(range(len(weights)), key=lambda variant: first[variant])
        self._slack = max(1, 2 * len(weights) - 2)
        self._common = lcm(*self.weights)
        self._dealt = [0] * len(weights)
        self._due = [self._due_of(variant) for variant in range(len(weights))]
        self._late = [self._late_of(variant) for variant in range(len(weights))]
        self._variants, self._nths = array("L"), array("Q")

    def __getitem__(self, row: int) -> Place:
        rounds, at = divmod(row, self.period)
        while len(self._variants) <= at:
            self._deal()
        variant = self._variants[at]
        return Place(variant, rounds * self.weights[variant] + self._nths[at])

    def counts(self, rows: int) -> list[int]:
        """How many of the first `rows` rows each variant has."""
        rounds, rest = divmod(rows, self.period)
        counts = [rounds * weight for weight in self.weights]
        for row in range(rest):
            counts[self[row].variant] += 1
        return counts

    def _deal(self) -> None:
        row = len(self._variants) + 1
        chosen = min((v for v in self._order if self._due[v] <= row), key=self._late.__getitem__)
        self._variants.append(chosen)
        self._nths.append(self._dealt[chosen])
        self._dealt[chosen] += 1
        self._due[chosen], self._late[chosen] = self._due_of(chosen), self._late_of(chosen)

    def _due_of(self, variant: int) -> int:
        """The first row, from 1, that may be the variant's next."""
        return -(-(self.period * (self._slack * self._dealt[variant] + 1)) // (self._slack * self.weights[variant]))

    def _late_of(self, variant: int) -> int:
        """The last row that may be, in units that all variants share."""
        return (self._slack * (self._dealt[variant] + 1) - 1) * (self._common // self.weights[variant])


def _whole(weights: Sequence[float]) -> list[int]:
    """Whole numbers in the same ratio, as decimals are read: 0.1 is a tenth."""
    exact = [Fraction(str(weight)) for weight in weights]
    common = lcm(*(one.denominator for one in exact))
    numbers = [int(one * common) for one in exact]
    return [number // gcd(*numbers) for number in numbers]


def tie(seed: int, name: str) -> str:
    """What decides between variants that are due alike, so that another seed deals them in another order."""
    return blake2b(f"{seed}/mix/{name}".encode(), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class Words:
    """The values of a placeholder, in an order that follows from the seed; each is used once before any is used
    again."""

    items: tuple[str, ...]
    seed: str
    """Includes the name of the list, so that each list has an order of its own."""

    def __getitem__(self, nth: int) -> str:
        times, at = divmod(nth, len(self.items))
        return self.items[_shuffled(self.seed, times, len(self.items))[at]]


@lru_cache(maxsize=64)
def _shuffled(seed: str, times: int, count: int) -> array[int]:
    keys = (blake2b(f"{seed}/{times}/{n}".encode(), digest_size=8).digest() for n in range(count))
    return array("L", [n for _, n in sorted((key, n) for n, key in enumerate(keys))])


_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


def placeholders(text: str) -> set[str]:
    """The names in braces."""
    return set(_PLACEHOLDER.findall(text))


def filled(text: str, words: Mapping[str, str]) -> str:
    """`text` with names in braces replaced by words; the rest is unchanged, and so are braces in the words."""
    return _PLACEHOLDER.sub(lambda match: words.get(match[1], match[0]), text)


@dataclass(frozen=True, slots=True)
class Start:
    """The prompt that the model continues."""

    prompt: Prompt
    """The template's text before a user's words, and the prefill if there is one."""
    text: str = ""
    """The prefill, as it stands in the prompt; "" if there is none."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to ask for instructions."""

    name: str
    chat: Chat
    sampling: SamplingParams
    start: Callable[[str | None], Start]
    """From a system prompt. Raises `TemplateError` where the chat template will not have it."""
    banned: tuple[int, ...] = ()
    """Ids that an instruction may not begin with."""
    divisor: float = 1.0
    """What the logits of an instruction's first token are divided by."""
    system: str | None = None
    words: Mapping[str, Words] = field(default_factory=dict)
    """The values of each placeholder in `system`."""

    def system_of(self, nth: int) -> str | None:
        """The system prompt of the variant's n-th row."""
        if self.system is None:
            return None
        return filled(self.system, {name: words[nth] for name, words in self.words.items()})


@dataclass(frozen=True, slots=True)
class Mix:
    """Variants and their shares."""

    variants: Sequence[Variant]
    shares: Shares

    def __getitem__(self, row: int) -> tuple[Variant, str | None]:
        """A row's variant, and its system prompt."""
        place = self.shares[row]
        variant = self.variants[place.variant]
        return variant, variant.system_of(place.nth)
