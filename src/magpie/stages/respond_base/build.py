"""Builds `respond_base`: an unaligned model answers the same instructions."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from magpie.models.base_models import BaseModel, open_base_model
from magpie.models.sampling import frozen_sampling, resolved_sampling, sampling_params
from magpie.seams import Prompt, Stage
from magpie.stages.judging.judges import known_context
from magpie.stages.judging.prompts import JudgePrompt, package_prompt, read_prompt
from magpie.stages.respond_base.columns import COLUMNS
from magpie.stages.respond_base.settings import RespondBase
from magpie.stages.respond_base.work import few_shot_text, headings, respond_base
from magpie.stages.spec import BoundStage, Context

STAGE = "respond_base"
SUITED: dict[str, Any] = {"temperature": 0.0, "top_p": 1.0, "max_tokens": 1024}
"""Greedy, as in the paper. A base model that does not end is cut earlier than a response is."""


def build_respond_base(asked: RespondBase, context: Context) -> BoundStage:
    """Raises `UserError` for a model that cannot continue a text, and for a prompt that does not say where to stop."""
    prompt = (
        package_prompt("respond_base/base_few_shot")
        if asked.prompt is None
        else read_prompt(Path(asked.prompt), _TAKES)
    )
    model = open_base_model(STAGE, asked.model, asked.engine, context.models.name)
    sampling = sampling_params(asked.sampling, SUITED, model.files.eog_ids, headings(prompt))
    written = partial(_prompt, model, prompt)
    ask = partial(respond_base, prompt=written, sampling=sampling, most_tokens=known_context(model.use))
    settings = {"sampling": frozen_sampling(sampling), "prompt": prompt.digest}
    stage = Stage(STAGE, ("instruction",), COLUMNS, ask)
    resolved = asked.model_copy(update={"sampling": resolved_sampling(asked.sampling, sampling)})
    return BoundStage(stage, settings, {"model": model.use}, model.use.identity, resolved=resolved)


_TAKES = ("instruction",)


def _prompt(model: BaseModel, prompt: JudgePrompt, instruction: str) -> Prompt:
    return model.prompt(few_shot_text(prompt, instruction))
