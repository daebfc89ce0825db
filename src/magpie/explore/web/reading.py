"""One row as the page opens it: its conversation, all its columns, its nearest neighbors, its pair word by word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from magpie.errors import UserError
from magpie.explore.rows import read_rows
from magpie.explore.web.explorer import Explorer
from magpie.plan.registry import column_map
from magpie.stages.text.differences import differences

_SHOWN = frozenset(("id", "row", "messages", "turns", "instruction", "response", "reasoning", "turn_reasoning"))
"""Columns that the conversation already shows."""
_PAIR = ("chosen", "rejected")
MOST_WORDS = 150
"""How many words of each response of a pair are compared."""


def opened(explorer: Explorer, run: int, number: int) -> dict[str, Any]:
    """A row of a run, both by their numbers. Raises `UserError` where there is none.

    opened(explorer, 0, 3)["turns"][0]["content"]
    """
    at = explorer.place(run, number)
    if at is None:
        raise UserError(f"there is no row {number:,} of run {run}: start `magpie explore` again if it was made since")
    brief = explorer.brief(at, values=True)
    found = read_rows(explorer.runs[run], [number])
    if not found:
        raise UserError(f"{brief['id']} is not in the run any more: start `magpie explore` again")
    row = found[0]
    return {
        **brief,
        "run_name": explorer.runs[brief["run"]].name,
        "turns": turns(row),
        "pair": _pair(row),
        "columns": [
            {"name": name, "value": value, "about": _about(name)}
            for name, value in row.items()
            if name not in _SHOWN and name not in _PAIR and value is not None
        ],
        "neighbors": [explorer.brief(each) for each in _neighbors(explorer, at, row)],
        "xy": None if explorer.topics is None else _place(explorer.topics.xy[at]),
    }


def _neighbors(explorer: Explorer, at: int, row: Mapping[str, Any]) -> list[int]:
    """The places of the rows that lie nearest: by the layout, else the one that the stage `neighbors` found."""
    found = [] if explorer.topics is None else explorer.topics.neighbors(at)
    if found or row.get("nearest_row") is None:
        return found
    nearest = explorer.place(int(explorer.rows.run[at]), int(row["nearest_row"]))
    return [] if nearest is None else [nearest]


def turns(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The conversation: role, content and reasoning of each message; the instruction alone if nothing answers."""
    before = [{"role": "system", "content": row["system"], "reasoning": None}] if row.get("system") else []
    earlier = row.get("prior_turns") or ()
    before += [{"role": turn["role"], "content": turn["content"], "reasoning": None} for turn in earlier]
    messages = row.get("messages")
    if not messages:
        return [*before, {"role": "user", "content": row.get("instruction") or "", "reasoning": None}]
    found = [
        {"role": turn["role"], "content": turn["content"], "reasoning": turn.get("reasoning")} for turn in messages
    ]
    if len(found) > 1 and found[1]["reasoning"] is None:
        found[1]["reasoning"] = row.get("reasoning")
    return [*before, *found]


def _pair(row: Mapping[str, Any]) -> dict[str, Any] | None:
    """A preference pair in pieces, with its rewards and models."""
    if any(row.get(name) is None for name in _PAIR):
        return None
    pieces = differences(row["chosen"], row["rejected"], MOST_WORDS)
    return {
        name: {"pieces": own, "reward": row.get(f"{name}_reward"), "model": row.get(f"{name}_model")}
        for name, own in zip(_PAIR, pieces, strict=True)
    }


def _about(column: str) -> str:
    known = column_map().columns.get(column.partition("__")[0])
    return "" if known is None else known.meaning


def _place(xy: Any) -> list[float] | None:
    x, y = float(xy[0]), float(xy[1])
    return [x, y] if x == x else None
