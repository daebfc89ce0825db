"""From settings to a stage. What decides its rows goes into the settings of a `BoundStage`, and so its fingerprint."""

from __future__ import annotations

from functools import partial

from magpie.models.sampling import as_assistant, frozen_sampling
from magpie.seams import Stage, TableStage
from magpie.settings.base import frozen
from magpie.stages.spec import BoundStage, Context
from magpie_stage_readability import EASE, NAMED
from magpie_stage_readability.settings import Readability, Title
from magpie_stage_readability.work import open_readability, title


def build_readability(asked: Readability, context: Context) -> BoundStage:  # noqa: ARG001
    """A table stage."""
    stage = TableStage("readability", ("instruction",), (EASE,), partial(open_readability, asked.min_ease))
    return BoundStage(stage, frozen(asked))


def build_title(asked: Title, context: Context) -> BoundStage:
    """A row stage. Raises `UserError` for a model that cannot be asked."""
    model = context.models.answering(asked, "title")
    sampling = as_assistant(asked.sampling, model)
    ask = partial(title, chat=model.chat, sampling=sampling)
    stage = Stage("title", ("instruction",), (NAMED,), ask)
    return BoundStage(stage, {"sampling": frozen_sampling(sampling)}, {"model": model.use}, model.use.identity)
