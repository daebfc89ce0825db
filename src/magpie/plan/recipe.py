"""A recipe: the settings of a whole run, checked. The settings of a stage stand in the stage's own folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Self

from pydantic import (
    Field,
    PrivateAttr,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    create_model,
    model_serializer,
    model_validator,
)

from magpie.plan.registry import recipe_keys, use_stage
from magpie.settings.base import Count, ModelName, Settings
from magpie.settings.engines import Auto, Engine
from magpie.settings.sampling import Template

FEWEST_SHARD_ROWS, MOST_SHARD_ROWS, MANY_SHARDS = 4096, 32_768, 512


@dataclass(frozen=True, slots=True)
class Origin:
    """A recipe inside the package, and what its user said beside it."""

    name: str
    digest: str
    """Of the recipe's text."""
    overrides: tuple[str, ...]
    """As in `--set`."""
    replace: Mapping[str, Any]
    """Top-level settings that win over these."""


class Recipe(Settings):
    """A whole run, from the model to the last stage.

    In YAML, and in the mapping that `model_validate` takes, a stage's settings stand at the top level under the stage's
    name: `{model: fledgling, instruct: {}, respond: null}`. Here they are in `stages`.
    """

    about: str = ""
    """What the recipe is for, in a line."""
    name: Annotated[str, Field(pattern=r"^[^\s/\\]{1,100}$")] | None = None
    """The run's name, which begins every row's id; `null` takes the folder's name. Fixed when the run is made."""
    model: ModelName | None = "fledgling"
    """A GGUF file, a Hugging Face folder, a Hub id (`owner/name`), or the name of a model inside the package. Behind a
    server: where its tokenizer and chat template are. `null` where rows were imported and no stage asks a model."""
    engine: Engine = Auto()
    """What runs the model."""
    template: Template = Template()
    """How the model's chat template is used."""
    size: Count = 1000
    """Rows to make. Raising it later makes the new rows only."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Every row's randomness follows from this, the stage and the row's number."""
    shard_rows: Count = 4096
    """Rows in a file; `auto` goes by the size: 4,096, and twice as many for each doubling beyond 2,097,152 rows, up to
    32,768. Fixed when the run is made."""
    stages: Mapping[str, Any] = Field(default_factory=dict)
    """The settings of each stage that the recipe has, by its key in the recipe, in the registry's order."""
    _origin: Origin | None = PrivateAttr(default=None)

    @model_validator(mode="before")
    @classmethod
    def _fill_stages(cls, document: Any) -> Any:
        """Take the stages' settings from the top level. An error in them names its place there."""
        if not isinstance(document, Mapping) or "stages" in document:
            return document
        for key in document:
            use_stage(str(key))
        keys = recipe_keys()
        given = stages_model(tuple(keys)).model_validate({key: value for key, value in document.items() if key in keys})
        filled = {key: settings for key in keys if (settings := getattr(given, _field(key))) is not None}
        return {**{key: value for key, value in document.items() if key not in keys}, "stages": filled}

    @model_validator(mode="before")
    @classmethod
    def _shards_by_size(cls, document: Any) -> Any:
        """Take `shard_rows: auto` as the number that it comes to."""
        if not isinstance(document, Mapping) or document.get("shard_rows") != "auto":
            return document
        size = document.get("size", cls.model_fields["size"].default)
        return {**document, "shard_rows": shard_rows_for(size if type(size) is int else 0)}

    @model_validator(mode="after")
    def _begins_once(self) -> Self:
        if "instruct" not in self.stages and "source" not in self.stages:
            raise ValueError(
                "instruct: null leaves nothing to begin with; expected settings, or a run of `magpie import`"
            )
        if "instruct" in self.stages and "source" in self.stages:
            raise ValueError("instruct: the rows of this run were imported; expected null")
        return self

    @model_serializer(mode="wrap")
    def _flat(self, serialize: SerializerFunctionWrapHandler, info: SerializationInfo) -> dict[str, Any]:
        """As in YAML: every stage at the top level, null where the recipe does not have it."""
        plain: dict[str, Any] = serialize(self)
        plain.pop("stages", None)
        mode = "json" if info.mode == "json" else "python"
        for key, spec in recipe_keys().items():
            settings = self.stages.get(key)
            if settings is not None:
                plain[key] = settings.model_dump(mode=mode, exclude_unset=info.exclude_unset)
            elif spec.by_default or not (info.exclude_unset or spec.instance):
                plain[key] = None
        return plain

    def given(self) -> dict[str, Any]:
        """What was said, as plain values for YAML: without what stands at the package's defaults unsaid. A run keeps
        it, so that a later magpie can tell its own new defaults from the user's word."""
        return self.model_dump(mode="json", exclude_unset=True)

    @property
    def origin(self) -> Origin | None:
        """The shipped recipe that it began with; None for a file's or one made in Python."""
        return self._origin

    def from_shipped(self, origin: Origin | None) -> Recipe:
        """The same recipe, which says where it began."""
        copy = self.model_copy()
        copy._origin = origin
        return copy

    def settings(self, key: str) -> Any:
        """The settings of a stage by its key; None where the recipe does not have it."""
        return self.stages.get(key)

    def with_stage(self, key: str, settings: Settings | None) -> Recipe:
        """The recipe with other settings of a stage; without the stage for None."""
        changed = {**self.stages, key: settings}
        kept = {name: changed[name] for name in recipe_keys() if changed.get(name) is not None}
        return self.model_copy(update={"stages": kept})


def shard_rows_for(size: int) -> int:
    """Rows in a file so that a stage of `size` rows has some hundred files, and one of them fits into memory.

    shard_rows_for(4_000_000)  # 8192
    """
    rows = FEWEST_SHARD_ROWS
    while rows < MOST_SHARD_ROWS and size > rows * MANY_SHARDS:
        rows *= 2
    return rows


def _field(key: str) -> str:
    return f"stage_{key.replace('@', '__')}"


@cache
def stages_model(keys: tuple[str, ...]) -> type[Settings]:
    """Settings with a field for each of these stages, which check what stands at a recipe's top level."""
    fields: dict[str, Any] = {}
    for key in keys:
        spec = recipe_keys()[key]
        settings = spec.settings_class
        default = settings() if spec.by_default else None
        fields[_field(key)] = (settings | None, Field(default, alias=key))
    made: type[Settings] = create_model("Stages", __base__=Settings, **fields)
    return made
