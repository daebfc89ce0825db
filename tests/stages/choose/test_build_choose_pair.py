"""Choosing and pairing in a run: on responses that a model gave, and on responses and rewards that were imported."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

import magpie
from magpie.imports import import_dataset
from magpie.runs import Run


@pytest.fixture
def scored(tmp_path: Path) -> Path:
    """A run of three rows with two responses and a reward for each: to pair, equal, identical."""
    given = [("good", 2.0, "bad", 1.0), ("good", 1.0, "bad", 1.0), ("same", 2.0, "same", 1.0)]
    documents = [
        {
            "instruction": f"Question {number}?",
            "responses": [
                {"response": text, "reasoning": None, "model": model, "finish_reason": "stop", "tokens": 1}
                for text, model in ((one, "a"), (two, "b"))
            ],
            "response_rewards": [reward, other],
        }
        for number, (one, reward, two, other) in enumerate(given)
    ]
    (tmp_path / "set.jsonl").write_bytes(b"\n".join(map(orjson.dumps, documents)))
    import_dataset(tmp_path / "set.jsonl", tmp_path / "run")
    return tmp_path / "run"


def test_pairs_are_made_of_what_was_scored_and_each_lost_row_has_its_reason(scored: Path) -> None:
    run = magpie.run(out=scored, settings=("pair={}",))
    (row,) = run.rows()
    assert (row["chosen"], row["rejected"], row["chosen_model"], row["rejected_model"]) == ("good", "bad", "a", "b")
    assert (row["response_rewards"], len(row["responses"])) == ([2.0, 1.0], 2)
    assert {reason for one in run.counts() for reason in one.dropped} == {"equal_rewards", "identical_pair"}


def test_the_best_is_chosen_of_what_was_scored_and_then_is_the_response(scored: Path) -> None:
    run = magpie.run(out=scored, settings=("choose={}",))
    assert [(row["response"], row["response_choice"]) for row in run.rows()] == [("good", 0), ("good", 0), ("same", 0)]
    assert next(run.rows())["messages"][1]["content"] == "good"


def test_choosing_and_pairing_go_together(scored: Path) -> None:
    run: Run = magpie.run(out=scored, settings=("choose.by=first", "pair.min_margin=0.5"))
    (row,) = run.rows()
    assert (row["response"], row["chosen"], row["rejected"]) == ("good", "good", "bad")


def test_a_majority_is_taken_of_a_model_s_own_responses(tmp_path: Path) -> None:
    run = magpie.run(size=8, out=tmp_path / "run", settings=("respond.n=3", "choose.by=majority"))
    for row in run.rows():
        assert row["response"] == row["responses"][row["response_choice"]]["response"]
