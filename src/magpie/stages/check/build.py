"""Builds `check`: answers are held against the truth."""

from __future__ import annotations

from functools import partial

from magpie.errors import RecipeError
from magpie.safe.code import is_allowed_code
from magpie.seams import TableStage
from magpie.stages.check import SPEC
from magpie.stages.check.columns import AGAINST_CORRECT, ANSWER_CORRECT
from magpie.stages.check.settings import Check
from magpie.stages.check.work import load_checker, open_check
from magpie.stages.spec import BoundStage, Context
from magpie.stages.text.equal_answers import check_math

STAGE = "check"


def build_check(asked: Check, context: Context) -> BoundStage:
    """Raises `RecipeError` where no answer is known or a checker cannot be imported, `MissingExtra` without
    math-verify."""
    if asked.by != "checker" and "known_answer" not in context.available:
        raise RecipeError(
            f"check.by: {asked.by}: no row has a known answer; expected prompts with one (the key known_answer, answer "
            "or reference), or check.by: checker"
        )
    if asked.by == "math":
        check_math("check.by")
    if asked.checker is not None and is_allowed_code(asked.checker):
        load_checker(asked.checker)  # what is wrong with it is said before answers are paid for
    reads = list(SPEC.needs(asked, context.available))
    if "known_answer" in context.available and "known_answer" not in reads:
        reads.append("known_answer")
    against = "against_response" in reads
    writes = (ANSWER_CORRECT, AGAINST_CORRECT) if against else (ANSWER_CORRECT,)
    stage = TableStage(STAGE, tuple(reads), writes, partial(open_check, asked.by, asked.checker, against=against))
    named = {} if asked.checker is None else {"checker": asked.checker}
    return BoundStage(stage, {"by": asked.by, **named})
