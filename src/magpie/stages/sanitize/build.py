"""Builds `sanitize`: a judge says which part of an instruction is the user's."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from magpie.models.sampling import frozen_sampling, resolved_sampling, sampling_params, written_by
from magpie.seams import Capability, Stage
from magpie.stages.judging.judges import opens_thoughts, prompt_room, thoughts_of
from magpie.stages.judging.letters import JUDGE
from magpie.stages.judging.prompts import package_prompt, read_prompt
from magpie.stages.respond.work import Responder
from magpie.stages.sanitize.columns import COLUMNS
from magpie.stages.sanitize.settings import Sanitize
from magpie.stages.sanitize.work import Judge, sanitize
from magpie.stages.spec import BoundStage, Context

SAMPLING = {"temperature": 0.0, "top_p": 1.0, "max_tokens": 256}


def build_sanitize(asked: Sanitize, context: Context) -> BoundStage:
    """Raises `RecipeError` for a prompt that does not render."""
    model = context.models.answering(asked, "sanitize")
    chat = model.chat
    sampling = sampling_params(asked.sampling, SAMPLING, chat.response_stop_token_ids, chat.response_stop)
    speaker = Responder(chat, sampling, thoughts_of(model), engine=JUDGE)
    prompt = package_prompt("sanitize/judge") if asked.prompt is None else read_prompt(Path(asked.prompt), ("pieces",))
    holds = Capability.STRUCTURE in model.use.capabilities.can and not opens_thoughts(model)
    judge = Judge(speaker, prompt, prompt_room(model, sampling.max_tokens), asked.again, holds)
    stage = Stage("sanitize", ("instruction",), COLUMNS, partial(sanitize, judge=judge), (JUDGE,))
    settings = {
        "prompt": prompt.digest,
        "again": asked.again,
        "sampling": frozen_sampling(sampling),
        **written_by(model),
    }
    warnings = tuple(model.chat.describe().get("warnings", ()))
    resolved = asked.model_copy(update={"sampling": resolved_sampling(asked.sampling, sampling)})
    return BoundStage(stage, settings, {JUDGE: model.use}, model.use.identity, warnings, resolved)
