"""Builds `respond`: a model answers each instruction."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial

from magpie.columns import MAKERS
from magpie.pipeline.building.built import Built, Context
from magpie.pipeline.building.sampling import as_assistant, written_by
from magpie.recipes import Respond
from magpie.seams import Stage
from magpie.stages import respond


def build_respond(asked: Respond, context: Context) -> Built:
    model = context.models.answering(asked, "respond")
    sampling = as_assistant(asked.sampling, model)
    found = model.chat.describe()
    settings = {
        "sampling": asdict(sampling),
        "pre_query": found["pre_query"],
        "pre_response": found["pre_response"],
        **written_by(model),
    }
    ask = partial(respond, chat=model.chat, sampling=sampling)
    stage = Stage("respond", ("instruction",), MAKERS["respond"], ask)
    return Built(stage, settings, {"model": model.use}, model.use.identity, tuple(found.get("warnings", ())))
