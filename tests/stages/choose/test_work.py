"""One of several responses is taken: the first, the best, or the one that most agree with."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from magpie.stages.choose.work import By, best_by_reward, by_majority, choose
from magpie.stages.text.answers import final_answer


def table(responses: list[str], rewards: list[float | None] | None = None) -> pa.Table:
    entries = [{"response": text, "reasoning": f"thought {text}", "model": "m"} for text in responses]
    return pa.table({"row": [7], "responses": [entries], "response_rewards": [rewards]})


def chosen(responses: list[str], by: By, rewards: list[float | None] | None = None, agreement: float = 0.0) -> Any:
    return choose(table(responses, rewards), by, agreement).to_pylist()[0]


def test_the_first_is_taken_with_its_thought() -> None:
    assert chosen(["a", "b"], "first") == {
        "row": 7,
        "response": "a",
        "reasoning": "thought a",
        "response_choice": 0,
        "drop_reason": None,
    }


@pytest.mark.parametrize(
    ("rewards", "place"), [([1.0, 3.0, 2.0], 1), ([2.0, 2.0], 0), ([None, -1.0], 1), ([float("nan"), -5.0], 1)]
)
def test_the_highest_reward_is_taken_and_of_equal_ones_the_earliest(rewards: list[float | None], place: int) -> None:
    assert best_by_reward(rewards) == (place, None)


def test_a_row_without_a_reward_is_dropped() -> None:
    assert chosen(["a"], "reward", [None])["drop_reason"] == "no_reward"
    assert chosen(["a"], "reward", None)["drop_reason"] == "no_reward"


def test_the_answer_that_most_come_to_is_taken_however_it_is_written() -> None:
    found = chosen(["The answer is 5.", "So \\boxed{4}.", "It is 4.0", "#### 4"], "majority")
    assert (found["response_choice"], found["response"]) == (1, "So \\boxed{4}.")


def test_of_answers_equally_common_the_one_that_came_first_is_taken() -> None:
    assert by_majority(["It is 3.", "It is 5.", "5", "3"]) == (0, None)


def test_an_agreement_that_is_asked_for_drops_rows_below_it() -> None:
    assert by_majority(["1", "1", "2", "3"], 0.5) == (0, None)
    assert by_majority(["1", "1", "2", "3"], 0.6) == (None, "no_majority")
    assert by_majority(["a poem", "another"], 0.1) == (None, "no_answer")


def test_without_answers_the_first_response_is_taken() -> None:
    assert by_majority(["a poem", "another"]) == (0, None)


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        ("So \\boxed{\\frac{1}{2}}.", "1/2"),
        ("First \\boxed{1}, then \\boxed{x^{2}+1}", "x^{2}+1"),
        ("The answer is **0.50**.", "1/2"),
        ("The answer is $1,234$ in all.", "1234"),
        ("We get 7.\n#### 42", "42"),
        ("The answer is 12 apples. That is all 3 of us.", "12"),
        ("Answer: Paris.", "paris"),
        ("x = 5, so the solution is x = 5", "5"),
        ("The result is 3x + 2.", "3x + 2"),
        ("The answer is -3", "-3"),
        ("\\boxed{(1, 2)}", "(1, 2)"),
        ("In 1990 there were 3 cats", "3"),
        ("\\boxed{\\text{ Yes. }}", "yes"),
        ("No number here", None),
        ("\\boxed{unclosed", None),
        ("", None),
        ("The answer is" + "\n" * 20_000 + "7", "7"),
        ("\\frac{" + " " * 20_000, None),
        ("\\boxed{" * 3_000, None),
        ("1," * 10_000, None),
    ],
)
def test_the_final_answer_is_read_and_equal_answers_are_equal(response: str, answer: str | None) -> None:
    assert final_answer(response) == answer
