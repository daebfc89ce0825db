"""Builds `choose`: one of several responses becomes the response."""

from __future__ import annotations

from functools import partial

from magpie.errors import RecipeError
from magpie.seams import TableStage
from magpie.stages.choose import SPEC
from magpie.stages.choose.columns import RESPONSE_CHOICE
from magpie.stages.choose.settings import Choose
from magpie.stages.choose.work import open_choose
from magpie.stages.respond.columns import REASONING, RESPONSE
from magpie.stages.spec import BoundStage, Context
from magpie.stages.text.equal_answers import check_math


def build_choose(asked: Choose, context: Context) -> BoundStage:
    """Raises `RecipeError` where there is nothing to choose from, or by, `MissingExtra` without
    what compares answers."""
    check_several("choose", context)
    if "responses_prompt" in context.available:
        raise RecipeError(
            "choose: takes the response to an instruction, and the several responses here answer a later turn "
            "(follow_up.n); expected choose: null, and pair or an export of `responses`, or respond.n"
        )
    if asked.by == "reward":
        check_rewarded("choose", "; choose.by may also be first or majority", context)
    reads = tuple(SPEC.needs(asked, context.available))
    if asked.answers == "math":
        check_math("choose.answers")
    opened = partial(open_choose, asked.by, asked.min_agreement, asked.answers)
    stage = TableStage("choose", reads, (RESPONSE, REASONING, RESPONSE_CHOICE), opened)
    agreement = {"min_agreement": asked.min_agreement} if asked.by == "majority" else {}
    compared = {} if asked.answers == "text" else {"answers": asked.answers}
    return BoundStage(stage, {"by": asked.by, **agreement, **compared})


def check_several(stage: str, context: Context) -> None:
    """Raise `RecipeError` unless a stage above makes several responses to an instruction."""
    if "responses" in context.available:
        return
    respond = context.settings("respond")
    found = "there is no respond" if respond is None else f"respond.n is {respond.n}"
    raise RecipeError(
        f"{stage}: needs several responses to an instruction, and {found}; expected respond.n of 2 or more (the paper "
        f"has 5), or {stage}: null"
    )


def check_rewarded(stage: str, otherwise: str, context: Context) -> None:
    """Raise `RecipeError` unless a stage above scores each of several responses."""
    if "response_rewards" not in context.available:
        raise RecipeError(
            f"{stage}: compares the rewards of responses, and no stage before it scores them; expected a scorer, as in "
            f"`reward: {{}}`{otherwise}"
        )
