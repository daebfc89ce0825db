"""What a task family is: phrasings with slots, a reply rule, a recogniser and a checker.

Knows nothing of any particular family, of chat templates or of models.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from random import Random
from typing import Literal

Slots = Mapping[str, str]


@dataclass(frozen=True)
class Slot:
    """A hole in a phrasing: the shape of its text and, where it is closed, the words that may fill it."""

    shape: str = r".+?"
    words: tuple[str, ...] = ()

    def canonical(self, text: str) -> str | None:
        """`text` as the vocabulary writes it; None if it is not in the vocabulary."""
        if not self.words:
            return text
        return self._by_lower.get(text.lower())

    @cached_property
    def _by_lower(self) -> dict[str, str]:
        return {word.lower(): word for word in self.words}


NUMBER = Slot(r"\d{1,4}")


def one_of(words: Sequence[str], shape: str = r".+?") -> Slot:
    return Slot(shape, tuple(words))


def exactly(words: Sequence[str]) -> Slot:
    """A slot whose shape is its vocabulary, for phrasings where slots stand side by side."""
    return Slot("|".join(map(re.escape, sorted(words, key=len, reverse=True))), tuple(words))


@dataclass(frozen=True)
class Form:
    """Several ways to ask for one thing. Every phrasing holds every slot."""

    phrasings: tuple[str, ...]
    slots: Mapping[str, Slot] = field(default_factory=dict)

    def ask(self, values: Slots, rng: Random, casual: bool = False) -> str:
        phrasing = rng.choice(self.phrasings)
        return (make_casual(phrasing) if casual else phrasing).format(**values)

    def read(self, text: str) -> list[Slots]:
        """Every reading of `text`, slots as they stand in it; empty if no phrasing has this form."""
        found = (pattern.fullmatch(text) for pattern in self._patterns)
        return [match.groupdict() for match in found if match]

    def canonical(self, raw: Slots) -> Slots | None:
        """`raw` with each slot in its vocabulary's spelling; None if a word is not in the vocabulary."""
        values = {name: self.slots[name].canonical(text) for name, text in raw.items()}
        known = {name: value for name, value in values.items() if value is not None}
        return known if len(known) == len(values) else None

    @cached_property
    def _patterns(self) -> tuple[re.Pattern[str], ...]:
        return tuple(self._pattern(phrasing) for phrasing in self.phrasings)

    def _pattern(self, phrasing: str) -> re.Pattern[str]:
        seen: set[str] = set()

        def group(match: re.Match[str]) -> str:
            name = match[1]
            if name in seen:
                return f"(?P={name})"
            seen.add(name)
            return f"(?P<{name}>{self.slots[name].shape})"

        literal = re.escape(phrasing.rstrip("?.! "))
        return re.compile(re.sub(r"\\\{(\w+)\\\}", group, literal) + r" ?[?.!]*", re.IGNORECASE)


def make_casual(phrasing: str) -> str:
    """No end mark, and the first word in lower case, unless it is a slot or the word I."""
    bare = phrasing.rstrip("?.! ")
    first, space, rest = bare.partition(" ")
    if first.startswith("{") or first.split("'")[0] == "I":
        return bare
    return first.lower() + space + rest


def draw_each(slots: Mapping[str, Slot]) -> Callable[[Random], Slots]:
    """Draws every slot of a closed vocabulary on its own."""
    return lambda rng: {name: rng.choice(slot.words) for name, slot in slots.items()}


def always(_: Slots) -> bool:
    return True


Difficulty = Literal["very easy", "easy", "medium", "hard", "very hard"]


def easy(_: Slots) -> Difficulty:
    return "easy"


@dataclass(frozen=True)
class FollowUp:
    """A second turn that makes sense only after the first. It has one right reply, so its checker is equality."""

    form: Form
    reply: Callable[[Slots, Slots], str]  # the first turn's slots, this turn's slots
    draw: Callable[[Slots, Random], Slots] = lambda _, __: {}  # the first turn's slots -> this turn's slots
    anytime: bool = False  # whether it makes sense, and means the same, after another follow-up too


@dataclass(frozen=True)
class Family:
    """One kind of task. `check` is for replies that can be worded in several ways; without it, only one is right."""

    name: str
    category: str
    form: Form
    draw: Callable[[Random], Slots]
    reply: Callable[[Slots, Random], str]
    check: Callable[[Slots, str], bool] | None = None
    sensible: Callable[[Slots], bool] = always
    follow_ups: tuple[FollowUp, ...] = ()
    weight: float = 1.0
    language: str = "English"  # of prompt and reply
    intent: str = ""  # what the user wants, to be read after "The user wants"
    knowledge: str = ""  # what it takes to answer, to be read after "It takes"
    difficulty: Callable[[Slots], Difficulty] = easy  # the true label, from what makes the task harder

    def recognise(self, prompt: str) -> Slots | None:
        """The slots of a prompt that this family could have asked; None if it could not."""
        for raw in self.form.read(prompt):
            slots = self.form.canonical(raw)
            if slots is not None and self.sensible(slots):
                return slots
        return None

    def is_right(self, slots: Slots, reply: str) -> bool:
        """Whether `reply` is what the rule would have said, worked steps included."""
        return self.check(slots, reply) if self.check else reply == self.reply(slots, Random(0))

    def resembles(self, prompt: str) -> bool:
        """Whether the prompt has this family's form, whatever stands in its slots."""
        return bool(self.form.read(prompt))
