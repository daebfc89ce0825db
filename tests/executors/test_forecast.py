"""How long a run will take, from what its stages took."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from magpie.executors.forecast import Forecast, Left, Paid
from magpie.executors.local import Progress, execute
from magpie.executors.work import Counts
from magpie.plan.resolve import resolve
from magpie.runner import Done, Said, Usage
from magpie.runs import open_run
from magpie.seams import Completion, Request

STAGES = {"instruct": False, "shortlist": True, "respond": False}


def session(**stages: dict[str, Any]) -> dict[str, Any]:
    return {"stages": stages}


def test_the_rest_of_a_stage_takes_what_its_rows_took() -> None:
    left = Forecast.of([], STAGES).left("instruct", Counts(wanted=100, reused=20, made=18, failed=2, seconds=10.0))
    assert left == Left(30.0, 30.0, ("shortlist", "respond"))


def test_before_a_row_is_done_nothing_is_known_or_what_an_earlier_session_took() -> None:
    assert Forecast.of([], STAGES).left("instruct", Counts(wanted=100)) == Left()
    before = [session(instruct={"made": 10, "failed": 0, "seconds": 5.0, "dropped": {}})]
    assert Forecast.of(before, STAGES).left("instruct", Counts(wanted=100, reused=10)).stage == 45.0


def test_later_stages_take_what_they_took_before_for_the_rows_that_will_reach_them() -> None:
    before = [
        session(shortlist={"made": 100, "seconds": 1.0, "dropped": {"x": 50}}, respond={"made": 50, "seconds": 100.0})
    ]
    counts = Counts(wanted=1000, reused=100, made=100, dropped={"empty": 10}, seconds=20.0)
    left = Forecast.of(before, STAGES).left("instruct", counts)
    # 800 rows at 0.2 s; 900 reach the shortlist, made whole at 0.01 s; 450 are answered, 50 of them are there, at 2 s.
    assert left.stage == 160.0
    assert left.run is not None
    assert round(left.run, 6) == 160.0 + 9.0 + 800.0
    assert left.unmeasured == ()


def test_tokens_are_paid_when_an_answer_comes_and_once() -> None:
    request, completion = Request((1,), None), Completion("x", (1, 2), "stop", 30, 2, 1)  # type: ignore[arg-type]
    paid = Paid()
    paid.add([Said(0, 0, request, completion), Done(0, {}, Usage(30, 2, 1))])
    assert paid == Paid(30, 3)


def test_a_resumed_run_forecasts_all_of_its_stages_and_warns_once(tmp_path: Path) -> None:
    told: list[Progress | str] = []
    words = ("engine=scripted", "engine.window=4")
    for size in (20, 60):
        execute(
            resolve(None if size > 20 else "basic", tmp_path / "r", words, {"size": size}), tmp_path / "r", told.append
        )
    lefts = [each.left for each in told if isinstance(each, Progress) and each.stage == "instruct"]
    assert any(left.unmeasured == ("respond",) for left in lefts)
    assert any(left.run is not None and left.stage is not None and left.unmeasured == () for left in lefts[-5:])
    warnings = [each for each in told if isinstance(each, str) and each.startswith("warning: ")]
    assert len(warnings) == len(set(warnings)) == len(open_run(tmp_path / "r").info["warnings"]) > 0
    paid = [each.paid for each in told if isinstance(each, Progress) and each.stage == "respond" and each.ended]
    assert all(each.completion_tokens > 0 for each in paid)
