"""A run on several engines side by side is the run on one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from magpie.executors.local import execute
from magpie.plan.load import parse
from magpie.runs import open_run


def made(out: Path, engine: str, size: int = 60) -> tuple[list[dict[str, Any]], list[str]]:
    """The rows, and the folders of the stages, whose names hold their fingerprints."""
    execute(parse(f"{{name: run, size: {size}, engine: {engine}}}", "test"), out)
    table = open_run(out).table()
    rows = table.select(["row", "instruction", "response", "error"]).to_pylist()
    return rows, sorted(path.name for path in out.glob("[0-9]-*"))


def test_replicas_are_in_no_fingerprint_and_change_no_row(tmp_path: Path) -> None:
    one = made(tmp_path / "one", "scripted")
    several = made(tmp_path / "several", "{name: scripted, replicas: 2, window: 4, steps: 3}")
    assert several == one
    larger, folders = made(tmp_path / "one", "{name: scripted, replicas: 2}", size=80)
    assert folders == one[1]
    assert larger[:60] == one[0]
