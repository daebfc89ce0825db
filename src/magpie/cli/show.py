"""`magpie show`: conversations of a run, readable, with whatever a model wrote made harmless."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from magpie.cli.text import print_json
from magpie.runs import Run, open_run
from magpie.safe.terminal import one_line, visible

_STYLES = {"system": "dim", "user": "bold cyan", "assistant": "default"}


def show(path: Path, count: int, *, dropped: bool, as_json: bool) -> None:
    rows = sample(open_run(path), count, dropped=dropped)
    if as_json:
        for row in rows:
            print_json(row)
        return
    console = Console(highlight=False)
    if not rows:
        console.print(f"No {'dropped' if dropped else 'kept'} rows yet.")
    for block in conversations(rows):
        console.print(block)


def sample(run: Run, count: int, *, dropped: bool = False) -> list[dict[str, Any]]:
    """Rows spread evenly over the run, the same ones each time: neither the first few nor a random draw."""
    table, where = ("rows", "WHERE drop_reason IS NOT NULL") if dropped else ("kept", "")
    query = (
        f"WITH numbered AS (SELECT *, row_number() OVER (ORDER BY row) - 1 AS place, count(*) OVER () AS total "
        f"FROM {table} {where}) SELECT * EXCLUDE (place, total) FROM numbered "
        f"WHERE total <= {count} OR place % (total // {count}) = 0 ORDER BY row LIMIT {count}"
    )
    return list(run.sql(query).to_pylist())


def conversations(rows: Sequence[Mapping[str, Any]]) -> Iterator[RenderableType]:
    """Each row as a block: a line that names it, then its turns."""
    for row in rows:
        head = Text.assemble((visible(row["id"]), "dim"))
        if row["drop_reason"] is not None:
            head.append(f"  dropped by {row['dropped_by']}: {visible(row['drop_reason'])}", style="yellow")
        turns = row["messages"] or [{"role": "user", "content": row["instruction"] or ""}]
        yield Group(head, *(_turn(turn["role"], turn["content"]) for turn in turns), *_pair(row), Text())


def _pair(row: Mapping[str, Any]) -> Iterator[RenderableType]:
    """A preference pair's two responses, each with its reward."""
    for name in ("chosen", "rejected"):
        if row.get(name) is not None:
            reward = row.get(f"{name}_reward")
            yield _turn(name if reward is None else f"{name} ({reward:.3g})", row[name])


def _turn(role: str, content: str) -> RenderableType:
    text = Text.assemble((f"{one_line(role)}: ", "dim"), (visible(content), _STYLES.get(role, "default")))
    return Padding(text, (0, 0, 0, 2), expand=False)
