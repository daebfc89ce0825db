"""Settings of the stage `safety`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from magpie.settings.base import FilePath, ModelName, Settings, Words
from magpie.settings.engines import Engine
from magpie.settings.sampling import Template


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
