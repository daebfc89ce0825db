"""A better response against a worse one, and the reason where there is no such pair."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest

from magpie.stages.pair.work import Against, Pairing, pair


def paired(texts: list[str], rewards: Sequence[float | None], how: Pairing = Pairing(), row: int = 0) -> Any:  # noqa: B008
    entries = [{"response": text, "reasoning": None, "model": f"m{n}"} for n, text in enumerate(texts)]
    given = pa.table({"row": [row], "responses": [entries], "response_rewards": [rewards]})
    return pair(given, how).to_pylist()[0]


def test_the_best_stands_against_the_worst_each_with_its_reward_and_model() -> None:
    assert paired(["a", "b", "c"], [0.5, 2.0, -1.0]) == {
        "row": 0,
        "chosen": "b",
        "rejected": "c",
        "chosen_reward": 2.0,
        "rejected_reward": -1.0,
        "chosen_model": "m1",
        "rejected_model": "m2",
        "drop_reason": None,
    }


@pytest.mark.parametrize(
    ("texts", "rewards", "reason"),
    [
        (["a", "a", "a"], [1.0, 1.0, 0.5], "identical_pair"),
        (["a", "b"], [1.0, 1.0], "equal_rewards"),
        (["a"], [1.0], "single_response"),
        (["a", "b"], [1.0, None], "single_response"),
        (["a", "b"], [None, float("nan")], "no_reward"),
        ([], [], "no_reward"),
    ],
)
def test_no_pair_has_a_reason(texts: list[str], rewards: list[float | None], reason: str) -> None:
    found = paired(texts, rewards)
    assert (found["drop_reason"], found["chosen"], found["rejected"]) == (reason, None, None)


def test_a_copy_of_the_chosen_text_is_passed_over() -> None:
    assert paired(["a", "b", "a"], [3.0, 2.0, 1.0])["rejected"] == "b"


def test_a_pair_that_is_too_close_is_dropped_and_shown() -> None:
    found = paired(["a", "b"], [1.0, 0.8], Pairing(margin=0.5))
    assert (found["drop_reason"], found["chosen"], found["rejected_reward"]) == ("margin_too_small", "a", 0.8)
    assert paired(["a", "b"], [1.0, 0.5], Pairing(margin=0.5))["drop_reason"] is None


@pytest.mark.parametrize(("against", "rejected"), [("worst", "e"), ("median", "c")])
def test_the_rejected_one_is_as_low_as_asked_for(against: Against, rejected: str) -> None:
    found = paired(["a", "b", "c", "d", "e"], [5.0, 4.0, 3.0, 2.0, 1.0], Pairing(against))
    assert (found["chosen"], found["rejected"]) == ("a", rejected)


def test_of_several_with_the_lowest_reward_the_first_is_rejected_as_upstream() -> None:
    assert paired(["a", "b", "c", "d"], [1.0, 3.0, 1.0, 2.0])["rejected"] == "a"


def test_the_median_of_two_is_the_lower_one() -> None:
    assert paired(["a", "b"], [1.0, 2.0], Pairing("median"))["rejected"] == "a"


def test_a_random_one_follows_from_seed_and_row_and_is_never_the_chosen_one() -> None:
    texts, rewards = ["a", "b", "c", "d"], [4.0, 3.0, 2.0, 1.0]
    drawn = [paired(texts, rewards, Pairing("random", seed=1), row)["rejected"] for row in range(60)]
    assert drawn == [paired(texts, rewards, Pairing("random", seed=1), row)["rejected"] for row in range(60)]
    assert set(drawn) == {"b", "c", "d"}
    assert drawn != [paired(texts, rewards, Pairing("random", seed=2), row)["rejected"] for row in range(60)]
