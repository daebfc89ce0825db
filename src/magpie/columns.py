"""Every column of a run, with its type, its unit and its meaning. A column has one maker in a run.

Knows no Arrow: types are named as Arrow and DuckDB name them, and `runs` turns them into fields.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

Type = Literal[
    "string", "int32", "int64", "double", "bool", "list<string>", "list<double>", "list<float>", "messages", "responses"
]
"""`messages`: a list of structs of `role` and `content`. `responses`: a list of structs of `response`, `reasoning`,
`model`, `finish_reason` and `tokens`."""

_STRUCT = "struct"
MOST_LISTS = 8
"""Lists in one another that a field of a struct may have."""
_FIELD = re.compile(rf"(?:list<){{0,{MOST_LISTS}}}(?:string|int64|double|bool)>{{0,{MOST_LISTS}}}")


def struct_type(fields: Mapping[str, str]) -> str:
    """The type of a column with named fields of its own, such as `meta` of an import.

    struct_type({"source": "string"})  # 'struct{"source": "string"}'
    """
    return _STRUCT + json.dumps(dict(fields), ensure_ascii=False)


def struct_fields(kind: str) -> dict[str, str] | None:
    """Name to type of the fields of such a column; None for another type. Raises `ValueError` for what is no type.

    struct_fields('struct{"source": "string"}')  # {"source": "string"}
    """
    if not kind.startswith(_STRUCT):
        return None
    found = json.loads(kind[len(_STRUCT) :])
    if not isinstance(found, dict) or not found or not all(found):
        raise ValueError("a struct without named fields")
    if not all(isinstance(field, str) and is_field_type(field) for field in found.values()):
        raise ValueError("a field of a struct without its type")
    return found


def is_field_type(kind: str) -> bool:
    """Whether a field may have this type: a scalar, or lists of scalars, `MOST_LISTS` deep."""
    return bool(_FIELD.fullmatch(kind)) and kind.count("<") == kind.count(">")


def is_type(kind: str) -> bool:
    """Whether a column may have this type."""
    try:
        return kind in get_args(Type) or struct_fields(kind) is not None
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Column:
    """One column: what it is called, what it holds, and what it means."""

    name: str
    type: Type | str
    """One of `Type`, or that of a struct, see `struct_type`."""
    meaning: str
    unit: str = ""


LABELS = {
    "input_quality": ("very poor", "poor", "average", "good", "excellent"),
    "difficulty": ("very easy", "easy", "medium", "hard", "very hard"),
}
"""Columns whose values are labels with an order: from less to more. SQL compares them in this order."""


ORIGINAL = "original_"
"""The prefix of the earlier version of a column that a later stage made again."""


def base_column(column: str) -> str:
    """The column that this one is a copy or another version of: a second instance's, or one that was made again.

    Example: `base_column("difficulty__second")` and `base_column("original_difficulty")` are `difficulty`.
    """
    return column.removeprefix(ORIGINAL).partition("__")[0]


def labels_of(column: str) -> tuple[str, ...]:
    """The labels of a column in ascending order; empty for a column without ordered labels.

    Example: `labels_of("difficulty__second")` are those of `difficulty`.
    """
    return LABELS.get(base_column(column), ())


def tokens_column(stage: str) -> str:
    """The column in which a reader gives a stage's completion tokens.

    >>> tokens_column("tag@second")
    'tag__second_tokens'
    """
    return f"{stage.replace('@', '__')}_tokens"


IMPORT = "import"
"""The stage whose columns came with the rows."""

_SAYS_OF: Mapping[str, tuple[str, ...]] = {
    "reasoning": ("response",),
    "turns": ("response",),
    "turn_reasoning": ("turns", "response"),
    "ended_by": ("turns", "response"),
    "pair_prompt": ("chosen",),
    "instruct_reward": ("response",),
    "base_reward": ("base_response",),
    "reward_difference": ("response", "base_response", "instruct_reward", "base_reward"),
    "response_rewards": ("responses",),
    "response_choice": ("responses", "response"),
    "safety": ("response",),
    "safety_categories": ("response", "safety"),
    "harm_probability": ("response", "safety"),
    "chosen_reward": ("chosen",),
    "chosen_model": ("chosen",),
    "rejected_reward": ("rejected",),
    "rejected_model": ("rejected",),
    "language_confidence": ("language",),
    "contaminated_span": ("contaminated_by",),
    "quality_explanation": ("input_quality",),
    "quality_score": ("input_quality",),
    "input_quality_probs": ("input_quality",),
    "difficulty_score": ("difficulty",),
    "difficulty_probs": ("difficulty",),
    "other_task_category": ("task_category",),
    "task_category_probs": ("task_category",),
}
"""Columns that describe other columns. A later stage may make those again without these."""


def outdated(makers: Mapping[str, str]) -> list[str]:
    """Imported columns that no longer count, because the column that they describe was made again: a reward of the old
    answer does not hold for the new one, nor does the reason for an old label. They stay readable as
    `original_<column>`.

    makers: each column's stage, of two the later one.

    outdated({"response": "respond", "instruct_reward": "import"})  # ["instruct_reward"]
    """
    return [
        name
        for name, maker in makers.items()
        if maker == IMPORT and any(makers.get(other, IMPORT) != IMPORT for other in _SAYS_OF.get(name, ()))
    ]


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
    "messages": "the conversation as role and content, with later turns, and as reasoning where later turns have "
    "one; null until there is a response",
    "dropped_by": "the first stage that dropped the row",
}
"""What the reader adds to the columns on disk: name to meaning. Beside these it gives each stage's completion tokens
as `<stage>_tokens`, and of all stages' `drop_reason` and `error` the first."""
