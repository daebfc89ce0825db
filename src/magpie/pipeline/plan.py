"""From a recipe to ordered stages, each with its fingerprint and the model that it asks.

Decides what a stage's fingerprint covers. Writes nothing, and knows nothing of shards or of who does the work.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from magpie.columns import MAKERS
from magpie.errors import RecipeError
from magpie.pipeline.building import SETTINGS, STAGES, Built, Context, Models, builder
from magpie.pipeline.chats import ChatModel, ExactChat
from magpie.pipeline.engines import ModelUse, check_memory, check_needs
from magpie.recipes import Auto, Recipe
from magpie.seams import AnyStage, Capability, Stage
from magpie.templates import MessagesChat, ModelFiles

VERSIONS = {
    "import": 1,
    "instruct": 1,
    "screen": 1,
    "dedup": 1,
    "decontaminate": 1,
    "embed": 1,
    "neighbors": 1,
    "tag": 1,
    "shortlist": 1,
    "respond": 1,
    "screen_responses": 1,
    "follow_up": 1,
    "respond_base": 1,
    "reward": 1,
    "safety": 1,
    "choose": 1,
    "pair": 1,
    "select": 1,
}
"""Of each stage's code: raised when the same settings come to make other rows."""

NOT_IN_FINGERPRINT = {
    "about": "says what the recipe is for",
    "name": "names rows to people; inside, a row is its number",
    "model": "a path may move; the digest of the model stands in",
    "engine": "how a model is run, not which; only the scripted engine is a model of its own, by how it talks",
    "template": "what it came out as stands in: prompts and stops; and, for responses, all that writes them out",
    "size": "raising it must keep every row made",
    "shard_rows": "where rows lie, not what they are",
    "source": "where rows came from; the digest of what was imported stands in",
}
"""Settings of the recipe that no stage's fingerprint covers, each with its reason."""


@dataclass(frozen=True, slots=True)
class PlannedStage:
    """A stage in its place. `fingerprint` names its rows: the same fingerprint, the same work."""

    position: int
    stage: AnyStage
    fingerprint: str
    settings: Mapping[str, Any]
    """What it came to be set to: the recipe's word, else what suits the family, else the paper's."""
    uses: Mapping[str, ModelUse]
    """What runs its requests, by the name that they give; empty for a stage that asks no model."""

    @property
    def asking(self) -> Stage:
        """The stage, of which it is known that it asks a model."""
        assert isinstance(self.stage, Stage), f"{self.stage.name} asks a model"
        return self.stage


@dataclass(frozen=True, slots=True)
class Plan:
    """What a recipe comes down to on this machine. Nothing is loaded yet but the tokenizer."""

    recipe: Recipe
    stages: tuple[PlannedStage, ...]
    asker: ChatModel | None
    """The recipe's model; None where no stage asks it."""
    warnings: tuple[str, ...] = ()
    """What a reader should know of the prompts, such as that they are not exact on a server of texts."""

    @property
    def use(self) -> ModelUse:
        """What runs the recipe's model."""
        assert self.asker is not None, "some stage asks it"
        return self.asker.use

    @property
    def chat(self) -> ExactChat:
        """The prompts of the recipe's model."""
        assert self.asker is not None, "some stage asks it"
        assert not isinstance(self.asker.chat, MessagesChat), "instructions are sampled from prompts that we write"
        return self.asker.chat

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
    models = Models(recipe)
    built = _build(recipe, models)
    if isinstance(recipe.engine, Auto) and (needs := _needs_of(built, models)):
        models = Models(recipe, needs)
        built = _build(recipe, models)
    for one in built:
        if isinstance(one.stage, Stage):
            check_needs(one.stage.name, one.stage.needs, one.uses)
            check_memory(one.stage.name, one.uses)
    asker = models.asker if models.asked else None
    return Plan(recipe, _ordered(recipe, built), asker, _warnings(built, asker))


def _build(recipe: Recipe, models: Models) -> list[Built]:
    """The recipe's stages in order."""
    built: list[Built] = []
    for name in STAGES:
        settings = getattr(recipe, SETTINGS.get(name, name))
        if settings is not None:
            built.append(builder(name)(settings, Context(recipe, models, tuple(built))))
    return built


def _needs_of(built: list[Built], models: Models) -> frozenset[Capability]:
    """What the stages ask of the recipe's model and its engine, chosen for instructions alone, cannot do."""
    if not models.asked:
        return frozenset()
    use = models.asker.use
    asking = [one.stage for one in built if isinstance(one.stage, Stage) and use in one.uses.values()]
    needs = frozenset(need for stage in asking for need in stage.needs)
    return needs if needs - use.capabilities.can else frozenset()


def _ordered(recipe: Recipe, built: list[Built]) -> tuple[PlannedStage, ...]:
    """The stages in their places, each with a fingerprint of its own settings and of what it reads."""
    planned: list[PlannedStage] = []
    for position, one in enumerate(built, start=1):
        makers = {column.name: p for p in planned for column in p.stage.writes}
        if lacking := [column for column in one.stage.reads if column not in makers]:
            raise RecipeError(
                f"{one.stage.name} reads {lacking[0]}, and no stage before it makes that: {_maker(lacking[0])}"
            )
        read = {column: makers[column].fingerprint for column in one.stage.reads}
        covered = {"model": one.identity, "seed": recipe.seed, "settings": one.settings, "read": read}
        fingerprint = _fingerprint(one.stage.name, covered)
        planned.append(PlannedStage(position, one.stage, fingerprint, one.settings, one.uses))
    return tuple(planned)


def _maker(column: str) -> str:
    """What to do for a column to be there."""
    makers = [stage for stage, columns in MAKERS.items() if any(one.name == column for one in columns)]
    return f"{makers[0]} does, so add `{makers[0]}: {{}}` to the recipe" if makers else "import it"


def _warnings(built: list[Built], asker: ChatModel | None) -> tuple[str, ...]:
    told = [warning for one in built for warning in one.warnings]
    if asker is not None:
        told += asker.chat.describe().get("warnings", ())
    return tuple(dict.fromkeys(told))


def _fingerprint(stage: str, covered: Mapping[str, Any]) -> str:
    text = json.dumps({"stage": stage, "version": VERSIONS[stage], **covered}, sort_keys=True)
    return blake2b(text.encode(), digest_size=4).hexdigest()
