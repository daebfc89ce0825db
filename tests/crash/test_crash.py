"""A run that is killed at any instant, again and again, becomes the run that it would have been."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import magpie
from tests.crash.killing import RECIPE, count_lines, kill_after, kill_at_line, run_whole, shards

pytestmark = pytest.mark.crash

Kill = Callable[[Path, Path], bool]


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recipe") / "crash.yaml"
    path.write_text(RECIPE)
    return path


@pytest.fixture(scope="module")
def whole(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "run"
    run_whole(recipe, out)
    return out


def rows_of(out: Path) -> dict[str, list[dict[str, Any]]]:
    """Every sealed file's rows. How often a row that fails was tried depends on how often the run was resumed."""
    tables = {name: pq.read_table(out / name) for name, _ in shards(out) if name.endswith(".parquet")}
    return {name: table.drop_columns(["attempts"]).to_pylist() for name, table in tables.items()}


def check_same(out: Path, whole: Path) -> None:
    assert rows_of(out) == rows_of(whole)
    ids = magpie.open_run(out).table().column("id").to_pylist()
    assert ids == [f"crashed-{row:08d}" for row in range(200)]
    assert magpie.open_run(out).table().equals(magpie.open_run(whole).table())


MOST_KILLS = 15
"""Kills of one run, after which it is left to end."""


def check_after_kills(kills: int, strike: Iterator[Kill], recipe: Path, folder: Path, whole: Path) -> None:
    """Kill runs, resuming each until it ends and comparing it, until as many kills as wanted have struck."""
    struck = runs = 0
    while struck < kills:
        out = folder / f"run-{runs}"
        here = 0
        while next(strike)(recipe, out):
            struck, here = struck + 1, here + 1
            if here == MOST_KILLS:  # a slow machine may need longer for a whole run than it is ever given
                run_whole(recipe, out)
                break
        check_same(out, whole)
        runs += 1


def test_completions_of_rows_under_way_are_in_the_journals_of_a_killed_run(recipe: Path, tmp_path: Path) -> None:
    assert any(kill_after(recipe, tmp_path, seconds) and said(tmp_path) for seconds in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6))


def said(out: Path) -> int:
    return sum(path.read_bytes().count(b'"said"') for path in out.glob("*-*/*.part"))


def test_a_run_killed_at_any_moment_becomes_the_run_that_it_would_have_been(
    recipe: Path, whole: Path, tmp_path: Path
) -> None:
    dice = random.Random(1)

    def strikes() -> Iterator[Kill]:
        while True:
            yield partial(kill_after, seconds=dice.uniform(0.0, 0.8))

    check_after_kills(8, strikes(), recipe, tmp_path, whole)


def test_a_run_killed_at_any_line_that_writes_becomes_the_run_that_it_would_have_been(
    recipe: Path, whole: Path, tmp_path: Path
) -> None:
    dice, lines = random.Random(2), count_lines(recipe, tmp_path / "counted")

    def strikes() -> Iterator[Kill]:
        while True:
            yield partial(kill_at_line, line=dice.randrange(1, lines))

    check_after_kills(8, strikes(), recipe, tmp_path, whole)
