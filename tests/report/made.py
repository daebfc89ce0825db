"""Runs for reports, written as stages would have written them: no engine, and any column, drop and error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from magpie.columns import Column
from magpie.imports import import_dataset
from magpie.plan.registry import column_map
from magpie.runs import Run, RunFolder, arrow_schema, open_run, write_sealed

Rows = Sequence[Mapping[str, Any]]
"""A stage's rows: its columns, and `drop_reason`, `error`, tokens. `row` is the place in the list unless given."""


def made_run(
    folder: Path,
    stages: Mapping[str, Rows],
    *,
    size: int | None = None,
    recipe: str = "about: A set\n",
    reports: Mapping[str, Any] | None = None,
) -> Run:
    """A run of these stages, each with the rows that are given for it."""
    run = RunFolder(folder)
    entries = []
    for position, (name, rows) in enumerate(stages.items(), start=1):
        columns = [
            column_of(key) for key in dict.fromkeys(key for row in rows for key in row) if key not in _BOOKKEEPING
        ]
        stage = run.stage(position, name, f"{position:08x}", columns)
        stage.make()
        if rows:
            write_sealed(stage.shard(0), pa.Table.from_pylist(_filled(rows), schema=arrow_schema(columns)), "")
        entries.append(
            {
                "stage": name,
                "folder": stage.path.name,
                "columns": [asdict(c) for c in columns],
                "reads": [],
                "kind": "row",
            }
        )
    run.write_recipe(recipe)
    took = {
        name: {"seconds": 2.0, "made": len(rows), "report": (reports or {}).get(name, {})}
        for name, rows in stages.items()
    }
    session = {"started": "2026-01-02T03:04:05+00:00", "seconds": 5.0, "ended": "done", "error": None, "stages": took}
    most = size if size is not None else max(len(rows) for rows in stages.values())
    head = {"name": folder.name, "size": most, "shard_rows": 4096, "seed": 0, "model": None}
    run.write_index({**head, "stages": entries, "sessions": [session]})
    return open_run(folder)


_BOOKKEEPING = {"row", "drop_reason", "error", "attempts", "prompt_tokens", "completion_tokens", "wasted_tokens"}


def column_of(name: str) -> Column:
    """A column of the registry, or one of a second judge."""
    known = column_map().columns[name.partition("__")[0].removeprefix("original_")]
    return Column(name, known.type, known.meaning, known.unit)


def _filled(rows: Rows) -> list[dict[str, Any]]:
    tokens = {"attempts": 0, "prompt_tokens": 0, "completion_tokens": 0, "wasted_tokens": 0, "input_digest": 0}
    return [{"row": place, **tokens, **row} for place, row in enumerate(rows)]


def imported(folder: Path, documents: Sequence[Mapping[str, Any]], name: str = "set") -> Run:
    """A run of `magpie import`, of these documents."""
    path = folder / f"{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(orjson.dumps(document) + b"\n" for document in documents))
    return import_dataset(path, folder / "runs" / name)[0]


CATEGORIES = ("Math", "Brainstorming", "Editing")


def curated(folder: Path, rows: int = 81) -> Run:
    """A run whose shortlist keeps no Brainstorming at all: 27 of its rows."""
    instruct, tag, shortlist = [], [], []
    for row in range(rows):
        category = CATEGORIES[row % 3]
        dropped = category == "Brainstorming"
        instruct.append({"instruction": f"Please do task number {row % 70}.", "variant": "hot" if row % 2 else "cold",
                         "prompt_tokens": 3, "completion_tokens": 10})  # fmt: skip
        tag.append({"task_category": category, "input_quality": ("good", "poor")[row % 2], "difficulty": "medium",
                    "prompt_tokens": 90, "completion_tokens": 1})  # fmt: skip
        shortlist.append({"drop_reason": "not_shortlisted: task_category <> 'Brainstorming'" if dropped else None})
    respond = [
        {"row": row, "response": f"Answer {'long ' * row}", "completion_tokens": row + 1}
        for row in range(rows)
        if row % 3 != 1
    ]
    steps = [{"step": "task_category <> 'Brainstorming'", "alone": 27, "in_turn": 27, "only": 27}]
    reports = {"shortlist": {"rows": rows, "kept": rows - 27, "steps": steps, "null": {}}}
    stages: dict[str, Rows] = {"instruct": instruct, "tag": tag, "shortlist": shortlist, "respond": respond}
    return made_run(folder, stages, reports=reports)
