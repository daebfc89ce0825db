"""What `bench.yield` makes of rows: each goes one way, and the table says how many went which."""

from __future__ import annotations

from collections import Counter
from importlib import import_module
from typing import Any

import pytest

bench: Any = import_module("bench.yield")


def row(
    by: str | None = None, reason: str | None = None, error: str | None = None, variant: str = "hot"
) -> dict[str, Any]:
    return {"dropped_by": by, "drop_reason": reason, "error": error, "variant": variant}


@pytest.mark.parametrize(
    ("given", "way"),
    [
        (row(), "kept"),
        (row(error="the engine died"), "other"),
        (row("instruct", "empty"), "empty"),
        (row("instruct", "no_request"), "empty"),
        (row("instruct", "context_full"), "truncated"),
        (row("instruct", "role_leak"), "leak"),
        (row("screen", "role_leak"), "leak"),
        (row("screen", "refusal"), "screened"),
        (row("dedup", "near_duplicate"), "repeat"),
        (row("respond", "truncated"), "response"),
        (row("select", "not_selected: safety"), "other"),
    ],
)
def test_every_row_goes_one_way(given: dict[str, Any], way: str) -> None:
    assert bench.way_of(given) == way


def test_the_table_has_a_line_for_each_variant_and_one_for_all() -> None:
    rows = [row(), row("dedup", "duplicate"), row(variant="cool"), row(variant="cool")]
    lines = list(bench.table(bench.tallies(rows), ["cool", "hot"]))
    assert [line.split(" | ")[0].strip("| ") for line in lines[2:]] == ["cool", "hot", "**all**"]
    assert "| hot | 2 | 0.0% | 0.0% | 0.0% | 0.0% | 50.0% |" in lines[3]
    assert {line.count("|") for line in lines} == {len(bench.WAYS) + 3}


def test_the_grid_has_the_samplings_of_the_paper() -> None:
    names = Counter(one["name"] for one in bench.mix())
    assert {"T 1.0, top_p 1.0", "T 1.25, top_p 0.99", "T 1.2, top_p 0.995"} <= set(names)
    assert max(names.values()) == 1
