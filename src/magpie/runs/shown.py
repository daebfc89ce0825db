"""A run as a notebook shows it: its stages with their counts, as a small HTML table."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from magpie.runs.in_force import StageCounts
from magpie.safe.terminal import visible

_MOST_REASONS = 3
"""Reasons for dropped rows that a stage's cell lists."""


def run_html(path: Path, size: int, kept: int, counts: Sequence[StageCounts]) -> str:
    """A table with a line for each stage. Every text in it is escaped: a run's folder may be anybody's."""
    head = "".join(f"<th>{name}</th>" for name in ("stage", "done", "dropped", "failed"))
    lines = "".join(f"<tr>{_cells(stage)}</tr>" for stage in counts)
    caption = f"<b>{_text(path)}</b>: {kept:,} of {size:,} rows kept"
    return f"<div>{caption}<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>"


def _cells(stage: StageCounts) -> str:
    dropped = sum(stage.dropped.values())
    most = sorted(stage.dropped.items(), key=lambda item: -item[1])[:_MOST_REASONS]
    reasons = ", ".join(f"{_text(reason)} {count:,}" for reason, count in most)
    told = f"{dropped:,} ({reasons}{', ...' if len(stage.dropped) > _MOST_REASONS else ''})" if dropped else "0"
    cells = (_text(stage.stage), f"{stage.made:,}", told, f"{stage.failed:,}")
    return "".join(f"<td>{cell}</td>" for cell in cells)


def _text(value: object) -> str:
    return escape(visible(str(value)))
