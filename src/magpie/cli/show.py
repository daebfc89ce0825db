"""`magpie show`: conversations of a run with their judgments, readable, with whatever a model wrote made harmless."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from magpie.cli.text import print_json
from magpie.explore.rows import Found, Search, find_rows, read_rows, twin_rows
from magpie.runs import Run, open_run
from magpie.safe.terminal import brief, one_line, visible

_STYLES = {"system": "dim", "user": "bold cyan", "assistant": "default"}
_BESIDE = 600
"""The most characters of an instruction that is shown beside its duplicate."""
_INDENT = (0, 0, 0, 2)


@dataclass(frozen=True, slots=True)
class Shown:
    """How rows are shown."""

    count: int = 5
    columns: tuple[str, ...] = ()
    """Columns to show beside the conversation; as JSON, only these."""
    as_json: bool = False


def show(path: Path, search: Search, shown: Shown) -> None:
    run = open_run(path)
    found = find_rows(run, search, shown.count)
    if shown.as_json:
        for row in read_rows(run, found.rows, shown.columns):
            print_json(row)
        return
    console = Console(highlight=False)
    rows = read_rows(run, found.rows)
    extra = {row["row"]: row for row in read_rows(run, found.rows, shown.columns)} if shown.columns else {}
    for block in conversations(rows, twins_of(run, rows), [(name, extra) for name in shown.columns]):
        console.print(block)
    for line in _told(search, found, len(rows)):
        console.print(Text(line, style="dim"))


def _told(search: Search, found: Found, shown: int) -> Iterator[str]:
    """What there is beside the rows that are shown."""
    scope = {"kept": "kept ", "dropped": "dropped ", "all": ""}[search.scope]
    asked = bool(search.where)
    if not shown:
        yield f"No {scope}rows match." if asked else f"No {scope}rows yet."
    elif asked:
        yield f"{shown:,} of {found.matching:,} {scope}rows that match."
    if asked and found.elsewhere and search.scope == "kept":
        yield f"{found.elsewhere:,} more rows match that are dropped or not finished: --all shows them too."


def twins_of(run: Run, rows: Sequence[Mapping[str, Any]]) -> dict[int, Mapping[str, Any]]:
    """For rows that repeat another, that other one: `id`, `row` and `instruction`."""
    twins = twin_rows(rows)
    others = {row["row"]: row for row in read_rows(run, sorted(set(twins.values())), ("instruction",))}
    return {row: others[twin] for row, twin in twins.items() if twin in others}


def conversations(
    rows: Sequence[Mapping[str, Any]],
    twins: Mapping[int, Mapping[str, Any]] | None = None,
    columns: Sequence[tuple[str, Mapping[int, Mapping[str, Any]]]] = (),
) -> Iterator[RenderableType]:
    """Each row as a block: a line that names it, its turns, its judgments; a duplicate beside its twin. columns: names
    of further columns, each with the rows that have them."""
    for row in rows:
        twin = (twins or {}).get(row.get("row", -1))
        body = _turns(row) if twin is None or row.get("messages") else [_beside(row, twin)]
        parts = [_head(row), *body, *_pair(row)]
        if twin is not None and row.get("messages"):
            parts.append(_line(f"nearly the same as {one_line(twin['id'])}: {_cut(twin['instruction'])}"))
        if judged := _judged(row):
            parts.append(_line("; ".join(judged)))
        for name, values in columns:
            value = next((v for k, v in values.get(row["row"], {}).items() if k.lower() == name.lower()), None)
            shown = visible(value) if isinstance(value, str) else brief(value, 300, quoted=False)
            parts.append(_line(f"{one_line(name)}: {shown}"))
        yield Group(*parts, Text())


def _head(row: Mapping[str, Any]) -> Text:
    head = Text.assemble((visible(row["id"]), "dim"))
    if row["drop_reason"] is not None:
        head.append(f"  dropped by {row['dropped_by']}: {visible(row['drop_reason'])}", style="yellow")
    elif row.get("error") is not None:
        head.append(f"  failed: {brief(row['error'], 300, quoted=False)}", style="red")
    return head


def _turns(row: Mapping[str, Any]) -> list[RenderableType]:
    turns = row["messages"] or [{"role": "user", "content": row["instruction"] or ""}]
    return [_turn(turn["role"], turn["content"]) for turn in turns]


def _beside(row: Mapping[str, Any], twin: Mapping[str, Any]) -> RenderableType:
    """An instruction and the one that it repeats, side by side."""
    grid = Table.grid(padding=(0, 2), expand=True)
    grid.add_column(ratio=1, overflow="fold")
    grid.add_column(ratio=1, overflow="fold")
    grid.add_row(Text("this one", style="dim"), Text(f"like {one_line(twin['id'])}", style="dim"))
    texts = (Text(_cut(each["instruction"]), style=_STYLES["user"]) for each in (row, twin))
    grid.add_row(*texts)
    return Padding(grid, _INDENT)


def _pair(row: Mapping[str, Any]) -> Iterator[RenderableType]:
    """A preference pair's two responses, each with its reward."""
    for name in ("chosen", "rejected"):
        if row.get(name) is not None:
            reward = row.get(f"{name}_reward")
            yield _turn(name if reward is None else f"{name} ({reward:.3g})", row[name])


def _judged(row: Mapping[str, Any]) -> list[str]:
    """What was judged of a row, such as: quality good; difficulty easy; Math; en; safe; reward 3.09."""
    told = [
        f"{title} {_label(row[name])}".strip()
        for name, title in (
            ("input_quality", "quality"),
            ("difficulty", "difficulty"),
            ("task_category", ""),
            ("language", ""),
        )
        if row.get(name) is not None
    ]
    if row.get("safety") is not None:
        told.append(": ".join([_label(row["safety"]), *filter(None, [_labels(row.get("safety_categories"))])]))
    if pii := _labels(row.get("pii")):
        told.append(f"PII {pii}")
    for name, title in (
        ("instruct_reward", "reward"),
        ("reward_difference", "reward difference"),
        ("min_neighbor_distance", "distance"),
    ):
        if row.get(name) is not None:
            told.append(f"{title} {row[name]:.3g}")
    if row.get("variant") is not None:
        told.append(f"variant {_label(row['variant'])}")
    return told


def _label(value: Any) -> str:
    return brief(str(value), 80, quoted=False)


def _labels(values: Sequence[Any] | None) -> str:
    return ", ".join(map(_label, values or ()))


def _cut(text: str | None) -> str:
    text = text or ""
    rest = f"... ({len(text):,} characters)" if len(text) > _BESIDE else ""
    return visible(text[:_BESIDE]) + rest


def _line(text: str) -> RenderableType:
    return Padding(Text(text, style="dim"), _INDENT, expand=False)


def _turn(role: str, content: str) -> RenderableType:
    text = Text.assemble((f"{one_line(role)}: ", "dim"), (visible(content), _STYLES.get(role, "default")))
    return Padding(text, _INDENT, expand=False)
