"""Every column of a run, with its type, its unit and its meaning. A column has one maker in a run.

Knows no Arrow: types are named as Arrow and DuckDB name them, and `runs` turns them into fields.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Type = Literal[
    "string", "int32", "int64", "double", "bool", "list<string>", "list<double>", "list<float>", "messages", "responses"
]
"""`messages`: a list of structs of `role` and `content`. `responses`: a list of structs of `response`, `reasoning`,
`model`, `finish_reason` and `tokens`."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: what it is called, what it holds, and what it means."""

    name: str
    type: Type
    meaning: str
    unit: str = ""


LABELS = {
    "input_quality": ("very poor", "poor", "average", "good", "excellent"),
    "difficulty": ("very easy", "easy", "medium", "hard", "very hard"),
}
"""Columns whose values are labels with an order: from less to more. SQL compares them in this order."""


def labels_of(column: str) -> tuple[str, ...]:
    """The labels of a column, from less to more; none of a column that has no such.

    Example: `labels_of("difficulty__second")` is that of `difficulty`.
    """
    return LABELS.get(column.partition("__")[0], ())


ROW = Column("row", "int64", "the row's number in the run; every file is sorted by it, and files join on it")

DROP_REASON = Column("drop_reason", "string", "why the row goes no further; null for a row that does")
ERROR = Column("error", "string", "why the row could not be made; the next run tries it again; null when made")
PROMPT_TOKENS = Column("prompt_tokens", "int32", "of all the row's requests in this stage", "tokens")
COMPLETION_TOKENS = Column("completion_tokens", "int32", "sampled for the row in this stage", "tokens")
WASTED_TOKENS = Column("wasted_tokens", "int32", "sampled past a stop that the engine cannot stop at", "tokens")
INPUT_DIGEST = Column("input_digest", "int64", "of the columns that the stage read; the row is remade when it changes")
ATTEMPTS = Column("attempts", "int32", "how often the row was tried and could not be made; 0 or null for one that was")

BOOKKEEPING = (DROP_REASON, ERROR, ATTEMPTS, PROMPT_TOKENS, COMPLETION_TOKENS, WASTED_TOKENS, INPUT_DIGEST)
"""What every stage writes beside its own columns."""

COMPUTED = {
    "id": "run name and row number: what readers and exports show",
    "messages": "the conversation as role and content, further turns included; null until there is a response",
    "dropped_by": "the first stage that dropped the row",
}
"""What the reader adds to the columns on disk: name to meaning. Beside these it gives each stage's completion tokens
as `<stage>_tokens`, and of all stages' `drop_reason` and `error` the first."""
