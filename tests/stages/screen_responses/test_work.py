"""The same rules on what a model answered."""

from __future__ import annotations

import pyarrow as pa

from magpie.stages.screen.work import Rules
from magpie.stages.screen_responses.work import open_screen_responses

RULES = Rules(min_chars=1, role_leak=True, refusal=True, unfinished=True)


def reasons(table: pa.Table) -> list[str | None]:
    with open_screen_responses(RULES, "</think>") as compute:
        made = compute(table)
    assert made.column("row").to_pylist() == table.column("row").to_pylist()
    return list(made.column("drop_reason").to_pylist())


def test_a_response_that_breaks_a_rule_drops_its_row() -> None:
    texts = ["It is 4.", "", "I'm sorry, but I can't assist with that.", "First,", None]
    table = pa.table({"row": range(5), "response": pa.array(texts, pa.string())})
    assert reasons(table) == [None, "too_short", "refusal", "unfinished", "too_short"]


def test_thoughts_that_were_left_in_a_response_are_passed_over() -> None:
    thought = "<think>I can't assist with that. Or can I,</think>"
    table = pa.table({"row": range(2), "response": [f"{thought}\nIt is 4.", thought]})
    assert reasons(table) == [None, "too_short"]


def test_of_several_responses_one_that_breaks_no_rule_keeps_the_row() -> None:
    several = [[{"response": "First,"}, {"response": "It is 4."}], [{"response": "First,"}, {"response": ""}], []]
    table = pa.table({"row": range(3), "responses": several})
    assert reasons(table) == [None, "unfinished", "too_short"]
