"""Settings of the stage `instruct`."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from magpie.settings.base import FilePath, Frozen, Settings, Words
from magpie.settings.sampling import Sampling

Placeholder = Annotated[str, Field(pattern=r"^[a-z_]+$")]


class Fill(Settings):
    """Fills a placeholder in a system prompt: each row gets other words, and none repeats before all were used."""

    name: Placeholder
    """The name of the placeholder: `persona` fills `{persona}`."""
    words: tuple[Words, ...] = ()
    """The words themselves; they begin again when all have been used."""
    file: FilePath | None = None
    """A file with the words, in place of `words`: plain text with one per line, or JSON lines (`.jsonl`) of texts or
    objects."""
    field: Words | None = None
    """The field of the objects in a `.jsonl` file; `null` is the placeholder's name."""
    repeat: bool = False
    """Start again, in another order, when all words of the file have been used; if false, a run that needs more words
    is refused before it starts."""

    @model_validator(mode="after")
    def _comes_from_one_place(self) -> Self:
        if bool(self.words) == (self.file is not None):
            raise ValueError("expected either words or a file of them")
        return self


class Variant(Settings):
    """One way to ask for instructions. What is null is as the recipe has it otherwise."""

    name: Words
    """What the column `variant` says."""
    weight: Annotated[float, Field(gt=0.0, le=1e12)] = 1.0
    """Its share, against the weights of the others; they need not add up to anything."""
    system: str | Literal[False] | None = None
    """A system prompt; `null` is `template.system`, `false` is none where the chat template allows it. Names in braces
    are filled from `fill`."""
    language: Words | None = None
    """The language to ask in, such as German; it fills `{language}` in the system prompt."""
    fill: tuple[Fill, ...] = ()
    """The values of the other placeholders in the system prompt, such as `{persona}` or `{topic}`."""
    prefill: Words | None = None
    """The first words of every instruction: the model continues them, without any other prompt."""
    sampling: Sampling = Sampling()
    """Null settings are those of `instruct.sampling`."""

    @model_validator(mode="after")
    def _fills_what_is_there(self) -> Self:
        names = [*(["language"] if self.language else []), *(one.name for one in self.fill)]
        there = set(re.findall(r"\{([a-z_]+)\}", self.system or ""))
        for name in names:
            if name not in there:
                raise ValueError(f"{name}: the system prompt has no {{{name}}} for it to stand for")
        if len(set(names)) < len(names):
            raise ValueError("fill: a placeholder is filled twice")
        return self


def check_names(mix: tuple[Variant, ...]) -> tuple[Variant, ...]:
    """Raises `ValueError` where two variants have the same name: rows are told apart by it."""
    names = [variant.name for variant in mix]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"two variants are called {twice[0]!r}; expected a name of its own for each")
    return mix


class Instruct(Settings):
    """Sample instructions from the pre-query: the method's first step."""

    sampling: Sampling = Sampling()
    """Null settings are what suits the model's family, else what the paper does."""
    stop_at_newline: bool = False
    """End an instruction at its first line end, as the public code does; instructions are then one paragraph."""
    first_token_bans: tuple[Words, ...] | None = None
    """Texts that an instruction may not begin with, each one token; `null` is what suits the model's family."""
    first_token_divisor: Annotated[float, Field(gt=0.0, le=100.0), Frozen(since=1.0)] = 1.0
    """What the logits of an instruction's first token are divided by, for more varied first words: 1.2 in the
    public script for Qwen2.5-Math. The token is sampled by a request of its own, whose temperature is multiplied by
    the divisor, which gives the same on every engine. Not used for variants with a `prefill`."""
    sanitize: tuple[str, ...] | None = None
    """Rules that remove from an instruction what a model wrote around it, such as labels, quotes and answers, in order;
    `[all]` is every rule, `[]` is none, `null` is what suits the model's family."""
    mix: tuple[Variant, ...] = ()
    """Several ways to ask, each with a share of the rows: other system prompts, other sampling, other prefills. Each
    has `name`, `weight`, `system`, `language`, `fill`, `prefill` and `sampling`."""

    @field_validator("mix", mode="after")
    @classmethod
    def _told_apart(cls, value: tuple[Variant, ...]) -> tuple[Variant, ...]:
        return check_names(value)
