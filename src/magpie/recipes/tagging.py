"""What a recipe may say of judging instructions and conversations: tags and safety.

Knows no prompt's text and no stage: these become plain arguments in `pipeline`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from magpie.recipes.base import FilePath, ModelName, Settings, Words
from magpie.recipes.engines import Engine, name_the_engine
from magpie.recipes.sampling import Sampling, Template

TagName = Literal["quality", "difficulty", "category"]


class TagPrompts(Settings):
    """Jinja files of your own. Each renders the user message, is given `instruction`, and asks for what the package's
    file of that name asks for: a JSON object with the same keys, or, where `fast` is set, the same letters."""

    quality: FilePath | None = None
    """`null` is the package's `quality.jinja`, or `quality_fast.jinja`."""
    difficulty: FilePath | None = None
    """`null` is the package's `difficulty.jinja`, or `difficulty_fast.jinja`."""
    category: FilePath | None = None
    """`null` is the package's `category.jinja`, or `category_fast.jinja`."""


class Tag(Settings):
    """Let a judge say of each instruction how well it is put, how hard it is and which kind of task it is."""

    tags: tuple[TagName, ...] = ("quality", "difficulty", "category")
    """What is asked, each in a request of its own. `quality` gives `input_quality` and `quality_explanation`;
    `difficulty` gives `difficulty`, `intent` and `knowledge`; `category` gives `task_category` and
    `other_task_category`."""
    fast: bool = False
    """Ask for one letter instead, without any explanation, and keep the probability of each label and the expected
    score. One token is sampled, so that it costs reading the prompt; needs an engine with logprobs."""
    structure: Literal["auto", "on", "off"] = "auto"
    """Hold replies to a JSON schema. `auto`: only those that are asked for again, where the engine can; a reply is
    nearly always readable without, and sampling within a grammar is slower. `on`: all of them. `off`: none."""
    again: Annotated[int, Field(ge=0, le=5)] = 2
    """How often a reply that cannot be read is asked for again: first held to the schema, where that may be, and then
    at a temperature of at least 0.7. What still cannot be read is null, and the replies stand in `tag_raw`."""
    sampling: Sampling = Sampling()
    """Null settings are temperature 0, as in the paper, and at most 512 tokens; a judge that thinks needs more."""
    model: ModelName | None = None
    """Another model to judge with; `null` is the recipe's."""
    engine: Engine | None = None
    """What runs the other model; `null` is the recipe's where the model is too, else `auto`."""
    template: Template | None = None
    """How the other model's chat template is used; `null` is the recipe's where the model is too, else its own way."""
    prompts: TagPrompts = TagPrompts()
    """Other prompts than the package's."""

    @field_validator("engine", mode="before")
    @classmethod
    def _name_the_engine(cls, value: Any) -> Any:
        return name_the_engine(value)

    @field_validator("structure", mode="before")
    @classmethod
    def _as_yaml_reads_it(cls, value: Any) -> Any:
        """YAML takes on and off for truth values."""
        return ("on" if value else "off") if isinstance(value, bool) else value

    @field_validator("tags", mode="after")
    @classmethod
    def _each_once(cls, value: tuple[TagName, ...]) -> tuple[TagName, ...]:
        if not value or len(set(value)) < len(value):
            raise ValueError(
                f"tags is [{', '.join(value)}]: expected at least one of quality, difficulty, category, once"
            )
        return value


class Safety(Settings):
    """Let a guard say whether each instruction, or each conversation, is safe."""

    style: Literal["auto", "prompt", "llama_guard", "wildguard", "shield_gemma", "granite_guardian"] = "auto"
    """How the guard is asked and how its words are read. `prompt`: any chat model, by the package's `safety.jinja`. The
    others are guard models, which are given the conversation itself and ask by their own chat template. `auto` tells
    the guard by its chat template, and takes `prompt` for any other model."""
    of: Literal["conversation", "instruction"] = "conversation"
    """What is judged. `conversation`: every response in the light of what stands before it, or the instruction where
    there is no response; a refusal of an unsafe instruction is then safe. `instruction`: the instruction alone."""
    threshold: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    """The probability of harm from which a row is unsafe, where the guard's engine tells probabilities."""
    drop: bool = False
    """Drop what is unsafe. What could not be judged is kept, with a null in `safety`."""
    categories: dict[Words, Words] = Field(default_factory=dict)
    """Other names for the guard's categories: its own name or code to yours."""
    model: ModelName | None = None
    """The guard; `null` is the recipe's model, asked by `prompt`."""
    engine: Engine | None = None
    """What runs the guard; `null` is the recipe's where the model is too, else `auto`."""
    template: Template | None = None
    """How the guard's chat template is used; `null` is the recipe's where the model is too, else its own way."""
    prompt: FilePath | None = None
    """A Jinja file of your own for the style `prompt`, which is given `instruction` and `response` (none where the
    instruction alone is judged) and asks for the letters of `safety.jinja`; `null` is the package's."""

    @field_validator("engine", mode="before")
    @classmethod
    def _name_the_engine(cls, value: Any) -> Any:
        return name_the_engine(value)
