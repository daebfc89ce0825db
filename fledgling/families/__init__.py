"""Every task family, one file per category. To add one: write it, put it into its file's FAMILIES."""

from fledgling.families import (
    advice_seeking,
    brainstorming,
    coding,
    creative_writing,
    data_analysis,
    editing,
    information_seeking,
    math,
    others,
    planning,
    reasoning,
    rewriting,
    role_playing,
    snippets,
)
from fledgling.family import Family, Slots

FAMILIES: tuple[Family, ...] = (
    *information_seeking.FAMILIES,
    *reasoning.FAMILIES,
    *planning.FAMILIES,
    *editing.FAMILIES,
    *rewriting.FAMILIES,
    *coding.FAMILIES,
    *snippets.FAMILIES,
    *math.FAMILIES,
    *role_playing.FAMILIES,
    *data_analysis.FAMILIES,
    *creative_writing.FAMILIES,
    *advice_seeking.FAMILIES,
    *brainstorming.FAMILIES,
    *others.FAMILIES,
)
BY_NAME = {family.name: family for family in FAMILIES}


def recognise(prompt: str) -> tuple[Family, Slots] | None:
    """The first family that could have asked `prompt`, with its slots; None if none could."""
    readings = ((family, family.recognise(prompt)) for family in FAMILIES)
    return next(((family, slots) for family, slots in readings if slots is not None), None)
