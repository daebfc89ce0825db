"""SQL, YAML and journals of strangers: a right answer or one line that says what is wrong, and soon."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from magpie.columns import Column
from magpie.errors import RecipeError, UserError
from magpie.plan.load import parse
from magpie.plan.plan import make_plan
from magpie.runs import OpenShard, ShardFiles
from magpie.runs.journal import read_lines
from magpie.seams import Completion, Request, SamplingParams, Tokens
from magpie.stages.select.client import check_selection, read_selection
from magpie.stages.select.process import SandboxProcess, sandbox_process
from magpie.stages.select.selection import Asked
from tests.attack.documents import COLUMNS, bent_journal, sql_condition, yaml_recipe

SLICE = 250
"""Documents of each kind; `python -m bench.campaign` tries thousands."""
SECONDS = 2.0
"""Of processor time: the most that one document may take."""
LONGEST = 4000
"""Characters of a message."""


def check_message(error: Exception) -> None:
    message = str(error)
    assert message
    assert len(message) < LONGEST
    assert "Traceback" not in message


def check_recipe(text: str) -> bool:
    """Whether it makes a plan."""
    began = time.process_time()
    try:
        make_plan(parse(text, "theirs.yaml"))
    except UserError as error:
        check_message(error)
        return False
    finally:
        assert time.process_time() - began < SECONDS, text
    return True


MESSAGE = pa.struct({"role": pa.string(), "content": pa.string()})
SCHEMA = pa.schema(
    {
        "row": pa.int64(),
        "instruction": pa.string(),
        "response": pa.string(),
        "instruct_reward": pa.float64(),
        "is_repeat": pa.bool_(),
        "input_quality": pa.string(),
        "pii": pa.list_(pa.string()),
        "messages": pa.list_(MESSAGE),
    }
)


def check_condition(process: SandboxProcess, condition: str) -> bool:
    """Whether it is taken."""
    began = time.monotonic()
    try:
        selection = read_selection(process, Asked("SELECT row FROM rows", also=(condition,)), ["input_quality"])
        check_selection(process, selection, SCHEMA)
    except RecipeError as error:
        check_message(error)
        return False
    finally:
        # The process that reads it has a deadline of its own, of 10 s; nothing may come near it.
        assert time.monotonic() - began < 10 * SECONDS, condition
    return True


def test_a_condition_is_taken_or_refused_in_words() -> None:
    assert set(SCHEMA.names) == set(COLUMNS)
    dice = random.Random(0)
    with sandbox_process() as process:
        taken = sum(check_condition(process, sql_condition(dice)) for _ in range(SLICE))
    assert 0 < taken < SLICE


def test_a_recipe_is_taken_or_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    dice = random.Random(0)
    taken = sum(check_recipe(yaml_recipe(dice)) for _ in range(SLICE))
    assert 0 < taken < SLICE
    assert list(tmp_path.iterdir()) == []


# -- journals ---------------------------------------------------------------------------------------------------------

ROWS = 6
TEXT_COLUMN = (Column("instruction", "string", "a text"),)


def open_shard(folder: Path) -> OpenShard:
    return OpenShard(ShardFiles(folder, 0), TEXT_COLUMN, {row: {} for row in range(ROWS)}, (), "")


def journal(folder: Path) -> Path:
    """One with finished rows, noted completions, an error and a death of an engine."""
    shard = open_shard(folder)
    for row in range(4):
        shard.record(made(row, None if row else "it failed"))
    request = Request(Tokens((1, 2)), SamplingParams(), seed=1)
    shard.note(4, 0, request, Completion("said", (1, 2, 3), "stop", 2, 4))
    shard.note_death(5)
    shard.flush()
    shard.journal.close()
    return shard.files.journal


def made(row: int, error: str | None) -> dict[str, Any]:
    counts = {"attempts": 1, "prompt_tokens": 3, "completion_tokens": 5, "wasted_tokens": 0, "input_digest": 0}
    return {"row": row, "instruction": None if error else f"text {row}", "drop_reason": None, "error": error, **counts}


def check_journal(folder: Path, data: bytes) -> None:
    """What is read is what was written, or it is not read."""
    files = ShardFiles(folder, 0)
    files.journal.write_bytes(data)
    began = time.process_time()
    try:
        shard = open_shard(folder)
        shard.check_span(range(ROWS))
        shard.seal()
    except UserError as error:
        check_message(error)
        return
    finally:
        assert time.process_time() - began < SECONDS, data[:500]
    sealed = files.sealed()
    for row in [] if sealed is None else sealed.to_pylist():
        assert row["row"] in range(ROWS)
        assert row["instruction"] in (None, f"text {row['row']}"), "a value that nobody wrote"


@pytest.fixture
def lines(tmp_path: Path) -> list[bytes]:
    folder = tmp_path / "whole"
    folder.mkdir()
    path = journal(folder)
    assert len(list(read_lines(path))) == ROWS
    return path.read_bytes().splitlines()


def test_a_damaged_journal_is_read_or_refused_in_words(tmp_path: Path, lines: list[bytes]) -> None:
    dice = random.Random(0)
    for number in range(SLICE):
        folder = tmp_path / str(number)
        folder.mkdir()
        check_journal(folder, bent_journal(lines, dice))
