"""A command that is broken off, in whatever way and however often, leaves what it would have left.

A slice of `python -m bench.crash`.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

import magpie
from tests.crash.breaking import (
    BREAKS,
    DISKS,
    Outcome,
    Undisturbed,
    break_and_finish,
    kill,
    kill_at_instants,
    kill_at_lines,
)
from tests.crash.operations import OPERATIONS, copied

pytestmark = pytest.mark.crash


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """A run of row stages."""
    return Undisturbed.of(OPERATIONS["row stages"], tmp_path_factory.mktemp("rows"))


def check(outcome: Outcome, struck: int = 0) -> None:
    assert outcome.faults == []
    assert outcome.struck >= struck
    assert outcome.repeated


def test_completions_of_rows_under_way_are_in_the_journals_of_a_killed_run(rows: Undisturbed, tmp_path: Path) -> None:
    for number, part in enumerate((0.05, 0.1, 0.15, 0.2, 0.3, 0.4)):
        place = copied(rows.prepared, tmp_path / str(number))
        if kill(rows, place, part, after_first=True) and said(place):
            return
    raise AssertionError("no kill came while a row was under way")


def said(folder: Path) -> int:
    return sum(path.read_bytes().count(b'"said"') for path in folder.glob("run/*-*/*.part"))


def test_a_run_killed_at_any_moment_becomes_the_run_that_it_would_have_been(tmp_path: Path) -> None:
    undisturbed = Undisturbed.of(OPERATIONS["rows that fail"], tmp_path / "rows")
    check(kill_at_instants(undisturbed, tmp_path, 8, random.Random(1)), 8)
    ids = magpie.open_run(undisturbed.whole / "run").table().column("id").to_pylist()
    assert ids == [f"crashed-{row:08d}" for row in range(200)]


def test_a_run_killed_at_any_line_that_writes_becomes_the_run_that_it_would_have_been(
    rows: Undisturbed, tmp_path: Path
) -> None:
    check(kill_at_lines(rows, tmp_path, 8, random.Random(2)), 8)


@pytest.mark.parametrize("way", [*BREAKS, *DISKS])
def test_a_run_that_a_system_stands_in_the_way_of_says_so_and_becomes_what_it_would_have_been(
    way: str, rows: Undisturbed, tmp_path: Path
) -> None:
    try:
        check(break_and_finish(way, rows, tmp_path, 1, random.Random(f"3 {way}")))
    except PermissionError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("name", ["corpus stages", "import", "export to a folder", "evaluate", "edited recipe"])
def test_any_command_that_is_killed_leaves_when_repeated_what_it_would_have_left(name: str, tmp_path: Path) -> None:
    undisturbed = Undisturbed.of(OPERATIONS[name], tmp_path / "command")
    check(kill_at_instants(undisturbed, tmp_path, 2, random.Random(f"4 {name}")), 2)
