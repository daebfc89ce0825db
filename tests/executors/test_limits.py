"""A session that stops at what it may spend, and a run that is resumed from there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from magpie.cli import main
from magpie.cli.run import AT_LIMIT
from magpie.errors import UserError
from magpie.executors.forecast import Paid
from magpie.executors.limits import LimitReached, Limits, Prices, Spending
from magpie.executors.local import execute
from magpie.plan.resolve import resolve
from magpie.runs import open_run

SCRIPTED = ("engine=scripted", "engine.window=8")


def test_a_cost_is_that_of_hours_and_of_both_kinds_of_tokens() -> None:
    assert Prices(per_hour=2.0, gpus=4).of(Paid(), 1800.0) == 4.0
    assert Prices(prompt=0.1, completion=0.4).of(Paid(2_000_000, 500_000), 60.0) == pytest.approx(0.4)


def test_each_limit_is_told_when_it_is_reached() -> None:
    limits = Limits(1.0, 1000, 5.0, Prices(per_hour=4.0, prompt=1.0))
    assert limits.reached(Paid(400, 599), 3599.0) is None
    assert limits.reached(Paid(), 3600.0) == "--max-hours 1: 1 hours"
    assert limits.reached(Paid(400, 600), 1.0) == "--max-tokens 1,000: 1,000 prompt and completion tokens"
    assert Limits(cost=5.0, prices=Prices(per_hour=4.0)).reached(Paid(), 5400.0) == "--max-cost 5: 6"


@pytest.mark.parametrize("limits", [{"hours": 0}, {"tokens": -1}, {"cost": 1.0}, {"hours": float("nan")}])
def test_a_limit_that_makes_no_sense_is_the_user_s_mistake(limits: dict[str, float]) -> None:
    with pytest.raises(UserError, match="--max-"):
        Limits(**limits)  # type: ignore[arg-type]


def test_the_clock_starts_with_the_session() -> None:
    now = [100.0]
    spending = Spending(Limits(hours=1.0), clock=lambda: now[0])
    spending.check()
    now[0] += 3599
    spending.check()
    now[0] += 1
    with pytest.raises(LimitReached):
        spending.check()


def test_a_run_stops_at_its_tokens_and_the_same_call_resumes_it_to_the_same_rows(tmp_path: Path) -> None:
    recipe = resolve("basic", tmp_path / "r", SCRIPTED, {"size": 40})
    sessions = 0
    while sessions < 100:
        sessions += 1
        try:
            run = execute(recipe, tmp_path / "r", limits=Limits(tokens=400))
            break
        except LimitReached:
            assert open_run(tmp_path / "r").info["sessions"][-1]["ended"] == "LimitReached"
    assert sessions > 2
    other = execute(resolve("basic", tmp_path / "o", (*SCRIPTED, "name=r"), {"size": 40}), tmp_path / "o")
    assert run.table().to_pylist() == other.table().to_pylist()


def test_on_the_command_line_a_limit_is_exit_code_3_and_says_how_to_resume(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["run", "--size", "40", "--out", str(tmp_path / "r"), "--set", SCRIPTED[0], "--set", SCRIPTED[1]]
    with pytest.raises(SystemExit) as left:
        main([*words, "--max-tokens", "300"])
    assert left.value.code == AT_LIMIT == 3
    said = capsys.readouterr().err
    assert "magpie: stopped at --max-tokens 300: " in said
    assert "To resume: " in said
    with pytest.raises(SystemExit):
        main(["status", str(tmp_path / "r"), "--json"])
    state = json.loads(capsys.readouterr().out)
    assert (state["complete"], state["last_session"]["ended"]) == (False, "LimitReached")
    with pytest.raises(SystemExit):
        main(["status", str(tmp_path / "r")])
    assert "The last session stopped at its limit, --max-tokens 300: " in capsys.readouterr().out
