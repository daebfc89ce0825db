"""How many of several responses come to the same answer."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

import magpie
from magpie.errors import RecipeError
from magpie.plan.load import parse
from magpie.plan.plan import make_plan
from magpie.stages.reward.agreement import agreements, reward_by_agreement


def test_responses_with_the_same_final_answer_agree_however_they_are_worded() -> None:
    told = ["First 3 + 4, so it is 7.", "The answer is 7.", "I count \\boxed{7}", "3 + 4 = 8", "It is 9."]
    assert agreements(told) == [0.5, 0.5, 0.5, 0.0, 0.0]


def test_texts_without_an_answer_agree_where_they_are_the_same_but_for_space_and_case() -> None:
    assert agreements(["Paris is nice.", "paris  is nice.", "Rome is nice."]) == [0.5, 0.5, 0.0]


@pytest.mark.parametrize("responses", [[], ["only one"]])
def test_there_is_nothing_to_agree_with(responses: list[str]) -> None:
    assert agreements(responses) == [None] * len(responses)


def test_rows_without_responses_have_no_reward() -> None:
    responses = [[{"response": text} for text in ("7", "7", "8")], None, []]
    table = pa.table(
        {"row": [1, 2, 3], "responses": pa.array(responses, pa.list_(pa.struct({"response": pa.string()})))}
    )
    made = reward_by_agreement(table).to_pylist()
    assert made[0] == {"row": 1, "instruct_reward": 0.5, "response_rewards": [0.5, 0.5, 0.0]}
    assert [(row["instruct_reward"], row["response_rewards"]) for row in made[1:]] == [(None, []), (None, [])]


def test_one_response_has_nothing_to_agree_with_and_the_plan_says_so() -> None:
    with pytest.raises(RecipeError, match=r"set respond\.n to more"):
        make_plan(parse("{engine: scripted, reward: {by: agreement}}", "r"))


def test_a_judge_s_settings_mean_nothing_here() -> None:
    with pytest.raises(RecipeError, match="model means nothing where by is agreement"):
        parse("reward: {by: agreement, model: fledgling}", "r")


def test_pairs_by_agreement_set_a_common_answer_against_a_rare_one(tmp_path: Path) -> None:
    settings = ("respond.n=5", "respond.sampling.temperature=1.3", "reward.by=agreement", "pair={}")
    run = magpie.run(size=40, out=tmp_path, settings=settings)
    rows = list(run.rows())
    assert rows, "at this temperature some responses differ"
    assert all(row["chosen_reward"] > row["rejected_reward"] for row in rows)
    assert all(row["chosen_reward"] == max(row["response_rewards"]) for row in rows)
