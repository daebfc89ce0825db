"""Builds `tag`: a judge says how well each instruction is put, how hard it is and which kind of task it is."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from magpie.columns import Column
from magpie.errors import RecipeError
from magpie.models.chats import ChatModel
from magpie.models.sampling import frozen_sampling, resolved_sampling, sampling_params, written_by
from magpie.seams import Capability, Stage
from magpie.stages.judging.judges import check_letters, opens_thoughts, prompt_room, thoughts_of
from magpie.stages.judging.letters import JUDGE
from magpie.stages.judging.prompts import JudgePrompt, read_prompt
from magpie.stages.respond.work import Responder
from magpie.stages.spec import BoundStage, Context
from magpie.stages.tag import SPEC
from magpie.stages.tag.columns import COLUMNS
from magpie.stages.tag.questions import Question, question
from magpie.stages.tag.settings import Tag
from magpie.stages.tag.work import Judge, tag, tag_fast

SAMPLING = {"temperature": 0.0, "top_p": 1.0, "max_tokens": 512}
"""Greedy, as in the paper (appendix C)."""


def build_tag(asked: Tag, context: Context) -> BoundStage:
    """Raises `RecipeError` for a prompt that does not render, and for letters that are not a token each."""
    needs = SPEC.capabilities(asked)
    model = context.models.answering(asked, "tag", needs)
    questions = [question(name, asked.fast, _own_prompt(asked, name)) for name in asked.tags]
    if asked.fast:
        for one in questions:
            check_letters(model, one.prompt.render({"instruction": "Why?"}), one.letters, "tag")
    judge = _judge(asked, model)
    ask = partial(tag_fast if asked.fast else tag, judge=judge, questions=tuple(questions))
    stage = Stage("tag", ("instruction",), _writes(asked, questions), ask, (JUDGE,), needs)
    warnings = tuple(model.chat.describe().get("warnings", ()))
    settings = _settings(asked, questions, judge, model)
    resolved = asked.model_copy(update={"sampling": resolved_sampling(asked.sampling, judge.speaker.sampling)})
    return BoundStage(stage, settings, {JUDGE: model.use}, model.use.identity, warnings, resolved)


def _own_prompt(asked: Tag, name: str) -> JudgePrompt | None:
    path = getattr(asked.prompts, name)
    return None if path is None else read_prompt(Path(path), ("instruction",))


def _judge(asked: Tag, model: ChatModel) -> Judge:
    chat = model.chat
    sampling = sampling_params(asked.sampling, SAMPLING, chat.response_stop_token_ids, chat.response_stop)
    speaker = Responder(chat, sampling, thoughts_of(model), engine=JUDGE)
    room = prompt_room(model, 1 if asked.fast else sampling.max_tokens)
    return Judge(speaker, room, asked.again, structured_from=_structured_from(asked, model))


def _structured_from(asked: Tag, model: ChatModel) -> int | None:
    """The first try with structured output. A judge that reasons first would be held to the schema in its reasoning."""
    thinks = opens_thoughts(model)
    if asked.structure == "on" and thinks:
        raise RecipeError(
            "tag.structure is on, and the chat template opens reasoning before each reply, which is not JSON; set "
            "tag.template.thinking to off, or tag.structure to off"
        )
    if asked.structure == "on":
        return 0
    able = Capability.STRUCTURE in model.use.capabilities.can and not thinks
    return 1 if asked.structure == "auto" and able else None


def _writes(asked: Tag, questions: Sequence[Question]) -> tuple[Column, ...]:
    """The columns of what is asked, and of replies that cannot be read; in the order in which `columns` has them."""
    filled = {name for one in questions for name in one.columns(asked.fast)} | {"tag_raw"}
    return tuple(column for column in COLUMNS if column.name in filled)


def _settings(asked: Tag, questions: Sequence[Question], judge: Judge, model: ChatModel) -> dict[str, Any]:
    """How replies are held to a schema and asked for again counts only where they are written out."""
    written = {"structure": asked.structure, "again": asked.again, "sampling": frozen_sampling(judge.speaker.sampling)}
    return {
        "fast": asked.fast,
        "prompts": {one.name: one.prompt.digest for one in questions},
        **({} if asked.fast else written),
        **written_by(model),
    }
