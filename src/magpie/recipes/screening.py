"""What a recipe may say of the rows that go no further: rules on single texts, duplicates, benchmarks.

What is measured of the bounds is in docs/screening.md.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from magpie.recipes.base import Count, FilePath, Settings, Words

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Ratio = Annotated[float, Field(gt=1.0)]
Code = Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]
Kind = Literal["email", "phone", "iban", "card", "ip", "us_ssn"]


class Language(Settings):
    """Find the language that each instruction is written in. Needs `pip install 'magpie[curation]'`."""

    allowed: tuple[Code, ...] = ()
    """The languages to keep, as ISO 639-1 writes them (`en`, `zh`); none named is all of them."""
    min_confidence: Share = 0.5
    """Rows are dropped for a language only from this confidence on: short instructions are often unsure."""


class Pii(Settings):
    """Look for personal data that have a form: addresses and numbers."""

    kinds: tuple[Kind, ...] = ("email", "phone", "iban", "card", "ip", "us_ssn")
    """What to look for. Numbers with check digits (`iban`, `card`) count only where these are right."""
    drop: bool = False
    """Drop rows that have any, rather than say so in the column `pii`."""


class Screen(Settings):
    """Drop instructions that break a rule. Each rule has a setting, and a dropped row names its rule."""

    min_chars: Count | None = 3
    """`too_short`: fewer characters, in any script."""
    max_chars: Count | None = 20_000
    """`too_long`: more characters."""
    role_leak: bool = True
    """`role_leak`: control tokens written out, or a line in which the assistant answers."""
    refusal: bool = True
    """`refusal`: what an assistant says when it will not help, in ten languages."""
    non_text: bool = True
    """`non_text`: no letter and no digit, or hardly any among signs, or characters that are none."""
    ends_in_colon: bool = True
    """`ends_in_colon`: it announces what is not there. The published Pro-300K drops these too."""
    unfinished: bool = True
    """`unfinished`: a comma, an open bracket or a word that must go on at the end, or a code block left open."""
    max_repeated: Share | None = 0.75
    """`repeats_itself`: of its runs of four words a larger share stood there before; from 40 words on."""
    max_compression: Ratio | None = 10.0
    """`repeats_itself`: it is more times as long as its compressed form; from 120 characters on."""
    language: Language | None = None
    """Find each instruction's language (`{}`), and keep those that are wanted; `null` does not look."""
    pii: Pii | None = Pii()
    """Look for personal data; `null` does not."""


class ScreenResponses(Settings):
    """Drop rows whose response breaks a rule; of several responses, where every one does."""

    min_chars: Count | None = 1
    """`too_short`: fewer characters, in any script."""
    max_chars: Count | None = None
    """`too_long`: more characters."""
    role_leak: bool = True
    """`role_leak`: control tokens written out, or further turns in one."""
    refusal: bool = True
    """`refusal`: the assistant will not help. Turn it off to keep examples of refusing what is better refused."""
    ends_in_colon: bool = True
    """`ends_in_colon`: it announces what is not there."""
    unfinished: bool = True
    """`unfinished`: a comma, an open bracket or a word that must go on at the end, or a code block left open."""
    max_repeated: Share | None = 0.75
    """`repeats_itself`: of its runs of four words a larger share stood there before; from 40 words on."""
    max_compression: Ratio | None = 10.0
    """`repeats_itself`: it is more times as long as its compressed form; from 120 characters on."""


class Dedup(Settings):
    """Keep the earliest of instructions that say the same. Needs `pip install 'magpie[curation]'`."""

    near: bool = True
    """Drop near duplicates too; exact ones differ at most in case, spaces and the mark at their end."""
    threshold: Annotated[float, Field(gt=0.0, le=1.0)] = 0.8
    """Near are two that share this much of all their runs of words (Jaccard similarity)."""
    ngram: Annotated[int, Field(ge=1, le=20)] = 3
    """Words in a run; in Chinese and its like, characters."""
    numbers: bool = True
    """Instructions with different numbers in them are different tasks."""


class Benchmark(Settings):
    """Prompts that must not be in the data: a file, a data set of the Hub, or the prompts themselves."""

    name: Words | None = None
    """What reports call it; `null` is the file's name, or the data set's."""
    path: FilePath | None = None
    """A file: .jsonl, .json, .csv, .tsv, .parquet or .txt (a prompt a line), the former also compressed with gzip."""
    hub: Words | None = None
    """A data set of the Hub, `owner/name`. Needs the library `datasets`."""
    config: Words | None = None
    """Of a data set that has several."""
    split: Words = "test"
    """Of a data set of the Hub."""
    columns: tuple[Words, ...] = ()
    """Where the prompts are; none named is the first of `prompt`, `instruction`, `question` and their like that is
    there. With several, each is held against the instructions by itself."""

    prompts: tuple[Words, ...] = ()
    """The prompts themselves, such as a few of your own that are kept for testing. They need a `name`."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.path is not None) + (self.hub is not None) + bool(self.prompts) != 1:
            raise ValueError("expected one of `path`, a file, `hub`, a data set of the Hub, and `prompts`")
        if self.prompts and self.name is None:
            raise ValueError("prompts: expected a `name` for reports to call them by")
        return self


class Decontaminate(Settings):
    """Drop instructions that share words with a benchmark's prompts. Needs `pip install 'magpie[curation]'`."""

    benchmarks: Annotated[tuple[Benchmark, ...], Field(min_length=1)]
    """Files or data sets of the Hub. A text alone is a file."""
    ngram: Annotated[int, Field(ge=1, le=50)] = 13
    """Words in a run that must not be shared; in Chinese and its like, characters. Shorter prompts count whole."""
    min_words: Count = 5
    """A prompt of fewer words counts only where it is the whole instruction."""
    max_shared: Count = 10
    """A run that more prompts of a benchmark have in common is its way of asking, and says nothing of their content."""

    @field_validator("benchmarks", mode="before")
    @classmethod
    def _files(cls, value: Any) -> Any:
        if not isinstance(value, list | tuple):
            return value
        return tuple({"path": item} if isinstance(item, str) else item for item in value)
