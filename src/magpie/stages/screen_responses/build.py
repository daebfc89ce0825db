"""Builds `screen_responses`: rules on single responses."""

from __future__ import annotations

from functools import partial

from magpie.seams import TableStage
from magpie.settings.base import frozen
from magpie.stages.screen.build import rules_of
from magpie.stages.screen_responses import SPEC
from magpie.stages.screen_responses.settings import ScreenResponses
from magpie.stages.screen_responses.work import open_screen_responses
from magpie.stages.spec import BoundStage, Context


def build_screen_responses(asked: ScreenResponses, context: Context) -> BoundStage:
    """Reads the response, or the responses where there are several at this place."""
    reads = tuple(SPEC.needs(asked, context.available))
    respond = context.settings("respond")
    thoughts_end = respond.thought_tags[1] if respond is not None and respond.thought_tags else "</think>"
    opened = partial(open_screen_responses, rules_of(asked), thoughts_end)
    stage = TableStage("screen_responses", reads, (), opened)
    return BoundStage(stage, {**frozen(asked), "thoughts_end": thoughts_end})
