"""Slots that many families share, and what makes their words possible. Knows no family.

A word that a reply only copies may be any word of the right kind: a list would call good prompts nonsense.
"""

import re

from fledgling.family import Slot, Slots

PERSON = Slot("[a-z]{2,12}")  # any capitalized word, see `named`
PLACE = PERSON
THINGS = Slot("[a-z]{2,14}s")  # a plural in lower case
NUMBER = Slot(r"\d{1,4}")
NUMBERS = Slot(r"\d{1,4}(?:, \d{1,4})+")


def named(slots: Slots, *keys: str) -> bool:
    """Whether these slots hold names: capitalized, and no two alike."""
    names = [slots[key] for key in keys]
    return all(name[0].isupper() and name[1:].islower() for name in names) and len(set(names)) == len(names)


def number(slots: Slots, key: str) -> int:
    return int(slots[key])


def numbers(slots: Slots, key: str = "numbers") -> list[int]:
    return [int(part) for part in slots[key].split(", ")]


def between(slots: Slots, low: int, high: int, *keys: str) -> bool:
    """Whether these numbers lie within [low, high] and are written without leading zeros."""
    return all(low <= int(slots[key]) <= high and slots[key] == str(int(slots[key])) for key in keys)


def yours(text: str) -> str:
    """What the user calls mine, as the assistant calls it: my son -> your son"""
    return "yourself" if text == "myself" else re.sub(r"\b(?:my|our)\b", "your", text)
