"""`magpie status`, and the summary that ends `magpie run`: what a run has, what was dropped and why, what it took."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from magpie.cli.text import print_json
from magpie.runs import Run, StageCounts, open_run


def status(path: Path, *, as_json: bool) -> None:
    run = open_run(path)
    if as_json:
        print_json(summary(run), indent=True)
        return
    print_summary(Console(highlight=False), run)


def summary(run: Run) -> dict[str, Any]:
    """Counts over the run's files, and the time of its sessions, for a script."""
    return {
        "name": run.name,
        "path": str(run.path),
        "size": run.size,
        "kept": run.kept(),
        "seconds": round(sum(session["seconds"] for session in run.info["sessions"]), 3),
        "stages": [asdict(stage) | {"wanted": wanted} for stage, wanted in _with_wanted(run)],
    }


def print_summary(console: Console, run: Run) -> None:
    counted = _with_wanted(run)
    console.print(_stages_table(counted))
    for stage, _ in counted:
        for reason, count in sorted(stage.dropped.items(), key=lambda item: -item[1]):
            console.print(f"  {stage.stage} dropped {count:,}: {reason}")
        if stage.failed:
            console.print(f"  {stage.stage} failed {stage.failed:,}; `magpie run --out {run.path}` tries them again")
    seconds = sum(session["seconds"] for session in run.info["sessions"])
    console.print(f"Kept {run.kept():,} of {run.size:,} rows in {seconds:.1f} s of work.")


def _with_wanted(run: Run) -> list[tuple[StageCounts, int]]:
    """Each stage's counts, and how many rows it is to make as far as is known: those that the stages before kept."""
    wanted, result = run.size, []
    for stage in run.counts():
        result.append((stage, wanted))
        wanted = stage.made - sum(stage.dropped.values())
    return result


def _stages_table(counted: list[tuple[StageCounts, int]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("stage")
    for name in ("to make", "made", "dropped", "failed", "prompt tokens", "written tokens", "wasted"):
        table.add_column(name, justify="right")
    for stage, wanted in counted:
        figures = (wanted, stage.made, sum(stage.dropped.values()), stage.failed)
        tokens = (stage.prompt_tokens, stage.completion_tokens, stage.wasted_tokens)
        table.add_row(stage.stage, *(f"{figure:,}" for figure in (*figures, *tokens)))
    return table
