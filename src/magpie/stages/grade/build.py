"""Builds `grade`: a judge grades each answer."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from magpie.errors import RecipeError
from magpie.models.sampling import frozen_sampling, resolved_sampling, written_by
from magpie.seams import Stage
from magpie.stages.compare import BESIDE
from magpie.stages.grade import SPEC
from magpie.stages.grade.columns import COLUMNS
from magpie.stages.grade.settings import Grade
from magpie.stages.grade.work import GRADES, grade
from magpie.stages.judging.letters import JUDGE
from magpie.stages.judging.prompts import package_prompt, read_prompt
from magpie.stages.judging.replying import judge_of, why_no_letters
from magpie.stages.spec import BoundStage, Context

STAGE = "grade"
TAKES = ("instruction", "response", "system", "history", "known_answer")


def build_grade(asked: Grade, context: Context) -> BoundStage:
    """Raises `RecipeError` for a prompt that does not render, and for grades that are not a token each where their
    probabilities are asked for."""
    needs = SPEC.capabilities(asked)
    model = context.models.answering(asked, STAGE, needs)
    own = None if asked.prompt is None else read_prompt(Path(asked.prompt), TAKES)
    letters = own or package_prompt("grade/grade")
    by_letters = asked.by != "verdict"
    if by_letters:
        shown = letters.render(dict.fromkeys(TAKES) | {"instruction": "Why?", "response": "So."})
        why = why_no_letters(model, shown, GRADES, STAGE)
        if why is not None and asked.by == "logprobs":
            raise RecipeError(f"{why}; expected grade.by: verdict, or another judge")
        by_letters = why is None
    prompt = letters if by_letters else own or package_prompt("grade/grade_verdict")
    judge = judge_of(model, prompt, GRADES, asked.sampling, asked.again, by_letters=by_letters)
    reads = ("instruction", "response", *(name for name in BESIDE if name in context.available))
    stage = Stage(STAGE, reads, COLUMNS, partial(grade, judge=judge), (JUDGE,), needs)
    words = {"sampling": frozen_sampling(judge.speaker.sampling), "again": asked.again}
    settings: dict[str, Any] = {
        "by": "logprobs" if by_letters else "verdict",
        "prompt": prompt.digest,
        **({} if by_letters else words),
        **written_by(model),
    }
    resolved = asked.model_copy(update={"sampling": resolved_sampling(asked.sampling, judge.speaker.sampling)})
    warnings = tuple(model.chat.describe().get("warnings", ()))
    return BoundStage(stage, settings, {JUDGE: model.use}, model.use.identity, warnings, resolved)
