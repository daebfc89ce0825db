"""Runs for the explorer, a layout that needs no embeddings, and the explorer on a port of this machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from magpie.explore.web.explorer import Explorer
from magpie.explore.web.index import open_index
from magpie.explore.web.serving import listen, serve
from magpie.runs import Run
from magpie.safe.shell import command_line
from tests.report.made import Rows, made_run

HOSTILE = (
    "<script>window.evil = 1</script>",
    "<img src=x onerror='window.evil = 1'>",
    '"><svg onload=alert(1)>',
    "javascript:alert(1)",
    "{{7*7}} ${7*7} </textarea><iframe src=https://example.com>",
    "\u202etxet desrever\u202c and \x1b[31mred\x1b[0m",
    "zero\u200bwidth",
)
QUALITIES = ("very poor", "poor", "average", "good", "excellent")
CATEGORIES = ("Math", "Coding & Debugging", "Editing", "Planning")


@dataclass(frozen=True)
class Places:
    """A layout as `magpie.layout` gives it: rows on a circle, a topic for each quarter."""

    run: Any
    row: Any
    xy: Any
    cluster: Any
    names: list[str]
    neighbors: Any | None


def places(
    runs: Sequence[Run], rows: Sequence[int], names: Sequence[str] = ("north", "east", "south", "west")
) -> Places:
    """rows: how many of each run lie on the map."""
    of = np.concatenate([np.full(count, number, np.int16) for number, count in enumerate(rows)])
    row = np.concatenate([np.arange(count) for count in rows])
    angle = 2 * np.pi * np.arange(len(row)) / len(row)
    away = 1 + 0.1 * (row % 7)
    xy = np.stack([away * np.cos(angle), away * np.sin(angle)], axis=1).astype(np.float32)
    cluster = (np.arange(len(row)) * len(names) // len(row)).astype(np.int32)
    neighbors = (np.arange(len(row))[:, None] + np.arange(1, 4)) % len(row)
    return Places(of, row, xy, cluster, list(names), neighbors.astype(np.int32))


def judged_run(folder: Path, count: int = 400) -> Run:
    """With every kind of field: labels with and without an order, flags, numbers, nulls, lists, drops, errors."""
    instruct: list[dict[str, Any]] = []
    tag: list[dict[str, Any]] = []
    respond: list[dict[str, Any]] = []
    reward: list[dict[str, Any]] = []
    select: list[dict[str, Any]] = []
    for row in range(count):
        text = f"Task {row}: {'a' * (row % 23)} integral" if row % 5 else f"It's 100% O'Brien's \\ task {row}"
        instruct.append({"instruction": text, "variant": f"v{row % 3}", "completion_tokens": 10 + row % 40,
                         "error": "no answer" if row == 7 else None,
                         "drop_reason": "broken_text" if row % 29 == 3 else None})  # fmt: skip
        tag.append({"input_quality": QUALITIES[row % 5] if row % 11 else None,
                    "difficulty": "hard" if row % 2 else "easy",
                    "task_category": CATEGORIES[row % 4], "is_repeat": row % 6 == 0 if row % 13 else None,
                    "pii": ["email"] if row % 17 == 0 else []})  # fmt: skip
        response = f"Answer {row} " + "word " * (row % 50) if row % 10 else "INTEGRAL of x"
        respond.append({"response": response, "reasoning": "Let me think." if row % 4 == 0 else None,
                        "chosen": f"two plus two is four, row {row}", "rejected": f"two plus two is five, row {row}",
                        "chosen_reward": 1.5, "rejected_reward": -0.25})  # fmt: skip
        value = float("nan") if row == 11 else (row % 100) / 8 - 3
        reward.append({"instruct_reward": value if row % 9 else None, "repeat_count": row % 4})
        select.append({"drop_reason": "not_selected: instruct_reward >= 0" if row % 3 == 1 else None})
    for row, hostile in enumerate(HOSTILE, start=20):
        instruct[row]["instruction"] = hostile
        respond[row]["response"] = hostile
        respond[row]["reasoning"] = hostile
        tag[row]["task_category"] = hostile
        instruct[row].pop("error")
        instruct[row]["error"], instruct[row]["drop_reason"] = None, None
    stages: dict[str, Rows] = {"instruct": instruct, "tag": tag, "respond": respond, "reward": reward, "select": select}
    return made_run(folder, stages)


def explorer_of(runs: Sequence[Run], *, with_map: bool = True) -> Explorer:
    """The explorer over an index that is made in the cache folder of the environment."""
    indexes = [open_index(run) for run in runs]
    layout = places(runs, [len(index.rows) for index in indexes]) if with_map else None
    return Explorer(runs, indexes, layout, "" if with_map else "magpie embed makes embeddings")


def command(*words: object) -> str:
    return command_line(["magpie", *map(str, words)])


@contextmanager
def served(explorer: Explorer) -> Iterator[str]:
    """The explorer on a port of this machine; the address with its token."""
    import uvicorn

    ready = threading.Event()
    found: list[str] = []
    servers: list[uvicorn.Server] = []

    def note(address: str) -> None:
        found.append(address)
        ready.set()

    thread = threading.Thread(target=serve, args=(explorer, listen(0), command, note, servers.append), daemon=True)
    thread.start()
    assert ready.wait(30)
    try:
        yield found[0]
    finally:
        servers[0].should_exit = True
        thread.join(20)
