"""What of a row is scored, what the scores come to, and how scorers and judges are asked for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log
from typing import Any

import pyarrow as pa
import pytest

from magpie.errors import RequestFailed
from magpie.seams import Completion, Logprob, Message, Request
from magpie.stages.judging.prompts import package_prompt
from magpie.stages.reward.columns import BASE_REWARD, INSTRUCT_REWARD, RESPONSE_REWARDS, REWARD_DIFFERENCE
from magpie.stages.reward.judge import judge_reward
from magpie.stages.reward.rewards import columns, scored
from magpie.stages.reward.work import reward
from magpie.templates import MessagesChat

NAMES = ("instruct_reward", "response_rewards", "base_reward", "reward_difference")
PLAIN = {"row": 0, "instruction": "Why?", "response": "So."}
TURNS = {"turns": [{"role": "user", "content": "How?"}, {"role": "assistant", "content": "Thus."}]}


def texts(row: Mapping[str, Any]) -> list[list[str]]:
    return [[message.content for message in conversation] for conversation in scored(row).flat()]


def made(row: Mapping[str, Any], *scores: float | None) -> Mapping[str, Any]:
    return columns(scored(row), scores, NAMES)


# -- what is scored ---------------------------------------------------------------------------------------------------


def test_a_row_is_scored_by_its_whole_conversation() -> None:
    assert scored(PLAIN).flat() == [(Message("user", "Why?"), Message("assistant", "So."))]
    assert texts(PLAIN | TURNS) == [["Why?", "So.", "How?", "Thus."]]
    assert texts(PLAIN | {"turns": None, "base_response": None}) == [["Why?", "So."]]
    assert made(PLAIN, 2.0)["instruct_reward"] == 2.0


def test_the_difference_is_to_the_base_models_response_to_the_same_instruction() -> None:
    row = PLAIN | {"base_response": "Hm"}
    assert texts(row) == [["Why?", "So."], ["Why?", "Hm"]]
    assert made(row, 2.0, -1.0) == {
        "instruct_reward": 2.0,
        "response_rewards": None,
        "base_reward": -1.0,
        "reward_difference": 3.0,
    }


def test_a_base_model_that_wrote_nothing_is_scored_too() -> None:
    assert texts(PLAIN | {"base_response": ""}) == [["Why?", "So."], ["Why?", ""]]


def test_with_further_turns_the_difference_is_between_first_responses() -> None:
    row = PLAIN | TURNS | {"base_response": "Hm"}
    assert texts(row) == [["Why?", "So.", "How?", "Thus."], ["Why?", "Hm"], ["Why?", "So."]]
    found = made(row, 9.0, 1.0, 4.0)
    assert (found["instruct_reward"], found["base_reward"], found["reward_difference"]) == (9.0, 1.0, 3.0)


LATER = {
    **PLAIN,
    "responses": [{"response": "a"}, {"response": "b"}],
    "responses_prompt": [
        {"role": "user", "content": "Why?"},
        {"role": "assistant", "content": "So."},
        TURNS["turns"][0],
    ],
}


def test_several_responses_to_a_later_turn_are_scored_behind_all_that_was_said_before() -> None:
    assert texts(LATER) == [["Why?", "So.", "How?", "a"], ["Why?", "So.", "How?", "b"]]
    assert made(LATER, 1.0, 3.0)["response_rewards"] == [1.0, 3.0]


def test_a_judge_is_asked_of_the_last_responses_alone() -> None:
    requests = next(judge_reward(LATER, MessagesChat(None), package_prompt("reward/judge_response"), NAMES))
    assert isinstance(requests, list)
    assert len(requests) == 2


def test_several_responses_are_scored_each_and_the_best_counts() -> None:
    row = {"row": 0, "instruction": "Why?", "responses": [{"response": "a"}, {"response": "b"}], "base_response": "c"}
    assert texts(row) == [["Why?", "a"], ["Why?", "b"], ["Why?", "c"]]
    assert made(row, 1.0, 3.0, 0.5) == {
        "instruct_reward": 3.0,
        "response_rewards": [1.0, 3.0],
        "base_reward": 0.5,
        "reward_difference": 2.5,
    }
    assert made(row, None, 3.0, None)["response_rewards"] == [None, 3.0]
    assert made({**row, "responses": None}, 0.5)["response_rewards"] == []


def test_where_a_score_is_not_to_be_had_what_rests_on_it_is_null() -> None:
    row = PLAIN | {"base_response": "Hm"}
    assert set(made(row, None, 1.0).values()) == {None, 1.0}
    assert made(row, 1.0, None)["reward_difference"] is None


# -- by a scorer ------------------------------------------------------------------------------------------------------


class ByLength:
    """Scores a conversation by the length of its last message; some lengths are faults."""

    def __init__(self, **faults: Any) -> None:
        self.faults = {int(name[1:]): fault for name, fault in faults.items()}
        self.calls = 0

    def score(self, conversations: Sequence[Sequence[Message]]) -> list[float | RequestFailed | None]:
        self.calls += 1
        lengths = [len(one[-1].content) for one in conversations]
        return [self.faults.get(length, float(length)) for length in lengths]


TABLE = pa.table({"row": [3, 5, 8], "instruction": ["Why?"] * 3, "response": ["a", "aa", "aaa"]})


def test_a_shard_is_scored_in_one_call_row_by_row() -> None:
    scorer = ByLength()
    found = reward(TABLE, scorer, (INSTRUCT_REWARD,))
    assert found.to_pydict() == {"row": [3, 5, 8], "instruct_reward": [1.0, 2.0, 3.0], "error": [None] * 3}
    assert scorer.calls == 1


def test_a_fault_is_its_rows_error_and_what_is_too_long_has_no_reward() -> None:
    scorer = ByLength(n1=RequestFailed("on fire"), n2=float("nan"), n3=None)
    found = reward(TABLE, scorer, (INSTRUCT_REWARD,))
    assert found["instruct_reward"].to_pylist() == [None, None, None]
    assert found["error"].to_pylist() == ["on fire", "the scorer's score is not a number (nan)", None]


def test_one_fault_among_a_rows_scores_leaves_none_of_them() -> None:
    table = TABLE.append_column("base_response", pa.array(["b" * 9, "b", None]))
    found = reward(table, ByLength(n9=RequestFailed("on fire")), (INSTRUCT_REWARD, BASE_REWARD, REWARD_DIFFERENCE))
    assert found["error"].to_pylist() == ["on fire", None, None]
    assert found["instruct_reward"].to_pylist() == [None, 2.0, 3.0]
    assert found["reward_difference"].to_pylist() == [None, 1.0, None]


def test_rewards_of_several_responses_are_lists_also_where_nothing_is_known() -> None:
    entries = [[{"response": "a"}, {"response": "bb"}], []]
    table = pa.table({"row": [0, 1], "instruction": ["Why?"] * 2, "responses": entries})
    found = reward(table, ByLength(), (INSTRUCT_REWARD, RESPONSE_REWARDS))
    assert found["response_rewards"].to_pylist() == [[1.0, 2.0], []]
    assert reward(table.slice(0, 0), ByLength(), (RESPONSE_REWARDS,)).schema.field("response_rewards").type == pa.list_(
        pa.float64()
    )


# -- by a judge -------------------------------------------------------------------------------------------------------


def judged(row: Mapping[str, Any], *digits: Any, names: Sequence[str] = ("instruct_reward",)) -> tuple[list[str], Any]:
    """What the judge is asked, and what comes of its replies: the digit of which it is sure."""
    asking = judge_reward(row, MessagesChat(), package_prompt("reward/judge_response"), names)
    asked = next(asking)
    assert not isinstance(asked, Request)
    replies = [one if isinstance(one, RequestFailed) else said(**{f"_{one}": 1.0}) for one in digits]
    with pytest.raises(StopIteration) as stopped:
        asking.send(replies)
    return [one.prompt.messages[-1].content for one in asked], stopped.value.value  # type: ignore[union-attr]


def said(**shares: float) -> Completion:
    told = tuple(Logprob(n, name.removeprefix("_"), log(share)) for n, (name, share) in enumerate(shares.items()))
    return Completion("", (0,), "length", 9, 1, logprobs=(told,))


def test_a_judges_reward_is_the_expected_digit() -> None:
    asking = judge_reward(PLAIN, MessagesChat(), package_prompt("reward/judge_response"), ("instruct_reward",))
    next(asking)
    with pytest.raises(StopIteration) as stopped:
        asking.send([said(_5=0.5, _4=0.25, _1=0.05, Well=0.2)])
    assert stopped.value.value == {"instruct_reward": pytest.approx((5 * 0.5 + 4 * 0.25 + 0.05) / 0.8)}


def test_a_judge_is_asked_about_every_response_of_a_row_at_once() -> None:
    row = {
        "row": 0,
        "instruction": "Why?",
        "responses": [{"response": "so"}, {"response": "no"}],
        "base_response": "hm",
    }
    asked, found = judged(row, 4, 2, 1, names=("response_rewards", "reward_difference"))
    assert [f"<response>\n{text}\n</response>" in one for text, one in zip(("so", "no", "hm"), asked, strict=True)] == [
        True
    ] * 3
    assert found == {"response_rewards": [4.0, 2.0], "reward_difference": 3.0}


def test_of_a_longer_conversation_every_response_is_judged_after_what_was_said_before() -> None:
    asked, found = judged(PLAIN | TURNS, 5, 2)
    assert "<instruction>\nWhy?\n</instruction>" in asked[0]
    assert "<instruction>\nuser: Why?\n\nassistant: So.\n\nuser: How?\n</instruction>" in asked[1]
    assert found == {"instruct_reward": 3.5}


def test_a_judge_that_says_no_digit_gives_no_reward() -> None:
    assert judged(PLAIN, "Well")[1] == {"instruct_reward": None}
    assert judged(PLAIN | TURNS, 5, "Well")[1] == {"instruct_reward": None}


def test_a_judge_that_fails_is_its_rows_error() -> None:
    asking = judge_reward(PLAIN, MessagesChat(), package_prompt("reward/judge_response"), ("instruct_reward",))
    next(asking)
    with pytest.raises(RequestFailed, match="on fire"):
        asking.throw(RequestFailed("on fire"))
