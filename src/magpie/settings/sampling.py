"""What a recipe may say of how a model is sampled and how its chat template is used. Knows no stage."""

from __future__ import annotations

from datetime import date as Date  # noqa: N812 (a setting is called date)
from typing import Annotated, Literal

from pydantic import Field

from magpie.settings.base import Count, FilePath, JsonObject, OnOff, Settings, Words


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
    """A system prompt; `null` is what the template does by itself, `false` is an empty one where the template allows
    it, and `omit` is no system turn at all, cut where the template always writes one."""
    thinking: Annotated[Literal["on", "off"], OnOff] | None = None
    """For models that think by switch; `null` is what the template does by itself."""
    kwargs: JsonObject = Field(default_factory=dict)
    """Further variables for the template."""
    chat_template: FilePath | None = None
    """A file with a chat template to use in place of the tokenizer's."""
    pre_query: str | None = None
    """The text before a user message, by hand, where it cannot be derived."""
    date: Annotated[Date, Field(strict=False)] | None = None
    """The day (YYYY-MM-DD) that the template sees, where it prints one; `null` is the day of the run."""
