"""How large a selection may be: what is larger is refused at once, and what is not is read in well under a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from magpie.errors import RecipeError
from magpie.stages.select import limits
from magpie.stages.select.limits import nesting
from magpie.stages.select.reading import read_selection
from magpie.stages.select.rows import Judged, check_selection
from magpie.stages.select.selection import Asked, Quota

SCHEMA = pa.schema({"row": pa.int64(), "response": pa.string(), "is_repeat": pa.bool_()})


def where(condition: str) -> Asked:
    return Asked(f"SELECT row FROM rows WHERE {condition}")


def cpu_seconds(work: Callable[[], Any]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (where(" AND ".join(["is_repeat"] * 20_000)), "bytes of SQL; expected 65,536 or fewer"),
        (where(" AND ".join(["a"] * 10_000)), "10,000 clauses joined by AND; expected 200 or fewer"),
        (where("(" * 20_000 + "is_repeat" + ")" * 20_000), "nested more than 64 deep"),
        (where("[" * 20_000 + "]" * 20_000 + " IS NULL"), "nested more than 64 deep"),
        (where("(" * 30_000), "nested more than 64 deep"),
        (where("NOT " * 900 + "is_repeat"), "nested more than 64 deep"),
        (where("NOT " * 15_000 + "is_repeat"), "depth|nested"),
        (where("row" + " + 1" * 15_000 + " > 1"), "depth|nested"),
        (where("row" + " + 1" * 70 + " > 1"), "nested more than 64 deep"),
        (where("response = '" + "x" * 5_000_000 + "'"), "5,000,040 bytes of SQL"),
        (where("row IN (" + ", ".join(map(str, range(50_000))) + ")"), "bytes of SQL"),
        (where("row IN (" + ",".join(["1"] * 30_000) + ")"), "more than 20,000 columns, constants"),
        (Asked("SELECT row FROM rows", also=("is_repeat",) * 201), "also has 201 clauses; expected 200 or fewer"),
        (Asked("SELECT row FROM rows", quotas=(Quota("row", 1),) * 21), "quotas has 21 entries; expected 20 or fewer"),
        (Asked("SELECT row FROM rows", order="row" + " " * 70_000), "bytes of SQL"),
        (Asked("SELECT row FROM rows LIMIT " + "9" * 5000), "expected a whole number"),
        (where("response = '\ud800'"), "not valid Unicode"),
    ],
)
def test_what_is_too_large_is_refused_at_once_and_in_one_line(asked: Asked, told: str) -> None:
    started = time.process_time()
    with pytest.raises(RecipeError, match=told) as raised:
        read_selection(asked)
    assert time.process_time() - started < 5.0
    assert len(str(raised.value)) < 600
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "asked",
    [
        where(" AND ".join(f"length(response) > {n}" for n in range(200))),
        where(" OR ".join(["is_repeat"] * 4000)),
        where("row IN (" + ", ".join(map(str, range(9000))) + ")"),
        where("(" * 60 + "is_repeat" + ")" * 60),
        where("response = '" + "(" * 1000 + "' -- " + "(" * 1000),
        where("length(response) IN (" + ",".join(map(str, range(9000))) + ") OR is_repeat"),
    ],
)
def test_what_is_within_the_limits_is_read_and_checked_in_seconds(asked: Asked) -> None:
    assert cpu_seconds(lambda: check_selection(read_selection(asked), SCHEMA)) < 4.0


def test_a_long_list_selects_what_it_says() -> None:
    asked = where("row IN (" + ", ".join(str(2 * n) for n in range(9000)) + ")")
    with Judged(read_selection(asked)) as judged:
        judged.take([pa.record_batch({"row": pa.array(range(20_000))})])
        judged.settle()
        found = [row for table in judged.fates("not_selected") for row in table.to_pylist()]
    assert [row["row"] for row in found if row["drop_reason"] is None] == list(range(0, 18_000, 2))
    assert len(found[1]["drop_reason"]) < 400


@pytest.mark.parametrize(
    ("text", "depth"),
    [
        ("", 0),
        ("a IN (1, (2))", 2),
        ("'((('", 0),
        ("'it''s (' || ((a))", 2),
        ('"((" > (1)', 1),
        ("-- (((\n(a)", 1),
        ("/* ((( */ ([{a}])", 3),
        (")))(", 1),
        ("'((", 0),
        ("/* ((", 0),
    ],
)
def test_nesting_is_that_of_brackets_outside_of_texts_and_comments(text: str, depth: int) -> None:
    assert nesting(text) == depth


def test_the_text_is_measured_in_linear_time() -> None:
    monsters = ["'" * 60_000, '"' * 60_001, "/*" * 30_000, "-" * 60_000, "('" * 30_000, "$$" * 30_000]
    assert cpu_seconds(lambda: [nesting(monster) for monster in monsters]) < 5.0


def test_the_limits_are_far_above_what_the_package_has() -> None:
    from magpie.stages.select.building import selections

    assert all(len(text) * 20 < limits.TEXT_BYTES for text in selections().values())
