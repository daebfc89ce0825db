"""From a recipe to ordered stages, each with its fingerprint and the model that it asks.

Decides what a stage's fingerprint covers. Writes nothing, and knows nothing of shards or of who does the work.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any

from magpie.columns import MAKERS
from magpie.pipeline.chats import ChatModel, ExactChat, answering_model, asking_model
from magpie.pipeline.engines import ModelUse, check_memory, check_needs
from magpie.recipes import Instruct, Recipe, Respond, Sampling
from magpie.seams import SamplingParams, Stage
from magpie.stages import instruct, respond
from magpie.templates import MessagesChat, ModelFiles, sanitize

VERSIONS = {"instruct": 1, "respond": 1}
"""Of each stage's code: raised when the same settings come to make other rows."""

NOT_IN_FINGERPRINT = {
    "about": "says what the recipe is for",
    "name": "names rows to people; inside, a row is its number",
    "model": "a path may move; the digest of the model stands in",
    "engine": "how a model is run, not which; only the scripted engine is a model of its own, by how it talks",
    "template": "what it came out as stands in: prompts and stops; and, for responses, all that writes them out",
    "size": "raising it must keep every row made",
    "shard_rows": "where rows lie, not what they are",
}
"""Settings of the recipe that no stage's fingerprint covers, each with its reason."""

PAPER: dict[str, dict[str, Any]] = {
    "instruct": {"temperature": 1.0, "top_p": 1.0, "max_tokens": 2048},
    "respond": {"temperature": 0.0, "top_p": 1.0, "max_tokens": 4096},
}
"""The paper's sampling (section 2 and appendix; instructions also at temperatures to 1.25 and top_p from 0.99)."""


@dataclass(frozen=True, slots=True)
class PlannedStage:
    """A stage in its place. `fingerprint` names its rows: the same fingerprint, the same work."""

    position: int
    stage: Stage
    fingerprint: str
    settings: Mapping[str, Any]
    """What it came to be set to: the recipe's word, else what suits the family, else the paper's."""
    uses: Mapping[str, ModelUse]
    """What runs its requests, by the name that they give."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a recipe comes down to on this machine. Nothing is loaded yet but the tokenizer."""

    recipe: Recipe
    use: ModelUse
    """The recipe's model, and what runs it."""
    chat: ExactChat
    stages: tuple[PlannedStage, ...]
    warnings: tuple[str, ...] = ()
    """What a reader should know of the prompts, such as that they are not exact on a server of texts."""

    @property
    def model(self) -> ModelFiles:
        """The tokenizer and chat template of the recipe's model."""
        assert self.use.files is not None, "instructions are sampled from prompts that we write"
        return self.use.files

    @property
    def model_path(self) -> Path:
        """Where they are."""
        assert self.use.place is not None, "instructions are sampled from prompts that we write"
        return self.use.place.path


def make_plan(recipe: Recipe) -> Plan:
    """Find the models, choose their engines, derive the prompts, order and fingerprint the stages.

    Raises `UserError` for a model or an engine that cannot be used this way.
    """
    asker = asking_model(recipe)
    answerer = asker if recipe.respond is None else answering_model(recipe, recipe.respond, asker)
    planned: list[PlannedStage] = []
    for position, (stage, settings, model) in enumerate(_stages(recipe, asker, answerer), start=1):
        makers = {column.name: p for p in planned for column in p.stage.writes}
        read = {column: makers[column].fingerprint for column in stage.reads}
        covered = {"model": model.use.identity, "seed": recipe.seed, "settings": settings, "read": read}
        uses = dict.fromkeys(stage.models, model.use)
        check_needs(stage.name, stage.needs, uses)
        check_memory(stage.name, uses)
        planned.append(PlannedStage(position, stage, _fingerprint(stage.name, covered), settings, uses))
    assert not isinstance(asker.chat, MessagesChat), "refused where the engine is chosen"
    told = [warning for model in (asker, answerer) for warning in model.chat.describe().get("warnings", ())]
    return Plan(recipe, asker.use, asker.chat, tuple(planned), tuple(dict.fromkeys(told)))


def _stages(
    recipe: Recipe, asker: ChatModel, answerer: ChatModel
) -> Iterator[tuple[Stage, Mapping[str, Any], ChatModel]]:
    """The recipe's stages in order, bound to their settings; the settings, for the fingerprint; who is asked."""
    yield *_instruct(recipe.instruct, asker), asker
    if recipe.respond is not None:
        yield *_respond(recipe.respond, answerer), answerer


def _instruct(asked: Instruct, model: ChatModel) -> tuple[Stage, Mapping[str, Any]]:
    chat, family, banned = model.chat, model.family, model.first_token_bans
    newline = ("\n",) if asked.stop_at_newline else ()
    suited = PAPER["instruct"] | dict(family.instruct)
    sampling = _sampling(asked.sampling, suited, chat.stop_token_ids, (*chat.stop, *newline))
    rules = family.sanitize
    ask = partial(instruct, chat=chat, sampling=sampling, banned=banned, clean=partial(sanitize, rules=rules))
    pre_query = chat.describe()["pre_query"]
    settings = {"sampling": asdict(sampling), "first_token_bans": banned, "sanitize": rules, "pre_query": pre_query}
    return Stage("instruct", (), MAKERS["instruct"], ask, needs=model.needs), settings


def _respond(asked: Respond, model: ChatModel) -> tuple[Stage, Mapping[str, Any]]:
    chat = model.chat
    suited = PAPER["respond"] | dict(model.family.respond)
    sampling = _sampling(asked.sampling, suited, chat.response_stop_token_ids, chat.response_stop)
    ask = partial(respond, chat=chat, sampling=sampling)
    found = chat.describe()
    settings = {
        "sampling": asdict(sampling),
        "pre_query": found["pre_query"],
        "pre_response": found["pre_response"],
        **_written_by(model),
    }
    return Stage("respond", ("instruction",), MAKERS["respond"], ask), settings


def _written_by(model: ChatModel) -> dict[str, Any]:
    """What writes conversations out. A template may treat any message in its own way: it is covered whole, also the
    model's own, which a folder may get a new one of, and of which the digest of a large file sees little."""
    if model.source is None:
        return {"system": model.template.system or None}
    return {
        "template": model.template.model_dump(mode="json", include={"system", "thinking", "kwargs"}),
        "chat_template": blake2b(model.source.encode(), digest_size=16).hexdigest(),
    }


def _sampling(
    settings: Sampling, suited: Mapping[str, Any], stop_token_ids: tuple[int, ...], stop: tuple[str, ...]
) -> SamplingParams:
    """What the recipe says, and where it says nothing what suits the model."""
    said = {name: value for name, value in settings.model_dump(exclude={"stop"}).items() if value is not None}
    return SamplingParams(**{**suited, **said}, stop_token_ids=stop_token_ids, stop=(*settings.stop, *stop))


def _fingerprint(stage: str, covered: Mapping[str, Any]) -> str:
    text = json.dumps({"stage": stage, "version": VERSIONS[stage], **covered}, sort_keys=True)
    return blake2b(text.encode(), digest_size=4).hexdigest()
