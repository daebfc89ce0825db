"""What rows can be counted and filtered by: labels, numbers, lengths and fates, as the columns of a run offer them.

A field is an expression over the view `rows`, so that each filter is a condition in SQL as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from magpie.columns import BOOKKEEPING, COMPUTED, labels_of
from magpie.plan.registry import column_map

Kind = Literal["labels", "numbers", "flags"]

STATUS = "status"
"""The field of what became of a row. It is no column: `kept` is known by all stages together."""
STATUSES = ("kept", "dropped", "failed", "pending")
RUN = "run"
"""The field of the run that a row is of, where several are shown."""
TOPIC = "topic"
"""The field of the map's clusters. It is no column either."""
COMPUTED_FIELDS = (STATUS, RUN, TOPIC)

_FIRST = (
    "input_quality", "difficulty", "instruct_reward", "instruction_characters", "task_category", "response_characters",
    "language", "safety", "reward_difference", "dropped_by", "drop_reason", "variant", "min_neighbor_distance",
    "is_repeat",
)  # fmt: skip
_LATER = ("input_digest", "completion_tokens", "prompt_tokens")
_TEXTS = frozenset(
    ("id", "row", "instruction", "instruction_raw", "response", "reasoning", "chosen", "rejected", "base_response",
     "against_response", "system", "known_answer", "contaminated_span", "quality_explanation", "source_id", "error")
)  # fmt: skip
_ROWS = frozenset(("duplicate_of", "nearest_row", "selection_rank"))
"""Numbers of other rows and places, whose histogram says nothing."""


@dataclass(frozen=True, slots=True)
class Source:
    """A field as it is read: of its values nothing is known yet."""

    name: str
    title: str
    sql: str
    kind: Kind
    about: str = ""
    labels: tuple[str, ...] = ()
    """Those that are known, in their order."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field with its values: each row has a code, below `size`, or `size` where it has none."""

    name: str
    title: str
    sql: str
    kind: Kind
    about: str
    labels: tuple[str, ...] = ()
    """Of codes, for labels and flags."""
    edges: tuple[float, ...] = ()
    """For numbers: code c holds values from edges[c - 1] to below edges[c]; the first and the last are open."""
    whole: bool = False
    """Whether the numbers are whole."""
    logarithmic: bool = False
    others: bool = False
    """Whether the last label stands for all that are rare."""

    @property
    def size(self) -> int:
        """How many codes there are."""
        return len(self.edges) + 1 if self.kind == "numbers" else len(self.labels)


def sources(schema: pa.Schema) -> list[Source]:
    """The fields that columns of `run.schema` can give, those that matter most first."""
    found = list(_lengths(schema))
    for column in schema:
        name = base_name(column.name)
        if name in _TEXTS or name in _ROWS or column.name in ("messages",):
            continue
        kind = _kind(column.type)
        if kind is not None:
            labels = labels_of(column.name) if kind == "labels" else ()
            sql = quoted(column.name)
            if pa.types.is_list(column.type):
                sql = f"array_to_string({sql}, ', ')"
            found.append(Source(column.name, titled(column.name), sql, kind, _about(column.name), labels))
    return sorted(found, key=_place)


def _lengths(schema: pa.Schema) -> Iterator[Source]:
    for column in ("instruction", "response"):
        if column in schema.names:
            title = f"{column.capitalize()} length"
            yield Source(f"{column}_characters", title, f"length({column})", "numbers", f"characters of `{column}`")


def _kind(kind: pa.DataType) -> Kind | None:
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return "labels"
    if pa.types.is_boolean(kind):
        return "flags"
    if pa.types.is_list(kind) and pa.types.is_string(kind.value_type):
        return "labels"
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return "numbers"
    return None


def _place(source: Source) -> tuple[int, int]:
    """Columns of a second judge come after those of the first."""
    base = base_name(source.name)
    if base in _FIRST:
        return 0, 2 * _FIRST.index(base) + (base != source.name)
    if source.name.endswith("_tokens") or base in _LATER:
        return 2, 0
    return 1, 0


def base_name(column: str) -> str:
    """The column without what a second instance adds."""
    return column.partition("__")[0]


_TITLES = {
    "input_quality": "Quality",
    "task_category": "Category",
    "instruct_reward": "Reward",
    "reward_difference": "Reward over base",
    "min_neighbor_distance": "Neighbor distance",
    "is_repeat": "Repeat",
    "dropped_by": "Dropped by",
    "drop_reason": "Drop reason",
}


def titled(column: str) -> str:
    """A column's name for people: `difficulty__second` is `Difficulty (second)`."""
    base, _, instance = column.removeprefix("original_").partition("__")
    title = _TITLES.get(base) or base.replace("_", " ").capitalize()
    told = [instance] if instance else []
    told += ["original"] if column.startswith("original_") else []
    return f"{title} ({', '.join(told)})" if told else title


def _about(column: str) -> str:
    known = column_map().columns.get(base_name(column).removeprefix("original_"))
    if known is not None:
        return f"{known.meaning} ({known.unit})" if known.unit else known.meaning
    if column in COMPUTED:
        return COMPUTED[column]
    if column.endswith("_tokens"):
        return f"completion tokens of {column.removesuffix('_tokens')}"
    return next((each.meaning for each in BOOKKEEPING if each.name == column), "")


def quoted(column: str) -> str:
    """A column's name in SQL: as it is where magpie itself gave it, else in quotes."""
    known = column_map().columns
    plain = column in known or column in COMPUTED or column in ("drop_reason", "error")
    return column if plain else '"' + column.replace('"', '""') + '"'


def merged_labels(fields: Sequence[Field]) -> dict[str, int]:
    """The labels of one field in several runs, each with its code: in the order of the first run, then of the rest."""
    names: Mapping[str, None] = dict.fromkeys(label for field in fields for label in field.labels)
    return {label: code for code, label in enumerate(names)}
