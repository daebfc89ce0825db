"""Every task family, one or two files per category, one per language. To add one: put it into its file's FAMILIES."""

from fledgling.families import (
    advice_seeking,
    brainstorming,
    coding,
    creative_writing,
    data_analysis,
    editing,
    french,
    german,
    information_seeking,
    math,
    occasions,
    others,
    planning,
    reasoning,
    rewriting,
    role_playing,
    russian,
    snippets,
    spanish,
)
from fledgling.family import Family, Slots

MODULES = (
    information_seeking, reasoning, planning, editing, rewriting, coding, snippets, math, role_playing, data_analysis,
    creative_writing, occasions, advice_seeking, brainstorming, others, spanish, french, german, russian,
)  # fmt: skip
FAMILIES: tuple[Family, ...] = tuple(family for module in MODULES for family in module.FAMILIES)
BY_NAME = {family.name: family for family in FAMILIES}


def recognise(prompt: str) -> tuple[Family, Slots] | None:
    """The first family that could have asked `prompt`, with its slots; None if none could."""
    readings = ((family, family.recognise(prompt)) for family in FAMILIES)
    return next(((family, slots) for family, slots in readings if slots is not None), None)
