"""Verdicts and grades in the words of judges."""

from __future__ import annotations

import pytest

from magpie.stages.judging.verdicts import read_grade, read_verdict

AB = ("A", "B")


@pytest.mark.parametrize(
    ("reply", "preference"),
    [
        ("Verdict: A", 1.0),
        ("A is wordy.\n\n**Verdict:** B", 0.0),
        ("They are alike.\nVerdict: tie", 0.5),
        ("Verdict: Response B.", 0.0),
        ("My final verdict is: [[A>>B]]", 1.0),
        ("[[B>A]]", 0.0),
        ("[[A<B]]", 0.0),
        ("[[A<<B]]", 0.0),
        ("[[A=B]]", 0.5),
        ("[[C]]", 0.5),
        ("B", 0.0),
        ("The second one is clearer.\n\nA", 1.0),
        ('{"reason": "short", "choice": "B"}', 0.0),
    ],
)
def test_a_verdict_is_read_in_the_forms_that_judges_write(reply: str, preference: float) -> None:
    assert read_verdict(reply, AB) == preference


@pytest.mark.parametrize(
    "reply",
    ["", "I cannot say.", "Verdict: A\nVerdict: B", "[[A]] or [[B]]", "Verdict: maybe A", "A banana is a fruit"],
)
def test_what_could_mean_two_verdicts_means_none(reply: str) -> None:
    assert read_verdict(reply, AB) is None


def test_labels_may_be_others() -> None:
    assert read_verdict("[[m]]", ("m", "M")) == 1.0
    assert read_verdict("M", ("m", "M")) == 0.0


@pytest.mark.parametrize(
    ("reply", "grade"),
    [
        ("It is fine.\n\nGrade: 7", 7.0),
        ("**Score:** 7.5", 7.5),
        ('{"strengths": "x", "score": "8"}', 8.0),
        ("Rating: [[10]]", 10.0),
        ("9", 9.0),
        ("I would say\n8/10", 8.0),
        ("Grade: 11", None),
        ("Grade: 0", None),
        ("Grade: 3\nGrade: 4", None),
        ("seven", None),
        ("In 12 steps.", None),
        ("", None),
    ],
)
def test_a_grade_is_read_in_the_forms_that_judges_write(reply: str, grade: float | None) -> None:
    assert read_grade(reply) == grade
