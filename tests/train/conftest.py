"""Runs to train on, imported: conversations of several turns, with pairs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from magpie.imports import import_dataset
from magpie.runs import Run

RunOf = Callable[[Sequence[dict[str, Any]]], Run]
ANSWERS = ("Paris.", "Rome, I think.", "Seven days make a week.", "3 + 4 = 7. So the answer is 7.")


def conversation(number: int) -> dict[str, Any]:
    """Every second has a further turn."""
    more = [{"role": "user", "content": "And then?"}, {"role": "assistant", "content": f"Then {number}."}]
    return {
        "instruction": f"What is number {number}?",
        "response": f"{number}: {ANSWERS[number % 4]}",
        "turns": more * (number % 2),
        "chosen": f"{number}: {ANSWERS[number % 4]}",
        "rejected": f"No idea about {number}.",
    }


def import_rows(folder: Path, rows: Sequence[dict[str, Any]]) -> Run:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "set.jsonl").write_bytes(b"\n".join(map(orjson.dumps, rows)))
    return import_dataset(folder / "set.jsonl", folder / "run")[0]


@pytest.fixture(scope="session")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Forty conversations, each with a pair."""
    return import_rows(tmp_path_factory.mktemp("pairs"), [conversation(number) for number in range(40)])


@pytest.fixture
def run_of(tmp_path: Path) -> RunOf:
    return lambda rows: import_rows(tmp_path / "imported", rows)
