"""Where a text leaves what the grammar can say, so that practice blames the word that went wrong and no other.

Knows forms, dresses and replies; knows no tokens. A reach is how far a text is the beginning of something that could
be said: up to there it may still be right, and the next character is wrong.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from random import Random

from fledgling.family import Family, Slot, Slots
from fledgling.imperfect import ALL, REPEATED, TRUNCATED, popular
from fledgling.surface import CASUAL_CLOSERS, CASUAL_OPENERS, CLOSERS, GREETINGS, LEAD_INS

HOLE = re.compile(r"\{(\w+)\}")
LONGEST = 60  # characters of a slot whose vocabulary is open
FEW = 3  # letters by which phrasings are found
WORDINGS = 12  # drawings of a reply that may be worded in several ways

Part = str | Slot  # of a phrasing: what is always said, in lower case, or a hole


def reach_of_prompt(text: str) -> int:
    """Of a user's first turn. Families whose form is any text are passed over, but for the popular prompts."""
    text = text.lower()
    starts, reach = openings(text)
    reach = max(reach, *(common(text, 0, one.lower()) for one in popular()))
    some = phrasings()
    return max(
        reach,
        *(
            reach_in(text, start, parts)
            for start in starts
            for beginning in {text[start : start + FEW], ""}
            for parts in some.get(beginning, ())
        ),
    )


def reach_of_reply(text: str, family: Family, slots: Slots) -> int:
    """Of a reply to what the family asks; the best of several drawings where it can be worded in several ways."""
    rng = Random(0)
    wordings = {family.reply(slots, rng) for _ in range(WORDINGS if family.check else 1)}
    return max(common(text, 0, one) for one in wordings)


def openings(text: str) -> tuple[set[int], int]:
    """Where a phrasing may start, after whatever is put before it; and how far the text is an opening."""
    starts, reach = {0}, 0
    for some in (GREETINGS, LEAD_INS, CASUAL_OPENERS):
        for start in tuple(starts):
            for one in some:
                told = one.lower().rstrip() + " "
                length = common(text, start, told)
                reach = max(reach, start + length)
                if length == len(told):
                    starts.add(start + length)
    return starts, reach


def reach_in(text: str, start: int, parts: Sequence[Part]) -> int:
    """Follows all readings of the parts at once."""
    places, reach = {start}, start
    for part in parts:
        after = set[int]()
        for place in places:
            for end, whole in readings(text, place, part):
                reach = max(reach, end)
                if whole:
                    after.add(end)
        places = after
        if not places:
            return reach
    return max(reach, *(closed(text, place) for place in places))


def readings(text: str, place: int, part: Part) -> Iterator[tuple[int, bool]]:
    """Where the part may end if it begins at `place`, and whether that is all of it."""
    if isinstance(part, str):
        length = common(text, place, part)
        yield place + length, length == len(part)
    elif part.words:
        if "" in part.words:
            yield place, True
        for word in beginning_with(part).get(text[place : place + 1], ()):
            length = common(text, place, word)
            yield place + length, length == len(word)
    else:
        shape = shape_of(part)
        for end in range(place + 1, min(len(text), place + LONGEST) + 1):
            if shape.fullmatch(text, place, end):
                yield end, True


def closed(text: str, place: int) -> int:
    """How far the text is right after the end of a phrasing: end marks, and a closer."""
    end = place + len(text[place:]) - len(text[place:].lstrip("?.! "))
    closers = [f" {one.lower()}" for one in CLOSERS] + list(CASUAL_CLOSERS)
    return max([end, *(at + common(text, at, one) for one in closers for at in (place, end, end - 1) if at >= place)])


def common(text: str, place: int, told: str) -> int:
    """How many characters of `told` stand in the text at `place`."""
    if text.startswith(told, place):
        return len(told)
    return next((n for n, letter in enumerate(told) if text[place + n : place + n + 1] != letter), len(told))


@cache
def phrasings() -> dict[str, list[tuple[Part, ...]]]:
    """All phrasings of all families, by their first letters; under "" those that begin with a slot."""
    found = defaultdict[str, list[tuple[Part, ...]]](list)
    for form in (family.form for family in ALL if family not in (REPEATED, TRUNCATED)):
        for phrasing in form.phrasings:
            parts = tuple(parts_of_phrasing(phrasing.rstrip("?.! "), form.slots))
            found[parts[0][:FEW] if isinstance(parts[0], str) and len(parts[0]) >= FEW else ""].append(parts)
    return found


def parts_of_phrasing(phrasing: str, slots: Mapping[str, Slot]) -> Iterator[Part]:
    for place, piece in enumerate(HOLE.split(phrasing)):
        if place % 2:
            yield slots[piece]
        elif piece:
            yield piece.lower()


@cache
def beginning_with(slot: Slot) -> dict[str, tuple[str, ...]]:
    """The words of a slot by their first letter."""
    words = [word.lower() for word in slot.words if word]
    return {letter: tuple(word for word in words if word[0] == letter) for letter in {word[0] for word in words}}


@cache
def shape_of(slot: Slot) -> re.Pattern[str]:
    return re.compile(slot.shape, re.IGNORECASE | re.DOTALL)
