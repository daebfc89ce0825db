"""What a larger run would take, from the rows of a smaller one; duplicates, whose share grows."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest

from magpie.cli import main
from magpie.executors.limits import Prices
from magpie.executors.local import execute
from magpie.explore.duplicates import Growth, growth_of, sizes_of
from magpie.explore.estimate import Interval, estimate
from magpie.plan.resolve import resolve
from magpie.runs import Run, open_run
from tests.runs.kept import kept_run

SCRIPTED = ("engine=scripted", "engine.window=32")


def holds(interval: Interval, value: float) -> bool:
    return interval.low <= value <= interval.high


def growth(draws: list[int]) -> Growth:
    return growth_of(len(draws), Counter(size for size in Counter(draws).values() if size > 1))


@pytest.mark.parametrize(
    ("texts", "power", "pilot"), [(3_000, 0.0, 1_000), (100_000, 0.5, 1_000), (1_000_000, 1.0, 200)]
)
def test_the_distinct_rows_among_more_rows_lie_in_the_interval(texts: int, power: float, pilot: int) -> None:
    """A source that runs dry, one with a long tail, and one that follows Zipf's law: far from what a share says."""
    weights = [1 / (number + 1) ** power for number in range(texts)]
    draws = Random(7).choices(range(texts), weights=weights, k=20_000)
    found, truth = growth(draws[:pilot]), len(set(draws))
    assert found.quantile(20_000, 0.02) <= truth <= found.quantile(20_000, 0.98)
    in_proportion = len(set(draws[:pilot])) / pilot * 20_000
    assert abs(found.quantile(20_000, 0.5) - truth) < 0.5 * abs(in_proportion - truth)


def test_without_a_duplicate_little_is_known_and_the_interval_says_so() -> None:
    found = growth_of(200, {})
    assert found.quantile(1_000_000, 0.05) < 300_000
    assert found.quantile(1_000_000, 0.95) > 900_000
    assert found.quantile(200, 0.5) == 200


def test_the_share_of_distinct_rows_falls_with_size_and_no_groups_are_lost() -> None:
    found = growth_of(1_000, {2: 30, 5: 2})
    shares = [found.quantile(rows, 0.5) / rows for rows in (1_000, 10_000, 100_000, 10_000_000)]
    assert shares == sorted(shares, reverse=True)
    for fit in found.fits:
        assert 10_000 >= found.groups_at(10_000, fit) >= found.groups == 962
    assert sum(fit.weight for fit in found.fits) == pytest.approx(1.0)


def test_rows_that_are_linked_over_others_are_one_group() -> None:
    assert sizes_of([(1, 0), (2, 1), (5, 4), (9, 2)]) == {4: 1, 2: 1}
    assert sizes_of([]) == {}
    assert sizes_of([(n + 1, n) for n in range(50_000)]) == {50_001: 1}


