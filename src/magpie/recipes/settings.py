"""What a recipe may say: every setting with its type, its bounds and its meaning.

The one place where settings are checked; below it they are plain arguments. Knows no file and no engine.
"""

from __future__ import annotations

from datetime import date as Date  # noqa: N812 (a setting is called date)
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import to_jsonable_python

_Count = Annotated[int, Field(ge=1)]
_Text = Annotated[str, Field(min_length=1)]


class Settings(BaseModel):
    """Frozen, unknown keys refused, a docstring beneath every setting."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, strict=True)


class Sampling(Settings):
    """How a model is sampled. What is null is what is known to suit the model's family, else what the paper does."""

    temperature: Annotated[float, Field(ge=0.0, le=10.0)] | None = None
    """0 is greedy. The paper: 1 for instructions (up to 1.25 for more variety), 0 for responses."""
    top_p: Annotated[float, Field(gt=0.0, le=1.0)] | None = None
    """Sample from the smallest set of tokens with this probability in all; 1 is all of them. The paper: 1 to 0.99."""
    max_tokens: _Count | None = None
    """The most tokens to write; the context may allow fewer. The paper: 2048 for instructions, 4096 for responses."""
    stop: tuple[_Text, ...] = ()
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

    @field_validator("kwargs", mode="after")
    @classmethod
    def _as_they_read_back(cls, value: dict[str, Any]) -> dict[str, Any]:
        """A YAML date is text here, as it is when the run reads its recipe back."""
        return dict(to_jsonable_python(value))


class LlamaCpp(Settings):
    """llama.cpp inside this process: any GGUF file, on a CPU or a GPU."""

    name: Literal["llamacpp"] = "llamacpp"
    """The engine."""
    slots: _Count | None = None
    """Requests in one batch; `null` is 32, or as many as fit 2 GiB of keys and values."""
    context: _Count | None = None
    """Tokens of a prompt and its continuation together; `null` is what the model was trained for, at most 4096."""
    threads: _Count | None = None
    """`null` is one for each core; one in all for a model file below 64 MiB, which a second only slows down."""
    gpu_layers: Annotated[int, Field(ge=-1)] = -1
    """Layers to place on a GPU, where there is one; -1 is as many as fit."""


class Scripted(Settings):
    """A real engine without a model, for tests and for measuring what magpie itself costs."""

    name: Literal["scripted"] = "scripted"
    """The engine."""
    window: _Count = 256
    """Requests held at once."""
    steps: Annotated[int, Field(ge=0)] = 0
    """A request takes up to this many polls more than one, by its seed."""
    seconds: Annotated[float, Field(ge=0.0)] = 0.0
    """A request takes up to this long, by its seed."""
    fail_rate: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    """The share of requests that fail, by their seeds."""
    empty_rate: Annotated[float, Field(ge=0.0, le=1.0)] = 0.02
    """The share of completions that are empty."""
    length_rate: Annotated[float, Field(ge=0.0, le=1.0)] = 0.02
    """The share of completions that do not end by themselves."""
    die_after_polls: _Count | None = None
    """Polls after which the engine is gone."""


class Instruct(Settings):
    """Sample instructions from the pre-query: the method's first step."""

    sampling: Sampling = Sampling()
    """Null settings are what suits the model's family, else what the paper does."""
    stop_at_newline: bool = False
    """End an instruction at its first line end, as the public code does; instructions are then one paragraph."""
    first_token_bans: tuple[_Text, ...] | None = None
    """Texts that an instruction may not begin with, each one token; `null` is what suits the model's family."""
    sanitize: tuple[str, ...] | None = None
    """Rules that take labels, quotes and fences off an instruction; `null` is what suits the model's family."""


class Respond(Settings):
    """Answer each instruction."""

    sampling: Sampling = Sampling()
    """Null settings are what suits the model's family, else what the paper does."""


class Recipe(Settings):
    """A whole run, from the model to the last stage."""

    about: str = ""
    """What the recipe is for, in a line."""
    name: Annotated[str, Field(pattern=r"^[^\s/\\]{1,100}$")] | None = None
    """The run's name, which begins every row's id; `null` takes the folder's name. Fixed when the run is made."""
    model: _Text = "fledgling"
    """A GGUF file, or the name of a model inside the package."""
    engine: Annotated[LlamaCpp | Scripted, Field(discriminator="name")] = LlamaCpp()
    """What runs the model."""
    template: Template = Template()
    """How the model's chat template is used."""
    size: _Count = 1000
    """Rows to make. Raising it later makes the new rows only."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Every row's randomness follows from this, the stage and the row's number."""
    shard_rows: _Count = 4096
    """Rows in a file. Fixed when the run is made."""
    instruct: Instruct = Instruct()
    """The first stage: instructions from the pre-query."""
    respond: Respond | None = Respond()
    """The second stage: an answer to each instruction; `null` makes instructions only."""

    @field_validator("engine", mode="before")
    @classmethod
    def _name_the_engine(cls, value: Any) -> Any:
        """`engine: scripted` is short for `engine: {name: scripted}`, and an engine without a name is llamacpp."""
        if isinstance(value, str):
            return {"name": value}
        return {"name": "llamacpp", **value} if isinstance(value, dict) else value
