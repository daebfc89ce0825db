"""Grades from 1 to 10."""

from __future__ import annotations

from math import log

import pytest

from magpie.plan.load import parse
from magpie.plan.plan import make_plan
from magpie.seams import Completion, Logprob, SamplingParams
from magpie.stages.grade.work import GRADES, grade
from magpie.stages.judging.prompts import package_prompt
from magpie.stages.judging.replying import Judge
from magpie.stages.respond.work import Responder
from magpie.templates import MessagesChat

ROW = {"row": 0, "instruction": "Why?", "response": "Because."}


def judge(*, by_letters: bool) -> Judge:
    speaker = Responder(MessagesChat(), SamplingParams(0.0, max_tokens=99), engine="judge")
    return Judge(speaker, package_prompt("grade/grade"), GRADES, by_letters, None, again=0)


def test_the_expected_grade_is_kept() -> None:
    work = grade(ROW, judge(by_letters=True))
    next(work)
    shares = tuple(Logprob(n, text, log(share)) for n, (text, share) in enumerate({"10": 0.5, "7": 0.5}.items()))
    with pytest.raises(StopIteration) as end:
        work.send([Completion("10", (0,), "length", 9, 1, logprobs=(shares,))])
    assert end.value.value["judge_grade"] == pytest.approx(8.5)


@pytest.mark.parametrize(("reply", "found"), [("Fine.\n\nGrade: 6", 6.0), ("Fine.", None)])
def test_a_grade_in_words_is_read(reply: str, found: float | None) -> None:
    work = grade(ROW, judge(by_letters=False))
    next(work)
    with pytest.raises(StopIteration) as end:
        work.send([Completion(reply, (), "stop", 9, 3)])
    assert end.value.value == {"judge_grade": found, "grade_replies": None if found else [reply]}


def test_grades_of_two_tokens_are_read_in_words() -> None:
    """fledgling writes 10 with two tokens: its first is that of 1."""
    assert make_plan(parse("grade: {}", "r")).stages[-1].settings["by"] == "verdict"
