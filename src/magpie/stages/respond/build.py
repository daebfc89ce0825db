"""Builds `respond`: a model answers each instruction, or several models do, in turn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from magpie.columns import IMPORT, Column
from magpie.errors import RecipeError
from magpie.models.chats import ChatModel
from magpie.models.sampling import as_assistant, frozen_prompt, frozen_sampling, resolved_sampling, written_by
from magpie.seams import SamplingParams, Stage
from magpie.settings.sampling import Sampling
from magpie.stages.follow_up.columns import RESPONSES, TURNS, UNUSABLE
from magpie.stages.imported.columns import PRIOR_TURNS, TURN_REASONING
from magpie.stages.respond.columns import REASONING, RESPONSE
from magpie.stages.respond.settings import Answerer, Respond
from magpie.stages.respond.work import Responder, respond, respond_again, respond_several, respond_to_all
from magpie.stages.spec import BoundStage, Context
from magpie.stages.text.reasoning import Thoughts
from magpie.templates import MessagesChat, thought_marks

SEVERAL_TEMPERATURE = 0.8
"""The default temperature of several responses where the model's own is greedy: that of the paper's preference data."""

_USUAL_TAGS = ("<think>", "</think>")
"""The default delimiters of reasoning where a server renders the prompts and its template is not known here."""


def build_respond(asked: Respond, context: Context) -> BoundStage:
    """Raises `RecipeError` for several responses that would all be the same."""
    answerers: tuple[Respond | Answerer, ...] = asked.models or (asked,)
    models = [context.models.answering(one, "respond") for one in answerers]
    names = ["model"] if len(models) == 1 else [f"model_{n}" for n, _ in enumerate(models, start=1)]
    responders = [responder_of(asked, *each) for each in zip(answerers, models, names, strict=True)]
    settings = [_settings(*each) for each in zip(responders, models, strict=True)]
    check_differ("respond", asked.n, responders, "respond.sampling.temperature: 0.8")
    return BoundStage(
        _stage(asked, responders, context),
        _together(asked, settings),
        {name: model.use for name, model in zip(names, models, strict=True)},
        models[0].use.identity if len(models) == 1 else [model.use.identity for model in models],
        tuple(warning for model in models for warning in model.chat.describe().get("warnings", ())),
        _resolved(asked, responders),
    )


def _resolved(asked: Respond, responders: Sequence[Responder]) -> Respond:
    """The settings, with the resolved sampling of each model."""
    if not asked.models:
        return asked.model_copy(update={"sampling": resolved_sampling(asked.sampling, responders[0].sampling)})
    pairs = zip(asked.models, responders, strict=True)
    models = [
        one.model_copy(update={"sampling": resolved_sampling(one.sampling or asked.sampling, responder.sampling)})
        for one, responder in pairs
    ]
    return asked.model_copy(update={"models": tuple(models)})


def _stage(asked: Respond, responders: Sequence[Responder], context: Context) -> Stage:
    """Raises `RecipeError` for a system prompt or an answer that there is not."""
    if asked.under_system and "system" not in context.available:
        raise RecipeError("respond.under_system: no instruction has one; expected an instruct.mix with system prompts")
    if asked.with_original and "response" not in context.available:
        raise RecipeError("respond.with_original: no row has an answer yet; expected rows that were imported with one")
    imported = {name for name, (_, maker) in context.available.items() if maker == IMPORT}
    under_system = "system" in imported if asked.under_system is None else asked.under_system
    again = not _gives_several(asked) and not asked.keep_unusable and TURNS.name in imported
    prior = PRIOR_TURNS.name in imported
    reads = ["instruction"]
    reads += ["system"] if under_system else []
    reads += [PRIOR_TURNS.name] if prior else []
    reads += [TURNS.name] if again else []
    reads += ["response"] if asked.with_original else []
    if _gives_several(asked):
        ask = partial(respond_several, responders=tuple(responders), count=asked.n, with_original=asked.with_original)
    elif asked.keep_unusable:
        ask = partial(respond_to_all, responder=responders[0])
    else:
        ask = partial(respond_again if again else respond, responder=responders[0])
    writes = _writes(asked, responders, again=again)
    return Stage("respond", tuple(reads), writes, ask, tuple(one.engine for one in responders))


def _gives_several(asked: Respond) -> bool:
    return asked.n > 1 or asked.with_original


def _writes(asked: Respond, responders: Sequence[Responder], *, again: bool) -> tuple[Column, ...]:
    if _gives_several(asked):
        return (RESPONSES, UNUSABLE)
    thinks = any(one.thoughts is not None and not one.keeps_thoughts for one in responders)
    if asked.keep_unusable:
        return (RESPONSE, REASONING, UNUSABLE)
    first = (RESPONSE, REASONING) if thinks else (RESPONSE,)
    later = (TURNS, TURN_REASONING) if thinks else (TURNS,)
    return (*first, *later) if again else first


def responder_of(asked: Respond, one: Respond | Answerer, model: ChatModel, engine: str) -> Responder:
    """A model that answers as `one` of those that `asked` names."""
    sampling = _sampling(one.sampling or asked.sampling, model, asked.n)
    thoughts = _thoughts(asked.thought_tags, model)
    if thoughts is None and asked.reasoning == "column" and _thinks_unseen(model):
        raise RecipeError(
            f"respond.reasoning: {_name(model)} thinks before it answers, and its chat template shows nowhere what "
            "opens and closes its reasoning; expected respond.thought_tags, such as [<think>, </think>], or "
            "respond.reasoning: response, or template.thinking: off"
        )
    return Responder(model.chat, sampling, thoughts, asked.reasoning == "response", engine, _name(model))


def _sampling(asked: Sampling, model: ChatModel, count: int) -> SamplingParams:
    sampling = as_assistant(asked, model)
    if count > 1 and asked.temperature is None and sampling.temperature == 0:
        return replace(sampling, temperature=SEVERAL_TEMPERATURE)
    return sampling


def check_differ(stage: str, count: int, responders: Sequence[Responder], instead: str) -> None:
    """Raise `RecipeError` where several responses of one model would all be the same."""
    turns = Counter(n % len(responders) for n in range(count))
    for place, responder in enumerate(responders):
        if turns[place] > 1 and responder.sampling.temperature == 0:
            raise RecipeError(
                f"{stage}.n: {turns[place]} responses of {responder.name} at temperature 0 are one and the same; "
                f"expected a temperature above 0, such as {instead}"
            )


def _thoughts(tags: tuple[str, str] | None, model: ChatModel) -> Thoughts | None:
    """How the model delimits its reasoning; None where its template has no reasoning."""
    chat, exact = model.chat, model.exact
    marks = None if exact is None else thought_marks(exact)
    if isinstance(chat, MessagesChat):
        opens, closes = tags or (marks[:2] if marks else None) or _USUAL_TAGS
        return Thoughts(opens, closes, opened=None)
    if tags is not None:
        return Thoughts(*tags, opened=chat.describe()["pre_response"]["text"].rstrip().endswith(tags[0]))
    return None if marks is None else Thoughts(*marks)


def _thinks_unseen(model: ChatModel) -> bool:
    return model.exact is not None and bool(model.exact.describe()["thinking"]["unseen"])


def _name(model: ChatModel) -> str:
    """The model's name for readers, without a path of this machine."""
    place = model.use.place
    return Path(model.use.name).name if place is not None and place.hub is None else model.use.name


def _settings(responder: Responder, model: ChatModel) -> dict[str, Any]:
    found = model.chat.describe()
    thoughts = {} if responder.thoughts is None else {"thoughts": responder.thoughts.frozen()}
    return {
        "sampling": frozen_sampling(responder.sampling),
        "pre_query": frozen_prompt(found["pre_query"]),
        "pre_response": frozen_prompt(found["pre_response"]),
        **written_by(model),
        **thoughts,
    }


def _together(asked: Respond, settings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The settings that decide the responses: those of the one model, or of several models in their order."""
    kept = {"reasoning": asked.reasoning} if any("thoughts" in one for one in settings) else {}
    several = {"n": asked.n} if asked.n > 1 else {}
    original = {"with_original": True} if asked.with_original else {}
    whole = {"keep_unusable": True} if asked.keep_unusable else {}
    told = settings[0] if len(settings) == 1 else {"models": list(settings)}
    return {**told, **kept, **several, **original, **whole}
