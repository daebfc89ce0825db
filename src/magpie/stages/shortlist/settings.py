"""Settings of the stage `shortlist`."""

from __future__ import annotations

from magpie.settings.base import Words
from magpie.stages.select.settings import SelectionSettings


class Shortlist(SelectionSettings):
    """Choose, from instructions alone, which rows are worth a response."""

    keep: Words | None = None
    """The clauses, as in SQL; `null` is `input_quality >= 'good' AND NOT is_repeat`, unless there is a file."""
