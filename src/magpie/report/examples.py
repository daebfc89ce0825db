"""Rows to read: kept ones, dropped ones by their reason, the longest, the nearest pairs, unsafe ones, preference pairs.

The only texts of a report beside its most repeated ones. Which rows are shown follows from their numbers, so that a
report of the same run shows the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from magpie.report.narrow import Narrow
from magpie.report.variety import sampled_rows

MOST_CHARACTERS = 1500
"""Of a text that is shown."""
MOST_TURNS = 6
MOST_REASONS = 8
"""Reasons that an example is shown of."""
SHOWN = (
    "id",
    "messages",
    "instruction",
    "task_category",
    "input_quality",
    "difficulty",
    "language",
    "variant",
    "safety",
    "safety_categories",
    "instruct_reward",
    "drop_reason",
    "dropped_by",
    "chosen",
    "rejected",
    "chosen_reward",
    "rejected_reward",
    "error",
)


def examples(narrow: Narrow, count: int) -> dict[str, Any]:
    """`count` of each kind; of reasons, one each of the commonest. Kinds that there are none of are left out."""
    chosen: dict[str, list[int]] = {}
    chosen["kept"] = narrow.sample(count, "state = 'kept'")
    chosen["dropped"] = _by_reason(narrow) if count else []
    longest = "response_chars" if "response_chars" in narrow.fields else "instruction_chars"
    if longest in narrow.fields:
        top = narrow.ask(
            f"SELECT row FROM narrow WHERE {longest} > 0 AND state = 'kept' ORDER BY {longest} DESC, row LIMIT ?",
            [min(count, 2)],
        )
        chosen["longest"] = [row for (row,) in top]
    if "safety" in narrow.fields:
        chosen["unsafe"] = narrow.sample(count, "lower(safety) = 'unsafe'")
    chosen["pairs"] = narrow.sample(min(count, 3), "chosen_reward IS NOT NULL") if _has_pairs(narrow) else []
    near = _nearest(narrow, count)
    rows = sorted(
        {row for kind in chosen.values() for row in kind} | {row for one, other, _ in near for row in (one, other)}
    )
    read = narrow.read(rows, SHOWN)
    found: dict[str, Any] = {
        kind: [example(read[row]) for row in numbers if row in read] for kind, numbers in chosen.items() if numbers
    }
    pairs = [
        {"distance": distance, "rows": [example(read[one]), example(read[other])]}
        for one, other, distance in near
        if one in read and other in read
    ]
    return found | ({"nearest": pairs} if pairs else {})


def _has_pairs(narrow: Narrow) -> bool:
    return "chosen_reward" in narrow.fields and {"chosen", "rejected"} <= narrow.columns


def _by_reason(narrow: Narrow) -> list[int]:
    """The row of each common reason that a sample would take first."""
    found = narrow.ask(
        "SELECT arg_min(row, mix(row)) FROM narrow WHERE state = 'dropped' GROUP BY dropped_by, drop_reason "
        f"ORDER BY count(*) DESC, dropped_by, drop_reason LIMIT {MOST_REASONS}"
    )
    return [row for (row,) in found]


def _nearest(narrow: Narrow, count: int) -> list[tuple[int, int, float]]:
    """Pairs of rows that lie nearest to each other: as `neighbors` has them, else of a sample with vectors."""
    if {"nearest_row", "min_neighbor_distance"} <= narrow.fields:
        return narrow.ask(
            "SELECT least(a.row, a.nearest_row), greatest(a.row, a.nearest_row), min(a.min_neighbor_distance) "
            "FROM narrow a JOIN narrow b ON b.row = a.nearest_row WHERE a.nearest_row <> a.row AND isfinite("
            "a.min_neighbor_distance) GROUP BY 1, 2 ORDER BY 3, 1, 2 LIMIT ?",
            [min(count, 3)],
        )
    if "embedding" not in narrow.columns or find_spec("numpy") is None:
        return []
    from magpie.report.vectors import as_plain, nearest_pairs

    rows, vectors = narrow.vectors(sampled_rows(narrow)[1])
    return [
        (rows[one], rows[other], as_plain(distance)) for one, other, distance in nearest_pairs(vectors, min(count, 3))
    ]


def example(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as it is shown: its turns, cut where they are long, and what was judged of it."""
    turns = row["messages"] or [{"role": "user", "content": row["instruction"] or ""}]
    shown = [{"role": turn["role"], **_cut(turn["content"])} for turn in turns[:MOST_TURNS]]
    told: dict[str, Any] = {"id": row["id"], "turns": shown}
    if len(turns) > MOST_TURNS:
        told["further_turns"] = len(turns) - MOST_TURNS
    judged = ("task_category", "input_quality", "difficulty", "language", "variant", "safety", "instruct_reward")
    told |= {name: row[name] for name in judged if row[name] is not None}
    told |= {name: row[name] for name in ("drop_reason", "dropped_by", "error") if row[name] is not None}
    if row["safety_categories"]:
        told["safety_categories"] = row["safety_categories"][:8]
    if row["chosen"] is not None and row["rejected"] is not None:
        told["pair"] = {
            "chosen": _cut(row["chosen"]),
            "rejected": _cut(row["rejected"]),
            "chosen_reward": row["chosen_reward"],
            "rejected_reward": row["rejected_reward"],
        }
    return told


def _cut(text: str | None) -> dict[str, Any]:
    whole = text or ""
    left_out = len(whole) - MOST_CHARACTERS
    return {"text": whole[:MOST_CHARACTERS], **({"left_out": left_out} if left_out > 0 else {})}


__all__: Sequence[str] = ["example", "examples"]
