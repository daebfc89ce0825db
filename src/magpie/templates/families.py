"""What is known of model families and cannot be derived: a table, matched on template and tokenizer.

A model's name tells apart only those that share both. A model that matches nothing is of the unknown family.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from importlib import resources
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, field_validator

from magpie.templates.sanitize import rule_names


class _Match(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    template: tuple[str, ...]
    tokens: tuple[str, ...]
    name: str = ""
    """A pattern for the model's name, written small."""


class Family(BaseModel):
    """One entry of `families.yaml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    match: _Match
    first_token_bans: tuple[str, ...] = ()
    """Texts that the first token of an instruction may not be."""
    instruct: Mapping[str, Any] = {}
    """Sampling that works for instructions; a recipe's own wins."""
    respond: Mapping[str, Any] = {}
    sanitize: tuple[str, ...] = ()
    """Names of the rules of `sanitize`, in order."""
    remarks: tuple[str, ...] = ()

    @field_validator("sanitize", mode="after")
    @classmethod
    def _in_full(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return rule_names(value)


UNKNOWN = Family(name="unknown", match=_Match(template=(), tokens=()), sanitize=("all",))
"""What a model is of that no entry fits: every rule of `sanitize`, for any model may write around an instruction."""


@lru_cache(maxsize=1)
def families() -> tuple[Family, ...]:
    """The table, read once from package data."""
    raw = yaml.safe_load(resources.files(__package__).joinpath("families.yaml").read_text("utf-8"))
    return tuple(Family.model_validate(entry) for entry in raw["families"])


def family_of(source: str, tokens: Collection[str], name: str = "") -> Family:
    """The first family whose texts stand in the template's source, whose tokens the tokenizer has, and whose pattern,
    if it has one, is found in the model's name.

    >>> family_of("<|im_start|>", {"<|im_end|>"}).name
    'chatml'
    """
    for family in families():
        match = family.match
        fits = all(text in source for text in match.template) and all(token in tokens for token in match.tokens)
        if fits and re.search(match.name, name.lower()):
            return family
    return UNKNOWN
