"""Measuring a judge: how replies are read, and the statistics that are told of them."""

import math
from random import Random

import pytest

from fledgling.judging import (
    LABELS,
    Question,
    Verdict,
    about_own,
    draw,
    expectation,
    figures,
    label_of,
    measure,
    read,
    spearman,
    wilson,
)
from magpie.seams import Completion, Logprob


def completion(text: str, *first: tuple[str, float]) -> Completion:
    logprobs = (tuple(Logprob(-1, letter, math.log(share)) for letter, share in first),) if first else ()
    return Completion(text, (), "stop", 1, 1, logprobs=logprobs)


@pytest.mark.parametrize(
    ("name", "reply", "place"),
    [
        ("quality", '{"explanation": "x", "input_quality": "good"}', 3),
        ("quality", '{"explanation": "x", "input_quality": "great"}', None),
        ("quality", '{"explanation": "x", "input_quality": "go', None),
        ("quality", '["good"]', None),
        ("category", '{"task_category": "Math", "other_tags": []}', 5),
        ("category", '{"task_category": ["Math"]}', None),
        ("category_fast", "L", 11),
        ("compare", "B", 1),
        ("compare", "B is better", None),
        ("judge_response", "", None),
    ],
)
def test_a_label_counts_only_as_it_was_asked_for(name: str, reply: str, place: int | None) -> None:
    assert label_of(name, reply) == place


def test_the_expected_label_is_the_mean_over_the_labels_alone() -> None:
    assert expectation("12345", completion("5", ("5", 0.4), ("1", 0.4), ("So", 0.2))) == pytest.approx(2.0)
    assert expectation("12345", completion("So", ("So", 0.9))) is None
    assert expectation("12345", completion("5")) is None


@pytest.mark.parametrize("name", LABELS)
def test_true_replies_are_all_read_and_right(name: str) -> None:
    verdicts = [read(question, completion(question.truth)) for question in draw(name, 60, seed=1)]
    told = {figure.name: figure.value for figure in figures(name, verdicts)}
    assert told["read"] == told["exact"] == 1
    assert told.get("Spearman", 1) == pytest.approx(1)
    assert (told.get("unsafe found", 1), told.get("false alarms", 0)) == (1, 0)


def test_what_is_drawn_depends_on_the_seed_alone() -> None:
    assert draw("compare", 5, seed=1) == draw("compare", 5, seed=1) != draw("compare", 5, seed=2)


def test_nothing_known_of_an_instruction_means_no_question() -> None:
    assert about_own(["Blorp the wug."]) == []
    asked = about_own(["What is 12 + 30?"])
    assert [question.name for question in asked] == [
        "quality", "quality_fast", "difficulty", "difficulty_fast", "category", "category_fast",
    ]  # fmt: skip
    assert asked[4].truth == '{"task_category": "Math"}'
    assert asked[5] == Question("category_fast", asked[5].text, "F")


def test_a_safety_reply_that_cannot_be_read_counts_as_an_alarm() -> None:
    verdicts = [Verdict("", "?", 0, None), Verdict("", "A", 0, 0), Verdict("", "A", 2, 0), Verdict("", "C", 1, 2)]
    told = {figure.name: figure.value for figure in figures("safety", verdicts)}
    assert told == {"read": 0.75, "exact": 0.25, "unsafe found": 0.5, "false alarms": 0.5}


def test_rank_correlation() -> None:
    assert spearman([(1, 10), (2, 20), (3, 30)]) == pytest.approx(1)
    assert spearman([(1, 3), (2, 2), (3, 1)]) == pytest.approx(-1)
    assert spearman([(1, 1), (1, 2), (2, 3), (2, 3)]) == pytest.approx(0.943, abs=1e-3)
    assert math.isnan(spearman([(1, 1), (1, 2)]))
    rng = Random(0)
    assert abs(spearman([(rng.random(), rng.random()) for _ in range(2000)])) < 0.1


def test_wilson_is_the_interval_in_the_books() -> None:
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-3)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-3)
    assert all(math.isnan(value) for value in wilson(0, 0))


def test_the_shipped_model_can_be_asked() -> None:
    found, verdicts = measure("fledgling", rows=2, own=4, seed=3)
    assert {figure.prompt for figure in found["drawn"]} == set(LABELS)
    assert all(
        0 <= figure.low <= figure.value <= figure.high <= 1 for figure in found["drawn"] if figure.name == "read"
    )
    assert len(verdicts) >= 2 * len(LABELS)
