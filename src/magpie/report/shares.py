"""What kinds of rows there are, and which of them were kept: labels with their kept shares, quality by difficulty."""

from __future__ import annotations

from typing import Any

from magpie.report.narrow import LABELS, Narrow, counted
from magpie.stages.judging.labels import DIFFICULTIES, QUALITIES

MOST_LABELS = 24
"""Labels that are told of one column; the others are added up."""
CHANCE = 0.05
"""Below it, that no row of a label was kept is more than chance."""

ORDERED = {"input_quality": QUALITIES.names, "difficulty": DIFFICULTIES.names}
"""Labels with an order, from less to more."""
NOMINAL = ("task_category", "language", "variant", "source")
"""Labels none of which is better than another: that one of them is lost is no one's aim."""


def labels(narrow: Narrow) -> dict[str, Any]:
    """Of each column of labels that the run has: every label with all rows, kept rows and its kept share."""
    found = {}
    for field in (*LABELS, *ORDERED):
        if field not in narrow.fields:
            continue
        values = counted(narrow, field)
        if field in ORDERED:
            order = {name: place for place, name in enumerate(reversed(ORDERED[field]))}
            values.sort(key=lambda value: order.get(value["label"], len(order)))
        if any(value["label"] is not None for value in values):
            found[field] = {"values": shares(values, narrow, field)}
    return found


def shares(values: list[Any], narrow: Narrow, field: str) -> list[dict[str, Any]]:
    """With kept shares of the rows whose fate is known; labels of which none was kept carry `none_kept` where that is
    more than chance, and the stage that dropped most of them."""
    decided = sum(value["rows"] - value["pending"] for value in values)
    kept = sum(value["kept"] for value in values)
    overall = kept / decided if decided else 0.0
    told = []
    for value in values[:MOST_LABELS]:
        known = value["rows"] - value["pending"]
        one = dict(value)
        one["kept_share"] = round(value["kept"] / known, 6) if known else None
        if (
            field in NOMINAL
            and value["label"] is not None
            and known
            and not value["kept"]
            and kept
            and (1 - overall) ** known < CHANCE
        ):
            one["none_kept"] = True
            one["mostly_dropped_by"] = _dropper(narrow, field, value["label"])
        told.append(one)
    if others := values[MOST_LABELS:]:
        sums = {name: sum(value[name] for value in others) for name in ("rows", "kept", "pending")}
        known = sums["rows"] - sums["pending"]
        rest = {"label": None, "kinds": len(others), **sums}
        told.append({**rest, "kept_share": round(sums["kept"] / known, 6) if known else None})
    return told


def _dropper(narrow: Narrow, field: str, label: str | None) -> dict[str, Any] | None:
    """The stage that dropped most rows of a label, and how many."""
    found = narrow.ask(
        f"SELECT dropped_by, count(*) FROM narrow WHERE state = 'dropped' AND \"{field}\" IS NOT DISTINCT FROM ? "
        "GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1",
        [label],
    )
    return {"stage": found[0][0], "rows": found[0][1]} if found else None


def grid(narrow: Narrow) -> dict[str, Any] | None:
    """Rows of each quality and each difficulty, empty cells too: the best and the hardest last."""
    if not {"input_quality", "difficulty"} <= narrow.fields:
        return None
    counts = {
        (quality, difficulty): (rows, kept)
        for quality, difficulty, rows, kept in narrow.ask(
            "SELECT input_quality, difficulty, count(*), count(*) FILTER (state = 'kept') FROM narrow "
            "WHERE input_quality IS NOT NULL AND difficulty IS NOT NULL GROUP BY 1, 2"
        )
    }
    cells = [
        {"quality": quality, "difficulty": difficulty, "rows": rows, "kept": kept}
        for quality in QUALITIES.names
        for difficulty in DIFFICULTIES.names
        for rows, kept in [counts.get((quality, difficulty), (0, 0))]
    ]
    if not any(cell["rows"] for cell in cells):
        return None
    inside = sum(cell["rows"] for cell in cells)
    return {"cells": cells, "other_labels": sum(rows for rows, _ in counts.values()) - inside}
