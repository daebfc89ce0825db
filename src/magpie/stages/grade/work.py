"""Grades answers, from 1 to 10. Knows a judge and an answer; not who gave it."""

from __future__ import annotations

from collections.abc import Sequence

from magpie.seams import Asking, Row
from magpie.stages.judging.replying import Judge, Reply, ask_judge, said_before
from magpie.stages.judging.verdicts import read_grade

GRADES = tuple(map(str, range(1, 11)))


def grade(row: Row, judge: Judge) -> Asking:
    """The judge's grade of `response`; null where there is no answer, or no grade that can be read."""
    if row["response"] is None:
        return {"judge_grade": None, "grade_replies": ["the answer is missing"]}
    values = {
        "instruction": row["instruction"],
        "response": row["response"],
        "system": row.get("system"),
        "history": said_before(row.get("prior_turns")),
        "known_answer": row.get("known_answer"),
    }
    replies: list[Reply] = yield from ask_judge(judge, [values], _read)
    reply = replies[0]
    value = reply.value
    if value is not None and judge.by_letters:
        value = 1 + value * (len(GRADES) - 1)
    return {"judge_grade": value, "grade_replies": None if reply.raw is None else [reply.raw]}


def _read(words: str, labels: Sequence[str]) -> float | None:
    return read_grade(words, float(labels[0]), float(labels[-1]))
