"""What a recipe may say: every setting with its type, its bounds and its meaning.

The one place where settings are checked; below it they are plain arguments. Knows no file and no engine. Stages with
many settings have a file of their own beside this one.
"""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, field_validator, model_validator

from magpie.recipes.base import Count, ModelName, Settings, Words
from magpie.recipes.conversing import FollowUp
from magpie.recipes.engines import Auto, Engine, name_the_engine
from magpie.recipes.mixing import Variant, check_names
from magpie.recipes.neighboring import Embed, Neighbors
from magpie.recipes.responding import Choose, Pair, Respond
from magpie.recipes.rewarding import RespondBase, Reward
from magpie.recipes.sampling import Sampling, Template
from magpie.recipes.screening import Decontaminate, Dedup, Screen, ScreenResponses
from magpie.recipes.selecting import Select, Shortlist
from magpie.recipes.tagging import Safety, Tag


class Instruct(Settings):
    """Sample instructions from the pre-query: the method's first step."""

    sampling: Sampling = Sampling()
    """Null settings are what suits the model's family, else what the paper does."""
    stop_at_newline: bool = False
    """End an instruction at its first line end, as the public code does; instructions are then one paragraph."""
    first_token_bans: tuple[Words, ...] | None = None
    """Texts that an instruction may not begin with, each one token; `null` is what suits the model's family."""
    sanitize: tuple[str, ...] | None = None
    """Rules that take labels, quotes and fences off an instruction; `null` is what suits the model's family."""
    mix: tuple[Variant, ...] = ()
    """Several ways to ask, each with a share of the rows: other system prompts, other sampling, other beginnings. Each
    has `name`, `weight`, `system`, `language`, `fill`, `prefill` and `sampling`."""

    @field_validator("mix", mode="after")
    @classmethod
    def _told_apart(cls, value: tuple[Variant, ...]) -> tuple[Variant, ...]:
        return check_names(value)


class Source(Settings):
    """Rows that `magpie import` put into the run, in place of instructions that the model writes."""

    path: str
    """The file or folder that they came from."""
    digest: str
    """Of what was imported: other rows make later stages work anew."""
    columns: tuple[Words, ...]
    """What there was of each row."""


class Recipe(Settings):
    """A whole run, from the model to the last stage."""

    about: str = ""
    """What the recipe is for, in a line."""
    name: Annotated[str, Field(pattern=r"^[^\s/\\]{1,100}$")] | None = None
    """The run's name, which begins every row's id; `null` takes the folder's name. Fixed when the run is made."""
    model: ModelName = "fledgling"
    """A GGUF file, a Hugging Face folder, a Hub id (`owner/name`), or the name of a model inside the package. Behind a
    server: where its tokenizer and chat template are."""
    engine: Engine = Auto()
    """What runs the model."""
    template: Template = Template()
    """How the model's chat template is used."""
    size: Count = 1000
    """Rows to make. Raising it later makes the new rows only."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Every row's randomness follows from this, the stage and the row's number."""
    shard_rows: Count = 4096
    """Rows in a file. Fixed when the run is made."""
    source: Source | None = None
    """Rows that were imported; written by `magpie import`. The first stage is then `null`."""
    instruct: Instruct | None = Instruct()
    """The first stage: instructions from the pre-query."""
    screen: Screen | None = None
    """Drop instructions that break a rule: too short, cut off, a refusal; `{}` has every rule."""
    dedup: Dedup | None = None
    """Keep the earliest of instructions that say the same, or nearly."""
    decontaminate: Decontaminate | None = None
    """Drop instructions that a benchmark has too."""
    embed: Embed | None = None
    """Each instruction as a vector, for `neighbors` and diverse selections."""
    neighbors: Neighbors | None = None
    """How far the nearest other instruction is, and which ones repeat an earlier one."""
    tag: Tag | None = None
    """How well each instruction is put, how hard it is, which kind of task it is."""
    shortlist: Shortlist | None = None
    """Which instructions are worth a response."""
    respond: Respond | None = Respond()
    """An answer to each instruction, or several; `null` makes none."""
    screen_responses: ScreenResponses | None = None
    """Drop rows whose response breaks a rule: a refusal, one that goes in circles."""
    follow_up: FollowUp | None = None
    """Go on with each conversation: further turns of user and assistant."""
    respond_base: RespondBase | None = None
    """An unaligned model's answer to each instruction, to hold the reward against."""
    reward: Reward | None = None
    """How good each response is."""
    safety: Safety | None = None
    """Whether each instruction, or each conversation, is safe."""
    choose: Choose | None = None
    """Take one of several responses."""
    pair: Pair | None = None
    """Set a better response against a worse one, for preference data."""
    select: Select | None = None
    """Which of all rows are the dataset."""

    @model_validator(mode="after")
    def _begins_once(self) -> Self:
        if self.instruct is None and self.source is None:
            raise ValueError(
                "instruct: null leaves nothing to begin with; expected settings, or a run of `magpie import`"
            )
        if self.instruct is not None and self.source is not None:
            raise ValueError("instruct: the rows of this run were imported; expected null")
        return self

    @field_validator("engine", mode="before")
    @classmethod
    def _name_the_engine(cls, value: Any) -> Any:
        return name_the_engine(value)
