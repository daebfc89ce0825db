"""Settings of the stage `select`."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from magpie.settings.base import Count, FilePath, Settings, Words


class Quota(Settings):
    """The most rows that may have the same value."""

    by: Words
    """A column, or what SQL computes from columns, such as `task_category` or `difficulty > 'easy'`."""
    most: Count
    """Rows of each value; the first ones in the selection's order are kept."""


class Diverse(Settings):
    """Keep rows that lie far from one another, by their embeddings, in place of the first ones in order."""

    bands: Words | None = None
    """A column, or what SQL computes from columns, such as `input_quality`: rows with a larger value come first,
    however near they lie to others; `null` is one band."""


class SelectionSettings(Settings):
    """What `select` and `shortlist` can both be told."""

    keep: Words | None = None
    """The clauses, as in SQL."""
    file: FilePath | None = None
    """A file with a selection: `SELECT row FROM rows WHERE ... ORDER BY ... LIMIT ...`."""
    also: tuple[Words, ...] = ()
    """Further clauses that a row has to meet."""
    without: tuple[Words, ...] = ()
    """Columns: clauses of the selection itself that read one of them are left out; those of `also` stay."""
    order: Words | None = None
    """Which rows come first, as after ORDER BY: `length(response) DESC`; `null` is the selection's own, else by
    row."""
    limit: Count | None = None
    """The most rows; `null` is the selection's own, else no limit."""
    quotas: tuple[Quota, ...] = ()
    """The most rows of each value: `[{by: task_category, most: 20000}]`."""
    diverse: Diverse | None = None
    """Prefer rows that lie far from one another; needs `limit` or `quotas`, and the stage `embed`."""

    @model_validator(mode="after")
    def _one_selection(self) -> Self:
        if self.keep is not None and self.file is not None:
            raise ValueError("keep and file are two selections; expected one of them")
        if self.keep is not None and self.keep.endswith(".sql"):
            raise ValueError("keep takes a name or clauses; expected the file under file")
        return self


class Select(SelectionSettings):
    """Choose the dataset from all rows that were made."""

    keep: Words | None = None
    """A selection inside the package (`air`, `pro`, `pro-2` to `pro-6`), or the clauses themselves, as in SQL:
    `input_quality >= 'good' AND NOT is_repeat`; `null` is every row."""
