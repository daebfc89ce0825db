"""Builds `reward`: a reward model in this process or behind a server scores whole shards, or a judge row by row."""

from __future__ import annotations

from functools import partial
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from magpie.columns import Column
from magpie.engines.llamacpp.scores import ConversationTemplate, open_gguf_scorer
from magpie.engines.llamacpp.scores import labels_of as labels_of_gguf
from magpie.engines.llamacpp.scores import unfit as unfit_gguf
from magpie.errors import MissingExtra, RecipeError
from magpie.extensions import SCORERS, Extension, load_extension
from magpie.install import install_hint
from magpie.modelfiles.gguf import read_metadata
from magpie.models.find import find
from magpie.models.sampling import written_by
from magpie.scorers.classifier import is_classifier, open_classifier, unfit
from magpie.scorers.labels import ScorerTemplate
from magpie.scorers.server import open_server_scorer
from magpie.seams import Stage, TableStage
from magpie.settings.sampling import Template
from magpie.stages.judging.judges import check_letters, known_context
from magpie.stages.judging.letters import JUDGE
from magpie.stages.judging.prompts import package_prompt, read_prompt
from magpie.stages.reward import SPEC
from magpie.stages.reward.agreement import open_agreement
from magpie.stages.reward.columns import BASE_REWARD, INSTRUCT_REWARD, RESPONSE_REWARDS, REWARD_DIFFERENCE
from magpie.stages.reward.judge import DIGITS, judge_reward
from magpie.stages.reward.settings import Reward
from magpie.stages.reward.work import open_reward
from magpie.stages.spec import BoundStage, Context
from magpie.stages.text.equal_answers import check_math

STAGE = "reward"
_TAKES = ("instruction", "response")
_HEEDED = {"system", "kwargs", "chat_template"}
"""Settings of a template that mean something to a reward model: it is never asked to write."""


def build_reward(asked: Reward, context: Context) -> BoundStage:
    """Raises `UserError` for what cannot score."""
    builds = {
        "judge": _by_judge,
        "classifier": _by_classifier,
        "server": _by_server,
        "agreement": _by_agreement,
        "package": _by_package,
    }
    return builds[asked.by](asked, context)


def _reads(asked: Reward, context: Context) -> tuple[str, ...]:
    return tuple(SPEC.needs(asked, context.available))


def _writes(reads: tuple[str, ...]) -> tuple[Column, ...]:
    several = (RESPONSE_REWARDS,) if "responses" in reads else ()
    based = (BASE_REWARD, REWARD_DIFFERENCE) if "base_response" in reads else ()
    return (INSTRUCT_REWARD, *several, *based)


# -- the responses themselves -----------------------------------------------------------------------------------------


def _by_agreement(asked: Reward, context: Context) -> BoundStage:
    if "responses" not in context.available:
        raise RecipeError(
            "reward.by: agreement holds several responses to an instruction against each other, and there is one: set "
            "respond.n to more, such as 5"
        )
    writes = (INSTRUCT_REWARD, RESPONSE_REWARDS)
    if asked.answers == "math":
        check_math("reward.answers")
    stage = TableStage(STAGE, ("responses",), writes, partial(open_agreement, asked.answers))
    compared = {} if asked.answers == "text" else {"answers": asked.answers}
    return BoundStage(stage, {"by": "agreement", **compared})


# -- a judge ----------------------------------------------------------------------------------------------------------


def _by_judge(asked: Reward, context: Context) -> BoundStage:
    needs = SPEC.capabilities(asked)
    model = context.models.answering(asked, STAGE, needs)
    place = model.use.place
    if place is not None and place.folder is not None and is_classifier(place.folder):
        raise RecipeError(f"reward.model {model.use.name!r}: it is a classifier, and no chat model: set by: classifier")
    prompt = (
        package_prompt("reward/judge_response") if asked.prompt is None else read_prompt(Path(asked.prompt), _TAKES)
    )
    check_letters(model, prompt.render({"instruction": "Why?", "response": "So."}), DIGITS, STAGE)
    reads = _reads(asked, context)
    writes = _writes(reads)
    names = tuple(column.name for column in writes)
    ask = partial(judge_reward, chat=model.chat, prompt=prompt, names=names, most_tokens=known_context(model.use))
    settings = {"by": "judge", "prompt": prompt.digest, **written_by(model)}
    warnings = tuple(model.chat.describe().get("warnings", ()))
    stage = Stage(STAGE, reads, writes, ask, (JUDGE,), needs)
    return BoundStage(stage, settings, {JUDGE: model.use}, model.use.identity, warnings)


# -- a reward model ---------------------------------------------------------------------------------------------------


