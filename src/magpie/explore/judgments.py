"""What a run's rows were judged to be: each judgment's distribution, and how much of every value was kept.

Knows the columns that hold judgments, and not how they are made or shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from magpie.columns import outdated
from magpie.runs import Run
from magpie.stages.judging.labels import DIFFICULTIES, QUALITIES

Kind = Literal["label", "kinds", "flag", "number"]
"""Of a judgment: one of some labels; a list of labels, often empty; yes or no; a number."""

_TYPES: Mapping[Kind, str] = {"label": "string", "kinds": "list<string>", "flag": "bool", "number": "double"}
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
MOST_VALUES = 50
"""Values of one judgment that are counted by name; the most frequent ones."""
_MOST_CHARACTERS = 200
"""Of a value: a label that someone else wrote may be a whole text."""


@dataclass(frozen=True, slots=True)
class JudgedColumn:
    """A column that holds a judgment."""

    name: str
    title: str
    kind: Kind
    order: tuple[str, ...] = ()
    """Its labels, best or hardest first, where they have an order."""
    flagged: str | None = None
    """The label of a flag that is written as a label."""

    @property
    def type(self) -> str:
        """The type of its values, as `magpie.columns` has it."""
        return "string" if self.flagged is not None else _TYPES[self.kind]


COLUMNS = (
    JudgedColumn("input_quality", "quality", "label", tuple(reversed(QUALITIES.names))),
    JudgedColumn("difficulty", "difficulty", "label", tuple(reversed(DIFFICULTIES.names))),
    JudgedColumn("task_category", "category", "label"),
    JudgedColumn("language", "language", "label"),
    JudgedColumn("safety", "unsafe", "flag", flagged="unsafe"),
    JudgedColumn("safety_categories", "kinds of harm", "kinds"),
    JudgedColumn("pii", "PII", "kinds"),
    JudgedColumn("is_repeat", "repeats", "flag"),
    JudgedColumn("instruct_reward", "reward", "number"),
    JudgedColumn("reward_difference", "reward difference", "number"),
)
"""In the order in which they are shown."""


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a judgment, in rows."""

    value: str
    rows: int
    kept: int


@dataclass(frozen=True, slots=True)
class Judgment:
    """One column's distribution over the rows that have it."""

    column: str
    title: str
    kind: Kind
    stage: str
    """The stage that made it."""
    rows: int
    """Rows with a value; of numbers, with a finite one."""
    kept: int
    """Of these, the rows that came through every stage; where one stage is looked at, through that one."""
    values: tuple[Value, ...] = ()
    """Labels in their order, else the most frequent first. Of `kinds` each kind, of a `flag` the rows where it is
    true. Empty for numbers."""
    flagged: int = 0
    """Of `kinds`, the rows with any; of a `flag`, those where it is true."""
    quantiles: tuple[float, ...] = field(default=())
    """Of numbers: at 5%, 25%, 50%, 75% and 95%."""


def judgments(run: Run, stage: str | None = None) -> tuple[Judgment, ...]:
    """What was judged in a run, in the order of `COLUMNS`; judgments that no row has are left out.

    stage: only what this stage made, and whether its rows came through this stage.

    Example: `[(each.title, each.rows) for each in judgments(open_run("runs/mini"))]` is `[("quality", 295), ...]`.
    """
    makers = {column.name: (each.stage, column.type) for each in run.stages for column in each.columns}
    no_more = outdated({name: maker for name, (maker, _) in makers.items()}) if stage is None else []
    looked = [
        column
        for column in _with_instances(makers)
        if column.name in makers
        and column.name not in no_more
        and makers[column.name][1] == column.type
        and stage in (None, makers[column.name][0])
    ]
    if not looked:
        return ()
    found = run.sql(_query(looked, stage, run.size)).to_pylist()
    read = (
        _judgment(column, makers[column.name][0], [f for f in found if f["name"] == column.name]) for column in looked
    )
    return tuple(judgment for judgment in read if judgment.rows)


