"""Builds `instruct`: the recipe's model writes as the user."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial

from magpie.columns import ASKED_FOR, MAKERS
from magpie.pipeline.building.built import Built, Context
from magpie.pipeline.building.mix import build_mix
from magpie.pipeline.building.sampling import as_user
from magpie.pipeline.chats import ChatModel, check_writes_as_user
from magpie.recipes import Instruct
from magpie.seams import Stage
from magpie.stages.instruct import instruct, instruct_by_mix
from magpie.templates import sanitize


def build_instruct(asked: Instruct, context: Context) -> Built:
    """Raises `RecipeError` for a server that takes no raw prompts."""
    model = context.models.asker
    check_writes_as_user(model)
    return _mixed(asked, model, context) if asked.mix else _plain(asked, model)


def _plain(asked: Instruct, model: ChatModel) -> Built:
    newline = ("\n",) if asked.stop_at_newline else ()
    sampling, banned, rules = as_user(asked.sampling, model, newline), model.first_token_bans, model.family.sanitize
    ask = partial(instruct, chat=model.chat, sampling=sampling, banned=banned, clean=partial(sanitize, rules=rules))
    pre_query = model.chat.describe()["pre_query"]
    settings = {"sampling": asdict(sampling), "first_token_bans": banned, "sanitize": rules, "pre_query": pre_query}
    stage = Stage("instruct", (), MAKERS["instruct"], ask, needs=model.needs)
    return Built(stage, settings, {"model": model.use}, model.use.identity)


def _mixed(asked: Instruct, model: ChatModel, context: Context) -> Built:
    built = build_mix(asked, model, context)
    rules = model.family.sanitize
    ask = partial(instruct_by_mix, mix=built.mix, clean=partial(sanitize, rules=rules))
    needs = model.needs if any(variant.banned for variant in built.mix.variants) else frozenset()
    stage = Stage("instruct", (), (*MAKERS["instruct"], *ASKED_FOR["instruct"]), ask, needs=needs)
    settings = {"mix": built.settings, "sanitize": rules}
    return Built(stage, settings, {"model": model.use}, model.use.identity, built.warnings)