def _by_classifier(asked: Reward, context: Context) -> BoundStage:
    assert asked.model is not None, "the recipe's settings see to it"
    place = find(asked.model)
    settings, template = asked.classifier, _template(asked)
    if place.gguf is not None:
        return _by_gguf(place.gguf, place.identity(), asked, template, context)
    folder = place.folder
    assert folder is not None, "a place without a path is not made"
    if reason := unfit(folder, settings, template, weights=place.hub is None):
        raise RecipeError(f"reward.model {asked.model!r}: {reason}")
    if lacking := [name for name in ("torch", "transformers") if find_spec(name) is None]:
        raise MissingExtra(
            f"reward: a reward model needs {' and '.join(lacking)}; let a judge or a server score (reward.by), or "
            f"install what it needs: {install_hint('transformers')}"
        )
    scorer = partial(open_classifier, place.hub or folder, settings, template, revision=place.revision)
    covered = {
        "label": settings.label,
        "context": settings.context,
        **_template_settings(template),
    }
    return _scored_by(scorer, {"by": "classifier", **covered}, place.identity(), asked, context, loads_model=True)


def _by_gguf(model: Path, identity: Any, asked: Reward, template: ScorerTemplate, context: Context) -> BoundStage:
    """By llama.cpp, which every installation has."""
    settings = asked.classifier
    unheeded = settings.model_fields_set & {"batch_tokens", "dtype", "device", "trust_remote_code"}
    if unheeded:
        raise RecipeError(
            f"reward.classifier.{sorted(unheeded)[0]}: means nothing to a GGUF file, which llama.cpp runs on the CPU: "
            "leave it out, or name the model's Hugging Face folder"
        )
    written = ConversationTemplate(template.system, template.chat_template, template.kwargs)
    if reason := unfit_gguf(model, written):
        raise RecipeError(f"reward.model {asked.model!r}: {reason}")
    if settings.label is not None and (reason := _no_first_label(model, settings.label)):
        raise RecipeError(f"reward.model {asked.model!r}: {reason}")
    scorer = partial(open_gguf_scorer, model, written, context=settings.context)
    covered = {"context": settings.context, **_template_settings(template)}
    return _scored_by(scorer, {"by": "classifier", **covered}, identity, asked, context, loads_model=True)


def _no_first_label(model: Path, asked: str | int) -> str | None:
    labels = labels_of_gguf(read_metadata(model))
    if asked in (0, labels[0]):
        return None
    return (
        f"llama.cpp tells its first label only, {labels[0]!r}, and reward.classifier.label is {asked!r}: leave it out"
    )


def _template_settings(template: ScorerTemplate) -> dict[str, Any]:
    return {
        "system": template.system,
        "kwargs": dict(template.kwargs),
        "chat_template": None if template.chat_template is None else _digest(template.chat_template),
    }


def _template(asked: Reward) -> ScorerTemplate:
    template = asked.template or Template()
    unheeded = [name for name in template.model_fields_set - _HEEDED if getattr(template, name)]
    if unheeded:
        raise RecipeError(
            f"reward.template.{sorted(unheeded)[0]}: means nothing to a reward model, which writes nothing"
        )
    return ScorerTemplate(
        system=template.system or None,
        chat_template=None if template.chat_template is None else _read(Path(template.chat_template)),
        kwargs=template.kwargs,
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"reward.template.chat_template {str(path)!r}: cannot be read: {error}") from error


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=16).hexdigest()


# -- a server ---------------------------------------------------------------------------------------------------------


def _by_server(asked: Reward, context: Context) -> BoundStage:
    assert asked.server is not None, "the recipe's settings see to it"
    settings = asked.server
    reads = _reads(asked, context)
    if settings.api == "score" and {"turns", "responses_prompt"} & set(reads):
        raise RecipeError(
            "reward.server.api: score takes an instruction and a response, and the rows have turns after them: serve "
            "the reward model with /classify"
        )
    identity = {"server": settings.served_model}
    return _scored_by(
        partial(open_server_scorer, settings), {"by": "server", "label": settings.label}, identity, asked, context
    )


def _by_package(asked: Reward, context: Context) -> BoundStage:
    assert asked.use is not None, "the recipe's settings see to it"
    found = load_extension(SCORERS, asked.use, Extension)
    settings = {"by": "package", "use": asked.use, "version": found.version, "kwargs": asked.kwargs}
    opened = partial(found.open, **asked.kwargs)
    return _scored_by(opened, settings, None, asked, context, loads_model=found.loads_model)


def _scored_by(
    scorer: Any, settings: dict[str, Any], identity: Any, asked: Reward, context: Context, *, loads_model: bool = False
) -> BoundStage:
    reads = _reads(asked, context)
    writes = _writes(reads)
    stage = TableStage(STAGE, reads, writes, partial(open_reward, scorer, writes), loads_model)
    return BoundStage(stage, settings, identity=identity)
