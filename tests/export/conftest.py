"""Runs to export: one that magpie made, and one with every column that exports show, imported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

import magpie
from magpie.imports import import_dataset
from magpie.runs import Run

ROWS = 40


def document(number: int) -> dict[str, Any]:
    """A conversation of two rounds, with a pair, a thought, a vector, and a system prompt in every second row."""
    return {
        "instruction": f"Question {number}?",
        "response": f"Answer {number}.",
        "reasoning": f"Thought {number}.",
        "system": "Be brief." if number % 2 else None,
        "turns": [{"role": "user", "content": "And then?"}, {"role": "assistant", "content": f"Then {number}."}],
        "chosen": f"Good {number}.",
        "rejected": f"Bad {number}.",
        "chosen_reward": 1.0,
        "rejected_reward": 0.25,
        "embedding": [0.5, 0.25],
        "language": "en",
    }


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("runs") / "air"
    return magpie.run(size=300, out=out, settings=("engine=scripted", "shard_rows=100"))


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("full")
    path: Path = folder / "set.jsonl"
    path.write_bytes(b"\n".join(orjson.dumps(document(number)) for number in range(ROWS)))
    run, _ = import_dataset(path, folder / "full")
    return run
