"""Builds `compare`: a judge says which of two answers is better, in both orders."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from magpie.errors import RecipeError
from magpie.models.sampling import frozen_sampling, resolved_sampling, written_by
from magpie.seams import Stage
from magpie.stages.compare import BESIDE, SPEC
from magpie.stages.compare.columns import COLUMNS
from magpie.stages.compare.settings import Compare
from magpie.stages.compare.work import compare
from magpie.stages.judging.letters import JUDGE
from magpie.stages.judging.prompts import package_prompt, read_prompt
from magpie.stages.judging.replying import judge_of, why_no_letters
from magpie.stages.spec import BoundStage, Context

STAGE = "compare"
TAKES = ("instruction", "response_a", "response_b", "system", "history", "known_answer")
_SHOWN = {"instruction": "Why?", "response_a": "So.", "response_b": "Thus."}


def build_compare(asked: Compare, context: Context) -> BoundStage:
    """Raises `RecipeError` for a prompt that does not render, and for labels that are not a token each where their
    probabilities are asked for."""
    needs = SPEC.capabilities(asked)
    model = context.models.answering(asked, STAGE, needs)
    own = None if asked.prompt is None else read_prompt(Path(asked.prompt), TAKES)
    letters = own or package_prompt("judging/compare")
    by_letters = asked.by != "verdict"
    if by_letters:
        shown = letters.render(dict.fromkeys(TAKES) | _SHOWN)
        why = why_no_letters(model, shown, asked.labels, STAGE)
        if why is not None and asked.by == "logprobs":
            raise RecipeError(f"{why}; expected compare.by: verdict, or another judge")
        by_letters = why is None
    prompt = letters if by_letters else own or package_prompt("compare/compare_verdict")
    judge = judge_of(model, prompt, asked.labels, asked.sampling, asked.again, by_letters=by_letters)
    reads = ("instruction", "response", "against_response", *(name for name in BESIDE if name in context.available))
    stage = Stage(STAGE, reads, COLUMNS, partial(compare, judge=judge), (JUDGE,), needs)
    words = {"sampling": frozen_sampling(judge.speaker.sampling), "again": asked.again}
    settings: dict[str, Any] = {
        "by": "logprobs" if by_letters else "verdict",
        "prompt": prompt.digest,
        "labels": asked.labels,
        **({} if by_letters else words),
        **written_by(model),
    }
    resolved = asked.model_copy(update={"sampling": resolved_sampling(asked.sampling, judge.speaker.sampling)})
    warnings = tuple(model.chat.describe().get("warnings", ()))
    return BoundStage(stage, settings, {JUDGE: model.use}, model.use.identity, warnings, resolved)
