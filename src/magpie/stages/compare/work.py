"""Compares two answers: a judge sees them in both orders, since it favors a place.

Knows a judge and two answers; not who gave them.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Any

from magpie.seams import Asking, Row
from magpie.stages.judging.replying import Judge, Reply, ask_judge, said_before
from magpie.stages.judging.verdicts import read_verdict


def compare(row: Row, judge: Judge) -> Asking:
    """The preference for `response` in both orders. Null where an answer is missing or the judge gives no verdict."""
    own, other = row["response"], row["against_response"]
    if own is None or other is None:
        return _columns(None, None, (), ["an answer is missing"])
    beside = {
        "instruction": row["instruction"],
        "system": row.get("system"),
        "history": said_before(row.get("prior_turns")),
        "known_answer": row.get("known_answer"),
    }
    orders = [{**beside, "response_a": a, "response_b": b} for a, b in ((own, other), (other, own))]
    replies: list[Reply] = yield from ask_judge(judge, orders, read_verdict)
    for_a = [_for_first(reply, by_letters=judge.by_letters) for reply in replies]
    first = for_a[0]
    second = None if for_a[1] is None else 1 - for_a[1]
    return _columns(first, second, replies, [reply.raw for reply in replies if reply.raw is not None])


def _for_first(reply: Reply, *, by_letters: bool) -> float | None:
    """By letters, the place of the label that is meant: 0 is the first one."""
    if reply.value is None:
        return None
    return 1 - reply.value if by_letters else reply.value


def _columns(first: float | None, second: float | None, replies: Sequence[Reply], raw: Sequence[str]) -> dict[str, Any]:
    masses = [reply.mass for reply in replies if reply.mass is not None]
    return {
        "judge_preference": None if first is None or second is None else (first + second) / 2,
        "judge_preference_first": first,
        "judge_preference_second": second,
        "judge_mass": fmean(masses) if masses else None,
        "judge_replies": list(raw) or None,
    }
