"""What a stage is to the layers above it: a `StageSpec` before it is built, a `BoundStage` afterwards.

A stage is one folder with a `StageSpec` in its `__init__.py`, and one line in `magpie.plan.registry`. Specifications
are light: settings and builders are named here and imported when a recipe has the stage, so that `magpie --help` is
instant.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from magpie.columns import Column

if TYPE_CHECKING:
    from magpie.models.engines import ModelUse
    from magpie.models.recipe_models import Models
    from magpie.seams import AnyStage, Capability
    from magpie.settings.base import Settings

Group = Literal["create", "judge", "choose"]
Needs = Callable[[Any, Collection[str]], Sequence[str]]
"""From a stage's settings and the names of the columns that are available to the columns that it reads."""


def always(*columns: str) -> Needs:
    """The `needs` of a stage that reads the same columns whatever its settings are."""

    def needs(settings: Any, available: Collection[str]) -> Sequence[str]:  # noqa: ARG001
        return columns

    return needs


READS_INSTRUCTION = always("instruction")


@dataclass(frozen=True, slots=True)
class StageSpec:
    """All that the layers above know of a stage before it is built.

    SPEC = StageSpec(
        name="dedup",
        about="Drop instructions that are there already, exactly or nearly.",
        settings="magpie.stages.dedup.settings:Dedup",
        build="magpie.stages.dedup.build:build_dedup",
        columns=COLUMNS,
    )
    """

    name: str
    """In recipes, folders, commands and messages."""
    about: str
    """What it does, in one sentence: the help of its command."""
    settings: str
    """Its settings class, as `module:name`; a subclass of `magpie.settings.base.Settings`."""
    build: str
    """Its builder, as `module:name`: from its settings and a `Context` to a `BoundStage`."""
    columns: tuple[Column, ...] = ()
    """All that it may write; the bound stage says which of these it does write."""
    rewrites: tuple[Column, ...] = ()
    """Columns of other stages that it may also write, if they are there already: it replaces their values."""
    version: int = 1
    """The version of its code: increased when the same settings would make other rows."""
    needs: Needs = READS_INSTRUCTION
    """The columns that it reads, of those available; a column that is not available is what the stage lacks."""
    capabilities: Callable[[Any], frozenset[Capability]] = lambda _: frozenset()
    """What its requests ask of the recipe's model, for `engine: auto` to heed; nothing where it asks another model."""
    libraries: Callable[[Any], Mapping[str, str]] = lambda _: {}
    """From its settings to the libraries of the extra `curation` that it needs: module to the name that people know it
    by."""
    key: str | None = None
    """Its settings' name in a recipe, where that is not the stage's name."""
    by_default: bool = False
    """Whether a recipe that says nothing of it has it, with its default settings."""
    repeatable: bool = False
    """Whether a recipe may have it more than once, as `tag@second`: for stages that judge rows one by one."""
    instance: str | None = None
    """The name of a second instance, such as `second`; see `magpie.stages.instances`."""
    wrap: Callable[[Callable[[Any, Context], BoundStage]], Callable[[Any, Context], BoundStage]] | None = None
    """Makes a second instance's builder from that of its base."""
    command: bool = True
    """Whether `magpie NAME RUN` runs it alone."""
    group: Group = "judge"
    """Under which heading `magpie --help` lists its command."""
    needs_model: bool = True
    """Whether its default settings ask or load a model. A stage that does is never added on the way to another."""
    after: str | None = None
    """The stage that it follows in the registry; only for stages of other packages."""

    @property
    def recipe_key(self) -> str:
        """Its settings' name in a recipe."""
        return self.key or self.name

    @property
    def settings_class(self) -> type[Settings]:
        """Imported at the first use."""
        found: type[Settings] = _load(self.settings)
        return found

    @property
    def builder(self) -> Callable[[Any, Context], BoundStage]:
        """Imported at the first use. It raises `UserError` for settings that cannot be used on this machine."""
        found: Callable[[Any, Context], BoundStage] = _load(self.build)
        return found if self.wrap is None else self.wrap(found)


def _load(reference: str) -> Any:
    module, _, name = reference.partition(":")
    return getattr(import_module(module), name)


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """Every column that a stage may write, and which stages may write it."""

    columns: Mapping[str, Column]
    makers: Mapping[str, tuple[str, ...]]
    """Column name to names of stages, in the registry's order."""
    order: tuple[str, ...]
    """Every stage, in the registry's order."""

    def maker(self, column: str) -> str | None:
        """The first stage that may write a column; None where none does."""
        return next(iter(self.makers.get(column, ())), None)


@dataclass(frozen=True, slots=True)
class BoundStage:
    """A stage, bound to its settings, its chats and its models."""

    stage: AnyStage
    settings: Mapping[str, Any]
    """Plain values: all that decides what the stage makes of a row, beside what it reads. The fingerprint covers it."""
    uses: Mapping[str, ModelUse] = field(default_factory=dict)
    """What runs its requests, by the name that they give."""
    identity: Any = None
    """The identity of its models; the fingerprint covers it."""
    warnings: tuple[str, ...] = ()
    """What a reader should know before it runs."""
    resolved: Settings | None = None
    """Its settings with what the package filled in, such as the sampling that suits the model's family; None where it
    fills nothing in."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a stage may be built from, beside its own settings."""

    seed: int
    size: int
    """Rows that the run is to have. No fingerprint may depend on it."""
    models: Models
    available: Mapping[str, tuple[Column, str]]
    """Every column that is there for the stage to read, with the stage that makes it."""
    stages: Mapping[str, Settings]
    """The settings of every stage of the recipe, by its recipe key."""
    map: ColumnMap

    def settings(self, key: str) -> Any:
        """The settings of another stage; None where the recipe does not have it."""
        return self.stages.get(key)
