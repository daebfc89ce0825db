"""Builds `follow_up`: one model writes as the user, and the same or another one answers."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from operator import itemgetter
from typing import Any

from magpie.errors import RecipeError, TemplateError
from magpie.models.chats import ChatModel, check_takes_system, check_writes_as_user
from magpie.models.engines import check_needs
from magpie.models.sampling import as_user, frozen_sampling, over, resolved_sampling, written_by
from magpie.seams import Message, Row, SamplingParams, Stage, derive_seed
from magpie.settings.base import frozen
from magpie.stages.follow_up import SPEC
from magpie.stages.follow_up.columns import ENDED_BY, RESPONSES, RESPONSES_PROMPT, TURNS, UNUSABLE
from magpie.stages.follow_up.settings import FollowUp, Side
from magpie.stages.follow_up.work import Asker, Last, Rules, Systems, follow_up
from magpie.stages.instruct.settings import Instruct
from magpie.stages.respond.build import check_differ, responder_of
from magpie.stages.respond.settings import Respond
from magpie.stages.respond.work import Responder
from magpie.stages.screen.build import rules_of
from magpie.stages.screen.work import Rules as ScreenRules
from magpie.stages.screen.work import why_screened
from magpie.stages.spec import BoundStage, Context
from magpie.templates import sanitize

_SAMPLE = (Message("user", "Name a river."), Message("assistant", "The Rhine."))


def build_follow_up(asked: FollowUp, context: Context) -> BoundStage:
    """Raises `RecipeError` for a model that cannot write as the user and for a row with several responses, and
    `TemplateError` for a chat template that has no second turn."""
    if "response" not in context.available and "responses" in context.available:
        raise RecipeError(
            "follow_up: continues one response, and respond.n gives several; expected respond.n: 1, and follow_up.n "
            "for several responses to the user's last message"
        )
    user, assistant = _user(asked, context), _assistant(asked, context)
    names = ("model", "model") if user.use.key == assistant.use.key else ("user", "assistant")
    asker = _asker(asked, user, context, names[0])
    responder = _responder(asked, assistant, context, names[1])
    rules, systems = _rules(asked, context), _systems(asked, context)
    _check_talk(asked, user, assistant, context)
    last = _last(asked, assistant, context, names[1])
    ask = partial(follow_up, asker=asker, responder=responder, rules=rules, systems=systems, last=last)
    writes = (TURNS, ENDED_BY) if last is None else (TURNS, ENDED_BY, RESPONSES, UNUSABLE, RESPONSES_PROMPT)
    settings = _settings(asked, (asker, user), (responder, assistant))
    if last is not None:
        settings["last"] = {"sampling": frozen_sampling(last.responder.sampling)}
    reads = tuple(SPEC.needs(asked, context.available))
    uses = dict(zip(names, (user.use, assistant.use), strict=True))
    return BoundStage(
        Stage("follow_up", reads, writes, ask, tuple(uses)),
        {**settings, "screen": _plain(_screened(asked, context))},
        uses,
        [user.use.identity, assistant.use.identity],
        tuple(told for model in (user, assistant) for told in model.chat.describe().get("warnings", ())),
        asked.model_copy(
            update={
                "user": _resolved(asked.user, asker.sampling),
                "assistant": _resolved(asked.assistant, responder.sampling),
            }
        ),
    )


def _resolved(side: Side, sampling: SamplingParams) -> Side:
    return side.model_copy(update={"sampling": resolved_sampling(side.sampling, sampling)})


# -- the two who talk -------------------------------------------------------------------------------------------------


def _user(asked: FollowUp, context: Context) -> ChatModel:
    """Who writes as the user: the recipe's model, unless the settings say otherwise."""
    model = context.models.answering(asked.user, "follow_up")
    check_writes_as_user(model)
    check_needs("follow_up", model.needs, {"user": model.use})
    return model


def _assistant(asked: FollowUp, context: Context) -> ChatModel:
    """Who answers: as in the first turn, unless the settings say otherwise. Of several, the first."""
    side, first = asked.assistant, context.settings("respond")
    if first is not None and side.model is None and side.engine is None and side.template is None:
        return context.models.answering(first.models[0] if first.models else first, "respond")
    return context.models.answering(side, "follow_up")


