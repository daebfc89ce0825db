"""From a recipe to ordered stages, each with its fingerprint and the model that it asks.

Decides what a stage's fingerprint covers. Writes nothing, and knows nothing of shards or of who does the work.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any

from magpie.columns import Column, outdated
from magpie.errors import RecipeError
from magpie.modelfiles.model import ModelFiles
from magpie.models.chats import ChatModel, ExactChat, ModelSettings
from magpie.models.engines import ModelUse, check_memory, check_needs
from magpie.models.keys import check_keys
from magpie.models.recipe_models import Models
from magpie.plan.recipe import Recipe
from magpie.plan.registry import column_map, recipe_keys
from magpie.plan.touches import check_libraries
from magpie.seams import AnyStage, Capability, Stage
from magpie.stages.spec import BoundStage, Context, StageSpec
from magpie.templates import MessagesChat

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
class Covered:
    """All that a stage's fingerprint covers: the same values, the same rows."""

    version: int = 1
    """Of the stage's code."""
    identity: Any = None
    """Of the models behind it."""
    seed: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Frozen names to plain values, see `magpie.settings.base.Frozen`."""
    read: Mapping[str, str] = field(default_factory=dict)
    """Each column that the stage reads, with the fingerprint of the stage that makes it."""

    def fingerprint(self, stage: str) -> str:
        """Eight hexadecimal digits that name the rows, in the name of the stage's folder."""
        covered = {"model": self.identity, "seed": self.seed, "settings": self.settings, "read": self.read}
        text = json.dumps({"stage": stage, "version": self.version, **covered}, sort_keys=True)
        return blake2b(text.encode(), digest_size=4).hexdigest()

    def own(self) -> dict[str, Any]:
        """All of it but what other stages decide, as JSON reads it back: what two plans are compared by."""
        plain = {"version": self.version, "identity": self.identity, "seed": self.seed, "settings": self.settings}
        read_back: dict[str, Any] = json.loads(json.dumps(plain))
        return read_back


@dataclass(frozen=True, slots=True)
class PlannedStage:
    """A stage at its position in the plan. `fingerprint` names its rows: the same fingerprint means the same rows."""

    position: int
    bound: BoundStage
    covered: Covered
    fingerprint: str

    @property
    def stage(self) -> AnyStage:
        """What does the work."""
        return self.bound.stage

    @property
    def settings(self) -> Mapping[str, Any]:
        """Its resolved settings: the recipe's value, else the family's, else the paper's."""
        return self.bound.settings

    @property
    def uses(self) -> Mapping[str, ModelUse]:
        """What runs its requests, by the name that they give; empty for a stage that asks no model."""
        return self.bound.uses

    @property
    def name(self) -> str:
        """The stage's name."""
        return self.stage.name

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


def make_plan(recipe: Recipe) -> Plan:
    """Find the models, choose their engines, derive the prompts, order, build and fingerprint the stages, each once.

    Raises `UserError` for a model or an engine that cannot be used this way; before a model is opened, `MissingExtra`
    for every library that its stages lack; and before a server gets a request, `KeyNotAllowed` for its key.
    """
    check_libraries(recipe)
    check_keys(recipe)
    models = Models(model_settings(recipe), _capabilities(recipe))
    planned = _planned(recipe, models)
    for each in planned:
        if isinstance(each.stage, Stage):
            check_needs(each.stage.name, each.stage.needs, each.uses)
            check_memory(each.stage.name, each.uses)
    asker = models.asker if models.asked else None
    return Plan(recipe, tuple(planned), asker, _warnings(planned, asker))


def pin(plan: Plan, fingerprints: Mapping[str, str]) -> Plan:
    """The plan with the rows of some stages kept as they are: name to the fingerprint of rows that a run has. Stages
    that read them read those rows."""
    stages: list[PlannedStage] = []
    makers: dict[str, PlannedStage] = {}
    for planned in plan.stages:
        covered = replace(planned.covered, read={name: makers[name].fingerprint for name in planned.stage.reads})
        fingerprint = fingerprints.get(planned.name) or covered.fingerprint(planned.name)
        each = replace(planned, covered=covered, fingerprint=fingerprint)
        stages.append(each)
        makers.update({column.name: each for column in each.stage.writes})
    return replace(plan, stages=tuple(stages))


def model_settings(recipe: Recipe) -> ModelSettings:
    """The recipe's settings of its own model. What `instruct` sets for a family's rules holds for every stage."""
    instruct = recipe.settings("instruct")
    said = {} if instruct is None else {name: getattr(instruct, name) for name in ("first_token_bans", "sanitize")}
    rules = {name: value for name, value in said.items() if value is not None}
    return ModelSettings(recipe.model, recipe.engine, recipe.template, rules)


