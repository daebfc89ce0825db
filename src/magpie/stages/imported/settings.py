"""Settings of the stage `import`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field

from magpie.columns import is_field_type
from magpie.settings.base import Settings, Words


def _known_type(kind: str) -> str:
    if not is_field_type(kind):
        raise ValueError("expected string, int64, double, bool, or list<...> of these")
    return kind


FieldType = Annotated[str, AfterValidator(_known_type)]


class Source(Settings):
    """Rows that `magpie import` put into the run, in place of instructions that the model writes."""

    path: str
    """The file or folder that they came from; of several inputs all, each between quotes."""
    digest: str
    """The digest of what was imported: with other rows, later stages make theirs again."""
    columns: tuple[Words, ...]
    """What there was of each row."""
    meta: Mapping[Words, FieldType] = Field(default_factory=dict)
    """The fields of the column `meta`, with their types: what the rows have beside the columns of a run."""
    map: Mapping[Words, Words] = Field(default_factory=dict)
    """Keys of the rows, and what each was read as (`--map`)."""
    template: str | None = None
    """The Jinja template that the instruction was rendered from (`--template`)."""
    limit: Annotated[int, Field(ge=1)] | None = None
    """The most rows that were imported (`--limit`)."""
    split: str | None = None
    """The split that was imported (`--split`)."""
