"""What should catch the eye: a few sentences of facts, drawn from the figures of a report, the gravest first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

MOST = 8
_COLUMNS = {
    "task_category": "category",
    "language": "language",
    "variant": "variant",
    "source": "source",
}
UNEVEN = 0.5
"""A kept share below this fraction of the overall share is listed."""
FEW = 20
"""With fewer rows than this a low share is not listed."""


def findings(numbers: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each has a severity (`warning` or `note`), a subject and its figures; the page puts them into words."""
    found = [*_warnings(numbers), *_notes(numbers)]
    return found[:MOST]


def _warnings(numbers: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    rows = numbers["overview"]
    if rows["failed"]:
        yield {"level": "warning", "kind": "failed", "rows": rows["failed"], "of": rows["rows"]}
    for field, name in _COLUMNS.items():
        for value in numbers.get("labels", {}).get(field, {}).get("values", ()):
            if value.get("none_kept"):
                yield {
                    "level": "warning",
                    "kind": "none_kept",
                    "column": name,
                    "label": value["label"],
                    "rows": value["rows"] - value["pending"],
                    "stage": (value["mostly_dropped_by"] or {}).get("stage"),
                }
    for value in numbers.get("labels", {}).get("safety", {}).get("values", ()):
        if value["label"] == "unsafe" and value["kept"]:
            yield {"level": "warning", "kind": "unsafe_kept", "rows": value["kept"], "of": rows["kept"]}
    distances = numbers.get("variety", {}).get("distances", {})
    if distances.get("repeats_kept"):
        yield {"level": "warning", "kind": "repeats_kept", "rows": distances["repeats_kept"], "of": rows["kept"]}
    for stage, why in numbers.get("stale", {}).items():
        yield {"level": "warning", "kind": "stale", "stage": stage, "why": why}


def _notes(numbers: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    rows = numbers["overview"]
    if rows["pending"] or rows["rows"] < rows["size"]:
        pending = rows["pending"] + rows["size"] - rows["rows"]
        yield {"level": "note", "kind": "unfinished", "rows": pending, "of": rows["size"]}
    decided = rows["rows"] - rows["pending"]
    overall = rows["kept"] / decided if decided else 0.0
    for field, name in _COLUMNS.items():
        for value in numbers.get("labels", {}).get(field, {}).get("values", ()):
            known = value["rows"] - value["pending"]
            share = value["kept_share"]
            if value["label"] is not None and value["kept"] and known >= FEW and share < UNEVEN * overall:
                yield {
                    "level": "note",
                    "kind": "few_kept",
                    "column": name,
                    "label": value["label"],
                    "rows": value["kept"],
                    "of": known,
                    "share": share,
                    "overall": round(overall, 6),
                }
    for stage in numbers.get("funnel", ()):
        if stage["reached"] and stage["dropped"] > stage["reached"] / 2:
            yield {
                "level": "note",
                "kind": "drops_most",
                "stage": stage["stage"],
                "rows": stage["dropped"],
                "of": stage["reached"],
            }