def _capabilities(recipe: Recipe) -> frozenset[Capability]:
    """What the stages ask of the recipe's model and its engine."""
    needs: set[Capability] = set()
    for key, settings in recipe.stages.items():
        asks_another = getattr(settings, "model", None) is not None
        asks_elsewhere = getattr(settings, "engine", None) not in (None, recipe.engine)
        if not asks_another and not asks_elsewhere:
            needs |= recipe_keys()[key].capabilities(settings)
    return frozenset(needs)


def _planned(recipe: Recipe, models: Models) -> list[PlannedStage]:
    """The stages in order, built and fingerprinted.

    The next stage is always the first one of the registry whose columns are available: the order follows from what is
    read, and ties are the registry's. Raises `RecipeError` where a stage reads what no stage makes.
    """
    waiting = {spec.name: spec for key, spec in recipe_keys().items() if key in recipe.stages}
    planned: list[PlannedStage] = []
    makers: dict[str, PlannedStage] = {}
    while waiting:
        available = {name: (_column(name, maker), maker.stage.name) for name, maker in makers.items()}
        spec = _next(waiting, recipe, available)
        context = Context(recipe.seed, recipe.size, models, available, recipe.stages, column_map())
        bound = spec.builder(recipe.settings(spec.recipe_key), context)
        _check_reads(bound, available)
        each = _fingerprinted(len(planned) + 1, spec, bound, recipe, makers)
        planned.append(each)
        makers.update({column.name: each for column in bound.stage.writes})  # of two makers the later one counts
        for name in outdated({name: maker.name for name, maker in makers.items()}):
            del makers[name]
        del waiting[spec.name]
    return planned


def _next(waiting: Mapping[str, StageSpec], recipe: Recipe, available: Mapping[str, Any]) -> StageSpec:
    """The first stage whose columns are there; else the first one, whose builder says best what it lacks."""
    ready = (
        spec
        for spec in waiting.values()
        if not set(spec.needs(recipe.settings(spec.recipe_key), available)) - available.keys()
    )
    return next(ready, next(iter(waiting.values())))


def _check_reads(bound: BoundStage, available: Mapping[str, Any]) -> None:
    """Raise `RecipeError` where a stage reads a column that no stage before it makes."""
    missing = [name for name in bound.stage.reads if name not in available]
    if missing:
        maker = column_map().maker(missing[0])
        remedy = "import it" if maker is None else f"{maker} does, so add `{maker}: {{}}` to the recipe"
        raise RecipeError(f"{bound.stage.name} reads {missing[0]}, and no stage before it makes that: {remedy}")


def _column(name: str, maker: PlannedStage) -> Column:
    return next(column for column in maker.stage.writes if column.name == name)


def _fingerprinted(
    position: int, spec: StageSpec, bound: BoundStage, recipe: Recipe, makers: Mapping[str, PlannedStage]
) -> PlannedStage:
    read = {column: makers[column].fingerprint for column in bound.stage.reads}
    covered = Covered(spec.version, bound.identity, recipe.seed, bound.settings, read)
    return PlannedStage(position, bound, covered, covered.fingerprint(spec.name))


def _replaced(planned: Sequence[PlannedStage], stage: PlannedStage) -> list[str]:
    """What to know of a column that a stage before this one has too."""
    before = {column.name: each.name for each in planned[: stage.position - 1] for column in each.stage.writes}
    return [
        f"{stage.name} writes {column.name}, which {before[column.name]} has too: what {stage.name} writes counts, and "
        f"the other stays readable as original_{column.name}"
        for column in stage.stage.writes
        if column.name in before
    ]


def _outdated(planned: Sequence[PlannedStage]) -> list[str]:
    """A warning for each imported column that describes a column which is made again."""
    makers = {column.name: each.name for each in planned for column in each.stage.writes}
    return [
        f"{name} describes an imported column that is made again, so it no longer counts; it stays readable as "
        f"original_{name}"
        for name in outdated(makers)
    ]


def _warnings(planned: Sequence[PlannedStage], asker: ChatModel | None) -> tuple[str, ...]:
    told = [warning for each in planned for warning in (*each.bound.warnings, *_replaced(planned, each))]
    told += _outdated(planned)
    if asker is not None:
        told += asker.chat.describe().get("warnings", ())
    return tuple(dict.fromkeys(told))
