"""Settings of the stage `decontaminate`."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, field_validator, model_validator

from magpie.settings.base import Count, FilePath, Settings, Words


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
    """Drop instructions that share words with a benchmark's prompts. Needs the extra `curation`."""

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
