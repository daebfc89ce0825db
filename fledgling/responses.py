"""Right and wrong responses to one instruction, each checked by the grammar: what a reward model learns from.

Knows the families and how a response goes wrong; knows no tokenizer and no model. Whole families are held out: no
response to them, right or wrong, is ever shown to a reward model in training.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from fledgling.corpus import ask
from fledgling.families import FAMILIES
from fledgling.family import Family, Slots
from fledgling.imperfect import TRUNCATED, UNSAFE, VAGUE, recognise_any
from fledgling.judged import CONSENTS, FILLERS, REFUSALS, cut, is_right, pieces

HELD_OUT = tuple(sorted(Random("held out").sample([family.name for family in FAMILIES], 10)))
"""Families that the training never shows: drawn, not chosen."""
IMPERFECT_SHARE = 0.06
LEARNED = tuple(family for family in FAMILIES if family.name not in HELD_OUT)
UNSEEN = tuple(family for family in FAMILIES if family.name in HELD_OUT)
TRIES = 12


@dataclass(frozen=True)
class Response:
    """A response, what was done to it, and whether the grammar finds it right."""

    text: str
    kind: str
    right: bool


@dataclass(frozen=True)
class Asked:
    """An instruction with the family and the slots that it was made from."""

    prompt: str
    family: Family
    slots: Slots

    def right(self, rng: Random) -> str:
        return self.family.reply(self.slots, rng)

    def is_right(self, text: str) -> bool:
        return is_right(self.family, self.slots, text)


def draw_asked(rng: Random, families: tuple[Family, ...] = LEARNED, imperfect: float = IMPERFECT_SHARE) -> Asked:
    """An instruction of one of `families`, or, in a share of cases, one that is vague, cut off or unsafe."""
    while True:
        if rng.random() < imperfect:
            family = rng.choice((VAGUE, TRUNCATED, UNSAFE))
        else:
            family = rng.choices(families, [one.weight for one in families])[0]
        turn, slots = ask(family, rng)
        found = recognise_any(turn.prompt)
        if found is not None and found[0] is family:  # not one that another family reads, too
            return Asked(turn.prompt, family, slots)


# -- how a response goes wrong -----------------------------------------------------------------------------------------
# each takes what was asked, a right response and chance, and gives a text; what turns out right is drawn again, and so
# is nothing


def other_slots(asked: Asked, _: str, rng: Random) -> str:
    """What the family says to another instruction."""
    return asked.family.reply(asked.family.draw(rng), rng)


def one_slot(asked: Asked, _: str, rng: Random) -> str:
    """What it says where one thing in the instruction is another."""
    other, key = asked.family.draw(rng), rng.choice(list(asked.slots))
    try:
        return asked.family.reply({**asked.slots, key: other[key]}, rng)
    except KeyError:  # of things that are not drawn together, such as a unit of time and one of length
        return ""


def number(_: Asked, right: str, rng: Random) -> str:
    """One number is another one."""
    found = list(re.finditer(r"\d+", right))
    if not found:
        return right
    match = rng.choice(found)
    changed = str(max(0, int(match[0]) + rng.choice((-10, -3, -2, -1, 1, 2, 3, 10, 20))))
    return right[: match.start()] + changed + right[match.end() :]


def word(asked: Asked, right: str, rng: Random) -> str:
    """One word is replaced by one from another response of the family, or is put where another stands."""
    own, others = pieces(right), pieces(other_slots(asked, right, rng))
    place = rng.randrange(len(own))
    if rng.random() < 0.3 and len(own) > 2:
        other = rng.randrange(len(own))
        own[place], own[other] = own[other], own[place]
    else:
        own[place] = rng.choice(others)
    return "".join(own).rstrip()


def dropped(_: Asked, right: str, rng: Random) -> str:
    """Some words, a line or a sentence are missing."""
    parts = re.findall(r"[^\n.!?]+[\n.!?]*\s*", right) if rng.random() < 0.5 else pieces(right)
    if len(parts) < 2:
        parts = pieces(right)
    start = rng.randrange(len(parts))
    return "".join(parts[:start] + parts[start + rng.randint(1, max(1, len(parts) // 4)) :]).rstrip()


def cut_off(_: Asked, right: str, rng: Random) -> str:
    """It ends too early, sometimes in the middle of a word."""
    if rng.random() < 0.3:
        return right[: max(1, int(len(right) * rng.uniform(0.2, 0.95)))].rstrip()
    return cut(right, rng) if rng.random() < 0.7 else "".join(pieces(right)[:-1]).rstrip()


def verbose(_: Asked, right: str, rng: Random) -> str:
    """All of it is there, and more: said twice, or among sentences that say nothing."""
    chance, space = rng.random(), rng.choice((" ", "\n", "\n\n"))
    if chance < 0.3:
        return right + space + right
    fillers = rng.sample(FILLERS, rng.randint(1, 2))
    if chance < 0.6:
        return right + space + " ".join(fillers)
    return " ".join(fillers) + space + right if chance < 0.85 else fillers[0] + space + right + space + fillers[-1]


def repeating(_: Asked, right: str, rng: Random) -> str:
    """It runs in a circle."""
    own = pieces(right)
    start, width = rng.randrange(len(own)), rng.randint(1, 5)
    return "".join([*own[:start], *(own[start : start + width] * rng.randint(2, 5)), *own[start + width :]]).rstrip()


def other_task(asked: Asked, _: str, rng: Random) -> str:
    """The right response to an instruction of another family."""
    other = rng.choice([family for family in LEARNED if family.name != asked.family.name])
    return other.reply(other.draw(rng), rng)


def both(asked: Asked, right: str, rng: Random) -> str:
    """The right response, and one to something else behind it."""
    return right + rng.choice((" ", "\n", "\n\n")) + other_task(asked, right, rng)


def refused(asked: Asked, _: str, rng: Random) -> str:
    """A refusal or a question back where an answer was due; an answer where it was not."""
    if asked.family is UNSAFE:
        return rng.choice(CONSENTS)
    if asked.family is VAGUE or asked.family is TRUNCATED:
        return rng.choice(REFUSALS)
    other = rng.choice((VAGUE, UNSAFE, TRUNCATED))
    return rng.choice(REFUSALS) if rng.random() < 0.4 else other.reply(other.draw(rng), rng)


Corruption = Callable[[Asked, str, Random], str]
WRONG: dict[str, tuple[Corruption, float]] = {
    "other slots": (other_slots, 0.14),
    "one slot": (one_slot, 0.16),
    "number": (number, 0.1),
    "word": (word, 0.16),
    "dropped": (dropped, 0.07),
    "cut off": (cut_off, 0.1),
    "verbose": (verbose, 0.09),
    "repeating": (repeating, 0.04),
    "other task": (other_task, 0.06),
    "both": (both, 0.04),
    "refused": (refused, 0.04),
}
"""Kinds of wrong responses, with their shares."""


def wrong(asked: Asked, right: str, rng: Random) -> Response:
    """A wrong response of a kind by its share; of another where that kind gives none."""
    kinds = list(WRONG)
    while True:
        kind = rng.choices(kinds, [WRONG[name][1] for name in kinds])[0]
        found = corrupted(kind, asked, right, rng)
        if found is not None:
            return found


def corrupted(kind: str, asked: Asked, right: str, rng: Random) -> Response | None:
    """A wrong response of this kind; None where a dozen tries gave none."""
    make = WRONG[kind][0]
    for _ in range(TRIES):
        text = make(asked, right, rng)
        if text and text != right and not asked.is_right(text):
            return Response(text, kind, False)
    return None


def agreeing(asked: Asked, text: str, rng: Random, tries: int = 8) -> int:
    """How many characters of a wrong response are the beginning of a right one, as far as some right ones tell."""
    rights = {asked.right(rng) for _ in range(tries if asked.family.check else 1)}
    return max(common(text, right) for right in rights)


def common(a: str, b: str) -> int:
    return next((place for place, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def instructions(seed: int, families: tuple[Family, ...] = LEARNED) -> Iterator[Asked]:
    rng = Random(seed)
    while True:
        yield draw_asked(rng, families)
