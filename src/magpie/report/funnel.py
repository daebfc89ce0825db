"""How many rows came through, stage by stage: what was lost, why, and what each clause of a selection costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from magpie.executors.forecast import Paid
from magpie.executors.limits import Prices
from magpie.report.narrow import Narrow
from magpie.runs import Cost, Run, StageCounts

MOST_REASONS = 40
"""Reasons that are told of a stage; the others are added up."""


def overview(narrow: Narrow, cost: Cost, prices: Prices) -> dict[str, Any]:
    """Rows by their state, and what a kept row took."""
    states = dict(narrow.ask("SELECT state, count(*) FROM narrow GROUP BY 1 ORDER BY 1"))
    kept = states.get("kept", 0)
    prompt = sum(stage.prompt_tokens for stage in cost.stages)
    completion = sum(stage.completion_tokens for stage in cost.stages)
    seconds = sum(stage.seconds for stage in cost.stages)
    found: dict[str, Any] = {
        "size": narrow.run.size,
        "rows": narrow.rows,
        **{state: states.get(state, 0) for state in ("kept", "dropped", "failed", "pending")},
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "seconds": round(seconds, 3),
    }
    money = prices.of(Paid(prompt, completion), seconds) if prices.known else None
    if money is not None:
        found["cost"] = round(money, 6)
    if kept:
        found["per_kept_row"] = {
            "prompt_tokens": round(prompt / kept, 3),
            "completion_tokens": round(completion / kept, 3),
            "seconds": round(seconds / kept, 6),
        }
        if money is not None:
            found["per_kept_row"]["cost"] = round(money / kept, 9)
    return found


def funnel(narrow: Narrow, counts: list[StageCounts]) -> list[dict[str, Any]]:
    """Each stage: the rows that reached it, those that it dropped by reason, those that failed or are yet to be made.

    A row counts where it first stopped, as `dropped_by` has it: the rows that reach a stage are those that reached the
    one before, less those that it stopped.
    """
    dropped: dict[str, list[tuple[str, int]]] = {}
    query = (
        "SELECT dropped_by, drop_reason, count(*) FROM narrow WHERE state = 'dropped' "
        "GROUP BY ALL ORDER BY 3 DESC, 1, 2"
    )
    for stage, reason, rows in narrow.ask(query):
        dropped.setdefault(stage, []).append((reason, rows))
    found, reaching = [], narrow.rows
    for one in counts:
        reasons = dropped.get(one.stage, [])
        lost = sum(rows for _, rows in reasons)
        shown = [{"reason": reason, "rows": rows} for reason, rows in reasons[:MOST_REASONS]]
        if others := reasons[MOST_REASONS:]:
            shown.append({"reason": None, "rows": sum(rows for _, rows in others), "kinds": len(others)})
        pending = max(0, reaching - one.made - one.failed)
        found.append(
            {
                "stage": one.stage,
                "reached": reaching,
                "made": one.made,
                "failed": one.failed,
                "pending": pending,
                "dropped": lost,
                "kept": max(0, one.made - lost),
                "reasons": shown,
                "error": one.commonest_error,
            }
        )
        reaching = max(0, one.made - lost)
    return found


def selections(run: Run) -> list[dict[str, Any]]:
    """What the steps of each selection cost, as the stage reported it when it last ran: the rows that a step drops
    alone, in its turn, and that no other clause drops."""
    found = []
    for stage in run.stages:
        report = _last_report(run, stage.stage)
        steps = [step for step in map(_step, report.get("steps") or ()) if step is not None]
        if steps and isinstance(report.get("rows"), int) and isinstance(report.get("kept"), int):
            null = report.get("null")
            nulls = {str(k): v for k, v in null.items() if isinstance(v, int)} if isinstance(null, dict) else {}
            whole = {"stage": stage.stage, "rows": report["rows"], "kept": report["kept"]}
            found.append({**whole, "steps": steps, "null": nulls})
    return found


def last_report(run: Run, stage: str) -> Mapping[str, Any]:
    """What a stage over the whole run said of how it went, when it last did; empty where nothing is known."""
    return _last_report(run, stage)


def _last_report(run: Run, stage: str) -> dict[str, Any]:
    for session in reversed(run.info["sessions"]):
        report = session["stages"].get(stage, {}).get("report")
        if report:
            return dict(report)
    return {}


def _step(plain: Any) -> dict[str, Any] | None:
    """A step as `magpie.stages.select.costs` writes it; None for what is none, since anybody may write `run.json`."""
    if not isinstance(plain, dict) or not isinstance(plain.get("step"), str):
        return None
    figures = {name: plain.get(name) for name in ("alone", "in_turn", "only")}
    if not all(value is None or type(value) is int for value in figures.values()):
        return None
    return {"step": plain["step"], **figures}
