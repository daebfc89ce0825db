"""What each stage took, of all rows and for a kept one, and how fast tokens came over time."""

from __future__ import annotations

from typing import Any

from magpie.executors.forecast import Paid
from magpie.executors.limits import Prices
from magpie.runs import Cost, Run, StageCounts
from magpie.runs.timeline import read_timeline

MOST_POINTS = 240
"""Points of the curve of a report."""


def costs(cost: Cost, counts: list[StageCounts], prices: Prices) -> list[dict[str, Any]]:
    """Each stage's tokens and seconds, and the same for a kept row."""
    by_name = {one.stage: one for one in counts}
    found = []
    for stage in cost.stages:
        one = by_name[stage.stage]
        told: dict[str, Any] = {
            "stage": stage.stage,
            "made": one.made,
            "prompt_tokens": stage.prompt_tokens,
            "completion_tokens": stage.completion_tokens,
            "wasted_tokens": one.wasted_tokens,
            "seconds": round(stage.seconds, 3),
        }
        if stage.seconds and stage.completion_tokens:
            told["completion_tokens_per_second"] = round(stage.completion_tokens / stage.seconds, 2)
            told["prompt_tokens_per_second"] = round(stage.prompt_tokens / stage.seconds, 2)
        if cost.kept:
            told["per_kept_row"] = {
                "prompt_tokens": round(stage.prompt_tokens / cost.kept, 3),
                "completion_tokens": round(stage.completion_tokens / cost.kept, 3),
                "seconds": round(stage.seconds / cost.kept, 6),
            }
        if prices.known:
            paid = Paid(stage.prompt_tokens, stage.completion_tokens)
            told["cost"] = round(prices.of(paid, stage.seconds), 6)
        found.append(told)
    return found


def timeline(run: Run) -> list[dict[str, Any]]:
    """Completion and prompt tokens per second over the seconds of work, sessions laid end to end; empty where the run
    has no timeline, as one of an earlier magpie."""
    points = read_timeline(run.path)
    found: list[dict[str, Any]] = []
    for session in sorted({point["session"] for point in points}):
        offset = found[-1]["to"] if found else 0.0
        for point in (point for point in points if point["session"] == session):
            seconds = max(point["to"] - point["from"], 1e-3)
            found.append(
                {
                    "session": session,
                    "stage": point["stage"],
                    "from": round(offset + point["from"], 3),
                    "to": round(offset + point["to"], 3),
                    "completion_tokens_per_second": round(point["completion_tokens"] / seconds, 2),
                    "prompt_tokens_per_second": round(point["prompt_tokens"] / seconds, 2),
                    "rows": point["rows"],
                }
            )
    return found