def _asker(asked: FollowUp, model: ChatModel, context: Context, engine: str) -> Asker:
    first = context.settings("instruct") or Instruct()
    newline = ("\n",) if first.stop_at_newline else ()
    sampling = as_user(over(first.sampling, asked.user.sampling), model, newline)
    clean = partial(sanitize, rules=model.family.sanitize)
    return Asker(model.chat, sampling, model.first_token_bans, first.first_token_divisor, clean, engine)


def _responder(asked: FollowUp, model: ChatModel, context: Context, engine: str, count: int = 1) -> Responder:
    """The assistant, which answers `count` times: this decides the default temperature."""
    first = context.settings("respond") or Respond()
    one = first.models[0] if first.models else first
    sampling = over(one.sampling or first.sampling, asked.assistant.sampling)
    said = first.model_copy(update={"n": count, "sampling": sampling, "models": ()})
    return responder_of(said, said, model, engine)


def _last(asked: FollowUp, model: ChatModel, context: Context, engine: str) -> Last | None:
    """Who answers the user's last message several times. Raises `RecipeError` for answers that are all the same."""
    if asked.n == 1:
        return None
    responder = _responder(asked, model, context, engine, asked.n)
    check_differ("follow_up", asked.n, [responder], "follow_up.assistant.sampling.temperature: 0.8")
    return Last(responder, asked.n)


# -- when and how they talk -------------------------------------------------------------------------------------------


def _rules(asked: FollowUp, context: Context) -> Rules:
    turns = (asked.turns,) if isinstance(asked.turns, int) else asked.turns

    def pairs(row: int) -> int:
        return turns[derive_seed(context.seed, "follow_up/turns", row, 0) % len(turns)]

    screened = _screened(asked, context)
    if screened is None:
        return Rules(pairs, asked.end_with_user, asked.end_at_farewell)
    return Rules(pairs, asked.end_with_user, asked.end_at_farewell, partial(why_screened, rules=screened))


def _screened(asked: FollowUp, context: Context) -> ScreenRules | None:
    """The rules for messages of the user: those for instructions, but that a later one may be as short as `Why?`."""
    screen = context.settings("screen")
    return replace(rules_of(screen), min_chars=None) if asked.screen and screen is not None else None


def _reads_system(asked: FollowUp, context: Context) -> bool:
    """Whether each row has a system prompt of its own."""
    return "system" in SPEC.needs(asked, context.available)


def _systems(asked: FollowUp, context: Context) -> Systems:
    if asked.system_for == "neither" or not (asked.system or _reads_system(asked, context)):
        return Systems()

    def given(_: Row) -> str | None:
        return asked.system

    of_row = given if asked.system is not None else itemgetter("system")
    return Systems(of_row, of_row) if asked.system_for == "both" else Systems(of_row)


def _check_talk(asked: FollowUp, user: ChatModel, assistant: ChatModel, context: Context) -> None:
    """Whether the chat templates have what is asked of them."""
    if asked.system_for != "neither" and (asked.system or _reads_system(asked, context)):
        for model in (user, assistant) if asked.system_for == "both" else (user,):
            check_takes_system(model, "follow_up.system", "set system_for: neither")
    try:
        user.chat.next_user(_SAMPLE)
        assistant.chat.next_assistant((*_SAMPLE, _SAMPLE[0]))
    except TemplateError as error:
        raise TemplateError(f"follow_up: the chat template cannot go on after an answer: {error}") from error


def _plain(rules: ScreenRules | None) -> dict[str, Any] | None:
    return None if rules is None else rules.frozen()


def _settings(asked: FollowUp, user: tuple[Asker, ChatModel], assistant: tuple[Responder, ChatModel]) -> dict[str, Any]:
    """All that decides the turns."""
    plain = frozen(asked, without={"user", "assistant", "screen"})
    asker, answers = user[0], assistant[0]
    return {
        **plain,
        "user": {
            "sampling": frozen_sampling(asker.sampling),
            "first_token_bans": asker.banned,
            **({"first_token_divisor": asker.divisor} if asker.divisor != 1.0 else {}),
            "sanitize": user[1].family.sanitize,
            **written_by(user[1]),
        },
        "assistant": {
            "sampling": frozen_sampling(answers.sampling),
            "thoughts": None if answers.thoughts is None else answers.thoughts.frozen(),
            "keeps_thoughts": answers.keeps_thoughts,
            **written_by(assistant[1]),
        },
    }
