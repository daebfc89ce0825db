"""One bit of one file of a run is flipped, and what is then read is held against what was written."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from magpie import open_run
from magpie.errors import UserError
from magpie.executors.local import execute_plan
from magpie.plan.load import parse
from magpie.plan.plan import make_plan
from magpie.runs import RunFolder
from magpie.runs.verify import verify

RECIPE = """
name: flipped
size: 40
shard_rows: 16
engine: scripted
screen: {}
respond: {}
"""
NEVER_READ = {"lock", "recipe.yaml.lock"}


@dataclass(frozen=True)
class Whole:
    """A run before anything happened to it."""

    folder: Path
    rows: dict[str, dict[str, Any]]
    """By id."""
    files: tuple[Path, ...]


def make_run(folder: Path) -> Whole:
    """A finished run, and beside it a journal that was left open."""
    execute_plan(make_plan(parse(RECIPE, "flips")), RunFolder(folder))
    files = tuple(sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in NEVER_READ))
    return Whole(folder, rows_of(folder), files)


def rows_of(folder: Path) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in open_run(folder).rows(kept=False)}


def flip(whole: Whole, dice: random.Random) -> str:
    """`refused`, `told` (by `magpie verify`) or `harmless`; raises AssertionError where another value is read. The file
    is put back."""
    file = dice.choice([path for path in whole.files if path.stat().st_size])
    before = file.read_bytes()
    bit = dice.randrange(8 * len(before))
    damaged = bytearray(before)
    damaged[bit // 8] ^= 1 << bit % 8
    try:
        file.write_bytes(damaged)
        return _outcome(whole, f"{file.relative_to(whole.folder)}, bit {bit}")
    finally:
        file.write_bytes(before)


def _outcome(whole: Whole, where: str) -> str:
    try:
        read = rows_of(whole.folder)
    except UserError as error:
        _check_said(error)
        return "refused"
    changed = sorted(name for name, row in read.items() if whole.rows.get(name) != row)
    assert not changed, f"{where}: rows {changed} were read as other values"
    missing = len(whole.rows) - len(read)
    told = any(checked.state == "damaged" for checked in verify(RunFolder(whole.folder)))
    assert told or not missing, f"{where}: {missing} rows are gone, and `magpie verify` says nothing"
    return "told" if told else "harmless"


def _check_said(error: UserError) -> None:
    assert str(error), "a refusal without a word"
