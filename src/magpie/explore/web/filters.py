"""What the page may ask for, as typed values: no SQL comes from it. What a filter is in SQL is written here.

{"kind": "labels", "field": "difficulty", "labels": ["hard", null]}
{"kind": "range", "field": "instruct_reward", "low": 1.5, "high": null}
{"kind": "text", "text": "integral", "within": "instruction"}
{"kind": "area", "points": [[0.1, 0.2], [0.4, 0.2], [0.4, 0.6]]}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from magpie.errors import UserError
from magpie.explore.web import fields
from magpie.explore.web.search import MOST_CHARACTERS
from magpie.runs import sql_text

Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Labels(_Strict):
    """Rows with one of these labels; null stands for rows without one."""

    kind: Literal["labels"]
    field: str = Field(max_length=200)
    labels: tuple[Annotated[str, Field(max_length=500)] | None, ...] = Field(min_length=1, max_length=500, strict=False)


class Range(_Strict):
    """Rows whose number is at least `low` and below `high`."""

    kind: Literal["range"]
    field: str = Field(max_length=200)
    low: Finite | None = None
    high: Finite | None = None


class Text(_Strict):
    """Rows that have a text in their instruction, their response or either, whatever its case."""

    kind: Literal["text"]
    text: str = Field(min_length=1, max_length=MOST_CHARACTERS)
    within: Literal["instruction", "response", "both"] = "both"


Point = Annotated[tuple[Finite, Finite], Field(strict=False)]


class Area(_Strict):
    """Rows that lie inside a polygon on the map."""

    kind: Literal["area"]
    points: tuple[Point, ...] = Field(min_length=3, max_length=500, strict=False)


Filter = Annotated[Labels | Range | Text | Area, Field(discriminator="kind")]


def key_of(asked: Labels | Range | Text | Area) -> str:
    """What a filter is about: there is one of each at a time."""
    return asked.field if isinstance(asked, Labels | Range) else asked.kind


def searched(asked: Text, there: Sequence[str]) -> list[str]:
    """The columns that a text is searched in. there: those that are indexed."""
    wanted = ("instruction", "response") if asked.within == "both" else (asked.within,)
    return [column for column in wanted if column in there]


def condition(
    asked: Labels | Range | Text | Area, known: Mapping[str, fields.Field], texts: Sequence[str]
) -> str | None:
    """A filter as a condition in SQL over the columns of `rows`; None for what no column says: the map, a row's fate.

    Raises `UserError` for a field that there is not.
    """
    if isinstance(asked, Area):
        return None
    if isinstance(asked, Text):
        parts = [f"contains(lower({column}), lower({sql_text(asked.text)}))" for column in searched(asked, texts)]
        return " OR ".join(parts) or "false"
    if asked.field in fields.COMPUTED_FIELDS:
        return None
    field = field_of(asked.field, known)
    if isinstance(asked, Range):
        bounds = [(">=", asked.low), ("<", asked.high)]
        parts = [f"{field.sql} {sign} {_number(bound, field)}" for sign, bound in bounds if bound is not None]
        return " AND ".join(parts) or f"{field.sql} IS NOT NULL"
    return _labels(asked, field)


def _labels(asked: Labels, field: fields.Field) -> str:
    given = [label for label in asked.labels if label is not None]
    unknown = [label for label in given if label not in field.labels]
    if unknown:
        raise UserError(f"{field.title}: no row has the label {unknown[0][:100]!r}")
    parts = []
    if field.kind == "flags":
        parts += [field.sql if label == "true" else f"NOT {field.sql}" for label in given]
    else:
        plain = [label for label in given if not (field.others and label == field.labels[-1])]
        if len(plain) == 1:
            parts.append(f"{field.sql} = {sql_text(plain[0])}")
        elif plain:
            parts.append(f"{field.sql} IN ({', '.join(map(sql_text, plain))})")
        if len(plain) < len(given):
            parts.append(f"{field.sql} NOT IN ({', '.join(map(sql_text, field.labels[:-1]))})")
    if None in asked.labels:
        parts.append(f"{field.sql} IS NULL")
    return " OR ".join(parts)


def field_of(name: str, known: Mapping[str, fields.Field]) -> fields.Field:
    """The field of this name. Raises `UserError`."""
    if name not in known:
        raise UserError(f"no field is called {name[:100]!r}")
    return known[name]


def _number(bound: float, field: fields.Field) -> str:
    return str(int(bound)) if field.whole and bound == int(bound) else repr(bound)
