"""Builds `instruct`: the recipe's model writes as the user."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial

from magpie.columns import MAKERS
from magpie.pipeline.building.built import Built, Context
from magpie.pipeline.building.sampling import as_user
from magpie.pipeline.chats import check_writes_as_user
from magpie.recipes import Instruct
from magpie.seams import Stage
from magpie.stages import instruct
from magpie.templates import sanitize


def build_instruct(asked: Instruct, context: Context) -> Built:
    """Raises `RecipeError` for a server that takes no raw prompts."""
    model = context.models.asker
    check_writes_as_user(model)
    newline = ("\n",) if asked.stop_at_newline else ()
    sampling, banned, rules = as_user(asked.sampling, model, newline), model.first_token_bans, model.family.sanitize
    ask = partial(instruct, chat=model.chat, sampling=sampling, banned=banned, clean=partial(sanitize, rules=rules))
    pre_query = model.chat.describe()["pre_query"]
    settings = {"sampling": asdict(sampling), "first_token_bans": banned, "sanitize": rules, "pre_query": pre_query}
    stage = Stage("instruct", (), MAKERS["instruct"], ask, needs=model.needs)
    return Built(stage, settings, {"model": model.use}, model.use.identity)