@pytest.fixture(scope="module")
def pilot(tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("estimate") / "r"
    return execute(resolve("basic", out, (*SCRIPTED, "engine.empty_rate=0.2"), {"size": 200}), out)


def test_a_larger_run_takes_and_keeps_what_was_estimated(pilot: Run, tmp_path: Path) -> None:
    found = estimate(pilot, 1000, Prices(prompt=1.0, completion=2.0))
    words = (*SCRIPTED, "engine.empty_rate=0.2", "name=r")
    larger = execute(resolve("basic", tmp_path / "l", words, {"size": 1000}), tmp_path / "l")
    counts = larger.counts()
    prompt = sum(one.prompt_tokens for one in counts)
    completion = sum(one.completion_tokens + one.wasted_tokens for one in counts)
    assert holds(found.kept, larger.kept())
    assert holds(found.completion_tokens, completion)
    assert found.prompt_tokens.value == pytest.approx(prompt, rel=0.1)
    assert found.cost is not None
    assert found.cost.value == pytest.approx((prompt + 2 * completion) / 1e6, rel=0.1)
    assert [stage.stage for stage in found.stages] == ["instruct", "respond"]
    assert found.stages[1].rows.value == pytest.approx(counts[1].made, rel=0.1)
    assert (found.rows, found.size, found.unmeasured) == (200, 1000, ())
    assert found.hours.value > 0 < found.disk.value


def test_the_same_rows_give_the_same_estimate_and_a_wider_one_for_fewer_rows(pilot: Run, tmp_path: Path) -> None:
    found = estimate(pilot, 10_000, Prices())
    assert found == estimate(open_run(pilot.path), 10_000, Prices())
    assert found.cost is None
    out = tmp_path / "r"
    few = execute(resolve("basic", out, (*SCRIPTED, "engine.empty_rate=0.2"), {"size": 40}), out)
    fewer = estimate(few, 10_000, Prices())
    assert fewer.kept.high - fewer.kept.low > found.kept.high - found.kept.low


def test_a_selection_s_limit_bounds_what_is_kept(tmp_path: Path) -> None:
    path = kept_run("mini", tmp_path)
    index = json.loads((path / "run.json").read_text())
    (select,) = (entry for entry in index["stages"] if entry["stage"] == "select")
    assert estimate(open_run(path), 100_000, Prices()).kept.value > 7
    select["settings"]["limit"] = 7
    (path / "run.json").write_text(json.dumps(index))
    found = estimate(open_run(path), 100_000, Prices())
    assert found.kept == Interval(7.0, 7.0, 7.0)
    assert "select lets at most 7 rows through" in found.notes


def test_duplicates_are_a_larger_share_of_a_larger_run(tmp_path: Path) -> None:
    run = open_run(kept_run("mini", tmp_path))
    shares = [estimate(run, size, Prices()).duplicates for size in (1_000, 1_000_000)]
    assert shares[0] is not None
    assert shares[1] is not None
    assert shares[0].value < shares[1].value


def test_stages_that_no_row_has_reached_are_named(tmp_path: Path) -> None:
    found = estimate(open_run(kept_run("killed-tag", tmp_path)), 1000, Prices())
    assert found.unmeasured == ("respond", "follow_up")
    assert [stage.stage for stage in found.stages] == ["instruct", "tag"]


# -- the command ------------------------------------------------------------------------------------------------------


def call(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        main([str(word) for word in words])
    captured = capsys.readouterr()
    return int(left.value.code or 0), captured.out, captured.err


def test_a_pilot_is_made_once_and_its_rows_stay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "r"
    words: list[Any] = ["estimate", "basic", "--out", out, "--pilot", 30, "--size", 5000, "--price-out", 2]
    settings = ["--set", "engine=scripted"]
    code, shown, _ = call(capsys, *words, *settings)
    assert code == 0
    assert "A run of 5,000 rows, from 30 of " in shown
    assert "cost of 1,000 kept rows" in shown
    rows = open_run(out).table().to_pylist()
    assert len(rows) == 30
    files = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    found = json.loads(call(capsys, *words, *settings, "--json")[1])
    assert (found["size"], found["rows"]) == (5000, 30)
    assert files == {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    assert call(capsys, "estimate", out, "--pilot", 40)[0] == 0
    assert open_run(out).table().to_pylist()[:30] == rows


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["basik"], "did you mean 'basic'?"),
        (["basic", "--pilot", "0"], "expected a pilot of 1 row or more"),
        (["basic", "--price-in", "-1"], "expected 0 or more"),
        (["basic", "--price-per-hour", "1", "--gpus", "0"], "expected 1 or more"),
    ],
)
def test_what_cannot_be_estimated_is_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    code, shown, errors = call(capsys, "estimate", *words, "--out", tmp_path / "x")
    assert (code, shown, errors.count("\n")) == (2, "", 1)
    assert message in errors


def test_a_pilot_in_place_of_another_recipe_s_or_other_settings_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words: list[Any] = ["estimate", "basic", "--out", tmp_path / "r", "--pilot", 5, "--set", "engine=scripted"]
    assert call(capsys, *words)[0] == 0
    assert call(capsys, *words)[0] == 0
    code, _, errors = call(capsys, *words, "--set", "instruct.sampling.temperature=0.5")
    assert (code, "is a run of another recipe or of other settings" in errors) == (2, True)
    words[1] = "gemma-2"
    assert call(capsys, *words)[0] == 2


def test_a_pilot_in_which_every_row_failed_ends_with_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = ["--set", "engine=scripted", "--set", "engine.fail_rate=1"]
    code, shown, errors = call(capsys, "estimate", "basic", "--out", tmp_path / "r", "--pilot", 5, *settings)
    assert (code, "every row that was tried failed" in errors) == (1, True)
    assert "To create these rows" not in shown


def test_a_key_that_the_recipe_s_file_names_needs_leave_here_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "sk-abcdefgh")
    recipe = tmp_path / "r.yaml"
    recipe.write_text("size: 5\nengine: {name: server, url: 'http://127.0.0.1:9/v1', api_key_env: MY_KEY}\n")
    code, _, errors = call(capsys, "estimate", recipe, "--out", tmp_path / "r")
    assert (code, "--allow-key MY_KEY@127.0.0.1:9" in errors) == (2, True)
    code, _, errors = call(capsys, "estimate", recipe, "--out", tmp_path / "r", "--allow-key", "MY_KEY@127.0.0.1:9")
    assert (code, "--allow-key" in errors) == (2, False), "the server is not there: that is what is said now"
