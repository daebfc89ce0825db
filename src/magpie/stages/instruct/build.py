"""Builds `instruct`: the recipe's model writes as the user."""

from __future__ import annotations

from functools import partial

from magpie.models.chats import ChatModel, check_writes_as_user
from magpie.models.sampling import as_user, frozen_prompt, frozen_sampling, resolved_sampling
from magpie.seams import Stage
from magpie.settings.base import frozen
from magpie.stages.instruct.build_mix import build_mix
from magpie.stages.instruct.columns import COLUMNS, INSTRUCTION, INSTRUCTION_RAW, SANITIZED_BY
from magpie.stages.instruct.settings import Instruct
from magpie.stages.instruct.work import instruct, instruct_by_mix
from magpie.stages.spec import BoundStage, Context
from magpie.templates import sanitize


def build_instruct(asked: Instruct, context: Context) -> BoundStage:
    """Raises `RecipeError` for a server that takes no raw prompts."""
    model = context.models.own("instruct")
    check_writes_as_user(model)
    return _mixed(asked, model, context) if asked.mix else _plain(asked, model)


def _plain(asked: Instruct, model: ChatModel) -> BoundStage:
    newline = ("\n",) if asked.stop_at_newline else ()
    sampling, banned, rules = as_user(asked.sampling, model, newline), model.first_token_bans, model.family.sanitize
    ask = partial(
        instruct,
        chat=model.chat,
        sampling=sampling,
        banned=banned,
        clean=partial(sanitize, rules=rules),
        divisor=asked.first_token_divisor,
    )
    pre_query = frozen_prompt(model.chat.describe()["pre_query"])
    settings = {
        "sampling": frozen_sampling(sampling),
        "first_token_bans": banned,
        "sanitize": rules,
        "pre_query": pre_query,
        **frozen(asked, only={"first_token_divisor"}),
    }
    stage = Stage("instruct", (), (INSTRUCTION, INSTRUCTION_RAW, SANITIZED_BY), ask, needs=model.needs)
    resolved = asked.model_copy(update={"sampling": resolved_sampling(asked.sampling, sampling), "sanitize": rules})
    return BoundStage(stage, settings, {"model": model.use}, model.use.identity, resolved=resolved)


def _mixed(asked: Instruct, model: ChatModel, context: Context) -> BoundStage:
    built = build_mix(asked, model, context)
    rules = model.family.sanitize
    ask = partial(instruct_by_mix, mix=built.mix, clean=partial(sanitize, rules=rules))
    needs = model.needs if any(variant.banned for variant in built.mix.variants) else frozenset()
    stage = Stage("instruct", (), COLUMNS, ask, needs=needs)
    settings = {"mix": built.settings, "sanitize": rules, **frozen(asked, only={"first_token_divisor"})}
    return BoundStage(stage, settings, {"model": model.use}, model.use.identity, built.warnings)
