"""How a conversation is written out for a scorer, and which of its labels is the score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from magpie.errors import ModelError

_MOST_NAMED = 8
"""Labels that an error names."""


@dataclass(frozen=True, slots=True)
class ScorerTemplate:
    """How a conversation is written out for a scorer."""

    system: str | None = None
    """A system message before every conversation."""
    chat_template: str | None = None
    """The text of a chat template in place of the tokenizer's."""
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    """Further variables for the template."""


ITS_OWN = ScorerTemplate()
"""The tokenizer's chat template as it is."""


def why_not_label(labels: Sequence[str], asked: str | int | None) -> str | None:
    """Why `asked` does not say which of the labels is the score; None where it does."""
    if asked is None:
        return (
            None
            if len(labels) == 1
            else f"it has {len(labels)} labels ({_named(labels)}), and one is the score: {_SAY}"
        )
    if isinstance(asked, int):
        return None if 0 <= asked < len(labels) else f"it has {len(labels)} labels, and none at place {asked}: {_SAY}"
    if asked in labels:
        return None
    close = get_close_matches(asked, labels, n=1)
    hint = f"did you mean {close[0]!r}?" if close else _SAY
    return f"it has no label {asked!r}, only {_named(labels)}; {hint}"


_SAY = "name it by reward.classifier.label"


def place_of(labels: Sequence[str], asked: str | int | None) -> int:
    """The place of the label that is the score. Raises `ModelError`."""
    if reason := why_not_label(labels, asked):
        raise ModelError(f"the reward model: {reason}")
    return labels.index(asked) if isinstance(asked, str) else asked or 0


def _named(labels: Sequence[str]) -> str:
    more = "" if len(labels) <= _MOST_NAMED else ", ..."
    return ", ".join(labels[:_MOST_NAMED]) + more
