"""The report of an evaluation as one HTML page, in the manner of `magpie report`: win rates, by category, what the
order of the answers does, and examples where the judge changed its mind.

Knows the figures of `measuring` and the rows of a run; computes no metric.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from magpie.install import magpie_version
from magpie.report.page import MOST_BYTES, charts
from magpie.report.page.rendering import CUTS, html_environment, render
from magpie.runs import make_folder, whole_output

EXAMPLES = 12
BINS = 20


def write_report(
    place: Path, found: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], own: str, other: str
) -> None:
    """Write the page, whole or not at all. Raises `StorageError` where the disk refuses.

    found: as `magpie evaluate --json` prints it. rows: of the run. own, other: the names of the two models.
    """
    text = evaluation_page(found, rows, own, other)
    make_folder(place.parent)
    with whole_output(place) as file:
        file.write(text.encode("utf-8", "backslashreplace"))


def evaluation_page(found: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], own: str, other: str) -> str:
    """The whole page, below `MOST_BYTES`: texts are cut, and then examples left out, until it is."""
    examples = changed_minds(rows)
    while True:
        numbers = _numbers(found, rows, examples, own, other)
        for most in CUTS:
            text = render(_template(), numbers, most)
            if len(text.encode("utf-8", "replace")) < MOST_BYTES:
                return text
        if not examples:
            return text
        examples = examples[: len(examples) // 2]


def changed_minds(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Rows whose verdict changed with the order of the answers, those first where it changed most."""
    flipped = [
        row
        for row in rows
        if row.get("judge_preference") is not None
        and (row["judge_preference_first"] - 0.5) * (row["judge_preference_second"] - 0.5) < 0
    ]
    surest = sorted(flipped, key=lambda row: -abs(row["judge_preference_first"] - row["judge_preference_second"]))
    return surest[:EXAMPLES]


def _numbers(
    found: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    examples: Sequence[Mapping[str, Any]],
    own: str,
    other: str,
) -> dict[str, Any]:
    model = found["models"].get(own, {})
    return {
        "magpie": magpie_version(),
        "own": own,
        "other": other,
        "prompts": len(rows),
        "model": model,
        "bt": found.get("bt"),
        "accuracy": found.get("accuracy"),
        "judge_mass": found.get("judge_mass"),
        "unusable": found.get("unusable") or {},
        "notes": found.get("notes", []),
        "cost": (found.get("cost") or {}).get("stages", {}),
        "categories": _categories(model),
        "orders": _orders(rows) if model.get("flips") else None,
        "examples": [_example(row) for row in examples],
    }


def _categories(model: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each category with its rate, and a chart of its interval on one scale; nothing where there is one alone."""
    told = model.get("winrate", {}).get("categories", {})
    if len(told) < 2:
        return []
    return [
        {
            "name": name,
            "rate": one["win_rate"],
            "interval": one["interval"],
            "prompts": one["prompts"],
            "chart": interval_chart(one["win_rate"], one["interval"]),
        }
        for name, one in told.items()
    ]


def interval_chart(value: float, interval: Sequence[float] | None) -> Any:
    """A percentage and its interval on a scale from 0 to 100."""
    ends = {} if interval is None else {"low": interval[0], "high": interval[1]}
    return charts.interval({"value": value, **ends}, 0.0, 100.0)


def _orders(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """For each position of the model's answer, a histogram of the preference for it."""
    told = []
    ticks = [(0.0, "0"), (BINS / 2, "0.5"), (float(BINS), "1")]
    for key, place in (("judge_preference_first", "first"), ("judge_preference_second", "second")):
        values = [row[key] for row in rows if row.get(key) is not None]
        counts = [0.0] * BINS
        for value in values:
            counts[min(BINS - 1, int(value * BINS))] += 1
        about = f"Histogram of the preference for the model's answer where it stands {place}"
        told.append({"place": place, "chart": charts.histogram([0.0] * BINS, counts, ticks, about)})
    return told


def _example(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": row.get("source_id") or row["id"],
        "category": (row.get("meta") or {}).get("category"),
        "instruction": row["instruction"],
        "own": row["response"],
        "other": row["against_response"],
        "first": row["judge_preference_first"],
        "second": row["judge_preference_second"],
    }


@cache
def _template() -> Any:
    return html_environment("evaluate/templates").get_template("evaluation.html.jinja")
