"""Builds `respond_against`: another model answers the same instructions, as `respond` has its own answer."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from magpie.columns import IMPORT
from magpie.models.sampling import frozen_prompt, frozen_sampling, resolved_sampling, written_by
from magpie.seams import Outcome, Row, Stage
from magpie.stages.respond.build import responder_of
from magpie.stages.respond.settings import Respond
from magpie.stages.respond.work import Responder, respond_to_all
from magpie.stages.respond_against.columns import COLUMNS
from magpie.stages.respond_against.settings import RespondAgainst
from magpie.stages.spec import BoundStage, Context

STAGE = "respond_against"
OPPONENT = "opponent"


def build_respond_against(asked: RespondAgainst, context: Context) -> BoundStage:
    """Raises `UserError` for a model that cannot be used."""
    model = context.models.answering(asked, STAGE)
    as_respond = Respond(sampling=asked.sampling, thought_tags=asked.thought_tags)
    responder = responder_of(as_respond, as_respond, model, OPPONENT)
    imported = {name for name, (_, maker) in context.available.items() if maker == IMPORT}
    reads = ("instruction", *(name for name in ("system", "prior_turns") if name in imported))

    def ask(row: Row) -> Generator[Any, Any, Outcome]:
        return respond_against(row, responder)

    found = model.chat.describe()
    settings = {
        "sampling": frozen_sampling(responder.sampling),
        "pre_response": frozen_prompt(found["pre_response"]),
        **written_by(model),
        **({} if responder.thoughts is None else {"thoughts": responder.thoughts.frozen()}),
    }
    resolved = asked.model_copy(update={"sampling": resolved_sampling(asked.sampling, responder.sampling)})
    stage = Stage(STAGE, reads, COLUMNS, ask, (OPPONENT,))
    warnings = tuple(found.get("warnings", ()))
    return BoundStage(stage, settings, {OPPONENT: model.use}, model.use.identity, warnings, resolved)


def respond_against(row: Row, responder: Responder) -> Generator[Any, Any, Outcome]:
    """The opponent's answer, without its reasoning."""
    made: Any = yield from respond_to_all(row, responder, "against_response", "against_unusable")
    return {name: made[name] for name in ("against_response", "against_unusable")}