def _with_instances(makers: Mapping[str, Any]) -> list[JudgedColumn]:
    """The judged columns, each followed by those of second instances of its stage."""
    return [
        each
        for column in COLUMNS
        for each in (
            column,
            *(
                replace(column, name=name, title=f"{column.title} ({name.partition('__')[2]})")
                for name in sorted(makers)
                if name.startswith(f"{column.name}__")
            ),
        )
    ]


def _query(columns: Sequence[JudgedColumn], stage: str | None, size: int) -> str:
    """Lines of name, value (null for the totals), rows, kept rows, flagged rows and quantiles."""
    names = ", ".join(f'"{column.name}"' for column in columns)
    if stage is None:
        rows = f"SELECT {names}, row IN (SELECT row FROM kept) AS is_kept FROM rows"
    else:
        rows = f'SELECT {names}, drop_reason IS NULL AND error IS NULL AS is_kept FROM "{stage}" WHERE row < {size}'
    parts = [part for column in columns for part in _parts(column)]
    return f"WITH judged AS MATERIALIZED ({rows}) {' UNION ALL '.join(parts)}"


def _parts(column: JudgedColumn) -> list[str]:
    """The totals of a column, and its values."""
    name, known = f'"{column.name}"', f'"{column.name}" IS NOT NULL'
    flagged, quantiles = "0", "NULL::DOUBLE[]"
    values = None
    match column.kind:
        case "label":
            values = f"SELECT left({name}, {_MOST_CHARACTERS}) AS value, is_kept FROM judged WHERE {known}"
        case "kinds":
            flagged = f"count(*) FILTER (len({name}) > 0)"
            kinds = f"unnest(list_distinct({name}))"
            values = f"SELECT left({kinds}, {_MOST_CHARACTERS}) AS value, is_kept FROM judged WHERE {known}"
        case "flag":
            holds = name if column.flagged is None else f"{name} = '{column.flagged}'"
            flagged = f"count(*) FILTER ({holds})"
            values = f"SELECT 'true' AS value, is_kept FROM judged WHERE {holds}"
        case "number":
            known = f"isfinite({name})"
            quantiles = f"quantile_cont({name}, {list(QUANTILES)}) FILTER ({known})"
    total = f"count(*) FILTER ({known}) AS rows, count(*) FILTER ({known} AND is_kept) AS kept"
    parts = [
        f"SELECT '{column.name}' AS name, NULL AS value, {total}, {flagged} AS flagged, {quantiles} AS quantiles "
        "FROM judged"
    ]
    if values is not None:
        counted = f"SELECT value, count(*) AS rows, count(*) FILTER (is_kept) AS kept FROM ({values}) GROUP BY value"
        most = f"{counted} ORDER BY rows DESC, value LIMIT {MOST_VALUES}"
        parts.append(f"SELECT '{column.name}', value, rows, kept, 0, NULL FROM ({most})")
    return parts


def _judgment(column: JudgedColumn, stage: str, found: Sequence[Mapping[str, Any]]) -> Judgment:
    total = next(line for line in found if line["value"] is None)
    values = [Value(line["value"], line["rows"], line["kept"]) for line in found if line["value"] is not None]
    place = {label: number for number, label in enumerate(column.order)}
    values.sort(key=lambda value: (place.get(value.value, len(place)), -value.rows, value.value))
    return Judgment(
        column.name, column.title, column.kind, stage, total["rows"], total["kept"], tuple(values), total["flagged"],
        tuple(total["quantiles"] or ()),
    )  # fmt: skip


def plain(found: Sequence[Judgment]) -> list[dict[str, Any]]:
    """As JSON has it: quantiles under their shares."""
    return [
        {
            "column": each.column,
            "stage": each.stage,
            "rows": each.rows,
            "kept": each.kept,
            **({"values": {v.value: {"rows": v.rows, "kept": v.kept} for v in each.values}} if each.values else {}),
            **({"flagged": each.flagged} if each.kind in ("kinds", "flag") else {}),
            **({"quantiles": dict(zip(map(str, QUANTILES), each.quantiles, strict=True))} if each.quantiles else {}),
        }
        for each in found
    ]
