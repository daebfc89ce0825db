"""What a recipe may say: every setting with its type, its bounds and its meaning.

The one place where settings are checked; below it they are plain arguments. Knows no file and no engine. Stages with
many settings have a file of their own beside this one.
"""

from __future__ import annotations

from datetime import date as Date  # noqa: N812 (a setting is called date)
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_core import to_jsonable_python

from magpie.columns import Type
from magpie.recipes.base import Count, Settings, Words
from magpie.recipes.engines import Auto, Engine, name_the_engine


class Sampling(Settings):
    """How a model is sampled. What is null is what is known to suit the model's family, else what the paper does."""

    temperature: Annotated[float, Field(ge=0.0, le=10.0)] | None = None
    """0 is greedy. The paper: 1 for instructions (up to 1.25 for more variety), 0 for responses."""
    top_p: Annotated[float, Field(gt=0.0, le=1.0)] | None = None
    """Sample from the smallest set of tokens with this probability in all; 1 is all of them. The paper: 1 to 0.99."""
    max_tokens: Count | None = None
    """The most tokens to write; the context may allow fewer. The paper: 2048 for instructions, 4096 for responses."""
    stop: tuple[Words, ...] = ()
    """Texts to stop before, beside the end of turn that the chat template has."""


class Template(Settings):
    """How the model's own chat template is used."""

    system: str | Literal[False] | None = None
    """A system prompt; `null` is what the template does by itself, `false` is none where the template allows it."""
    thinking: Literal["on", "off"] | None = None
    """For models that think by switch; `null` is what the template does by itself."""
    kwargs: dict[str, Any] = Field(default_factory=dict)
    """Further variables for the template."""
    chat_template: str | None = None
    """A file with a chat template to use in place of the tokenizer's."""
    pre_query: str | None = None
    """The text before a user message, by hand, where it cannot be derived."""
    date: Annotated[Date, Field(strict=False)] | None = None
    """The day (YYYY-MM-DD) that the template sees, where it prints one; `null` is the day of the run."""

    @field_validator("thinking", mode="before")
    @classmethod
    def _as_yaml_reads_it(cls, value: Any) -> Any:
        """YAML takes on and off for truth values."""
        return ("on" if value else "off") if isinstance(value, bool) else value

    @field_validator("kwargs", mode="after")
    @classmethod
    def _as_they_read_back(cls, value: dict[str, Any]) -> dict[str, Any]:
        """A YAML date is text here, as it is when the run reads its recipe back."""
        return dict(to_jsonable_python(value))


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


class Respond(Settings):
    """Answer each instruction."""

    sampling: Sampling = Sampling()
    """Null settings are what suits the model's family, else what the paper does."""
    model: Words | None = None
    """Another model to answer with; `null` is the recipe's."""
    engine: Engine | None = None
    """What runs the other model; `null` is the recipe's where the model is too, else `auto`."""
    template: Template | None = None
    """How the other model's chat template is used; `null` is the recipe's where the model is too, else its own way."""

    @field_validator("engine", mode="before")
    @classmethod
    def _name_the_engine(cls, value: Any) -> Any:
        return name_the_engine(value)


class SourceColumn(Settings):
    """A column that was imported."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z_]*$")]
    """As runs call it."""
    type: Type
    """As files have it."""
    meaning: str = ""
    """What the file called it."""


class Source(Settings):
    """Rows that `magpie import` put into the run, in place of instructions that the model writes."""

    path: str
    """The file or folder that they came from."""
    digest: str
    """Of what was imported: other rows make later stages work anew."""
    columns: tuple[SourceColumn, ...]
    """What there was of each row."""


class Recipe(Settings):
    """A whole run, from the model to the last stage."""

    about: str = ""
    """What the recipe is for, in a line."""
    name: Annotated[str, Field(pattern=r"^[^\s/\\]{1,100}$")] | None = None
    """The run's name, which begins every row's id; `null` takes the folder's name. Fixed when the run is made."""
    model: Words = "fledgling"
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
    respond: Respond | None = Respond()
    """An answer to each instruction; `null` makes none."""

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
