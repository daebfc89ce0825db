"""Engines stay while they are asked, and go before others come."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from magpie.engines.scripted import open_scripted
from magpie.engines.server.engine import Facts
from magpie.errors import EngineCrashed, EngineDied, RequestFailed
from magpie.executors.local import Progress, execute_plan
from magpie.executors.pool import Pool
from magpie.models.engines import ModelUse
from magpie.plan.load import parse
from magpie.plan.plan import Covered, PlannedStage, make_plan
from magpie.runs import RunFolder, open_run
from magpie.seams import Completion, Engine, TableStage
from magpie.settings.engines import Scripted
from magpie.settings.engines import Scripted as ScriptedSettings
from magpie.stages.spec import BoundStage


class Opener:
    """Opens scripted engines, and remembers what it opened and closed."""

    def __init__(self, *crash_after: int | None) -> None:
        self.log: list[str] = []
        self.crashes = list(crash_after)
        self.kind = Crashing

    @contextmanager
    def __call__(self, use: ModelUse) -> Iterator[Engine]:
        assert isinstance(use.engine, Scripted)
        self.log.append(f"open {use.engine.window}")
        limit = self.crashes.pop(0) if self.crashes else None
        with open_scripted(ScriptedSettings(window=use.engine.window)) as engine:
            yield engine if limit is None else self.kind(engine, limit)
        self.log.append(f"close {use.engine.window}")


class Crashing:
    """An engine whose process ends after some polls."""

    def __init__(self, engine: Engine, polls: int) -> None:
        self.window, self.context, self.capabilities = engine.window, engine.context, engine.capabilities
        self.submit, self.cancel = engine.submit, engine.cancel
        self._engine, self._left = engine, polls

    def poll(self, wait: float) -> Sequence[tuple[int, Completion | RequestFailed]]:
        self._left -= 1
        if self._left < 0:
            raise EngineCrashed("ended by signal 11")
        return self._engine.poll(wait)


def use_of(window: int) -> ModelUse:
    return replace(make_plan(parse("engine: scripted", "r")).use, engine=Scripted(window=window))


def test_an_engine_stays_open_while_stages_ask_it_and_goes_before_another_comes() -> None:
    opener = Opener()
    with Pool(opener, lambda _: None) as pool:
        first = pool.engines({"model": use_of(1)})
        assert pool.engines({"model": use_of(1)}) == first
        pool.engines({"user": use_of(1), "assistant": use_of(2)})
        pool.engines({"model": use_of(3)})
    assert opener.log == ["open 1", "open 2", *sorted(["close 1", "close 2"], reverse=True), "open 3", "close 3"]


def test_two_names_for_one_model_are_one_engine() -> None:
    opener = Opener()
    with Pool(opener, lambda _: None) as pool:
        engines = pool.engines({"user": use_of(1), "assistant": use_of(1)})
        assert engines["user"] is engines["assistant"]
    assert opener.log == ["open 1", "close 1"]


def test_an_engine_that_crashes_is_started_once_more_and_what_was_made_is_not_made_again(tmp_path: Path) -> None:
    opener, told = Opener(7), list[object]()
    plan = make_plan(parse("{name: x, size: 100, shard_rows: 16, engine: {name: scripted, window: 8}}", "r"))
    execute_plan(plan, RunFolder(tmp_path / "run"), told.append, opener)
    run = open_run(tmp_path / "run")
    assert opener.log == ["open 8", "close 8", "open 8", "close 8"]
    assert any("the engine died (ended by signal 11)" in str(line) for line in told)
    assert run.table().num_rows == 100
    took = run.info["sessions"][-1]["stages"]["instruct"]
    assert (took["wanted"], took["reused"], took["made"]) == (100, 0, 100)


def test_an_engine_that_crashes_twice_is_started_each_time_as_long_as_rows_are_made_between(tmp_path: Path) -> None:
    plan = make_plan(parse("{name: x, size: 100, shard_rows: 16, engine: {name: scripted, window: 8}}", "r"))
    execute_plan(plan, RunFolder(tmp_path / "run"), opener=Opener(4, 3))
    assert open_run(tmp_path / "run").table().num_rows == 100


def test_an_engine_that_crashes_before_it_makes_anything_ends_the_run(tmp_path: Path) -> None:
    plan = make_plan(parse("{name: x, size: 100, shard_rows: 16, engine: {name: scripted, window: 8}}", "r"))
    with pytest.raises(EngineDied):
        execute_plan(plan, RunFolder(tmp_path / "run"), opener=Opener(0, 0, 0))
    assert open_run(tmp_path / "run").table().num_rows == 0


class Failing(Crashing):
    """One of which the first answers are failures, and which takes some time."""

    def poll(self, wait: float) -> Sequence[tuple[int, Completion | RequestFailed]]:
        time.sleep(0.01)
        return [(ticket, RequestFailed("no luck")) for ticket, _ in super().poll(wait)]


def test_rows_that_failed_before_a_crash_are_made_after_it_and_counted_once(tmp_path: Path) -> None:
    opener, told = Opener(3), list[Progress | str]()
    opener.kind = Failing
    plan = make_plan(parse("{name: x, size: 50, respond: null, engine: {name: scripted, window: 8}}", "r"))
    execute_plan(plan, RunFolder(tmp_path / "run"), told.append, opener)
    run = open_run(tmp_path / "run")
    took = run.info["sessions"][-1]["stages"]["instruct"]
    assert run.counts()[0].failed == 0
    assert (took["made"], took["failed"]) == (50, 0)
    counts = [one.counts for one in told if isinstance(one, Progress)]
    assert all(one.reused + one.made + one.failed <= one.wanted for one in counts)
    assert took["seconds"] >= 3 * 0.01, "the time before the crash is work too"


def test_what_an_engine_found_when_it_was_opened_is_told_once() -> None:
    known, told = "tells no ids", list[str]()
    facts = Facts("text", "m", 256, warnings=(known,))
    use = replace(use_of(1), facts=facts)

    @contextmanager
    def opener(_: ModelUse) -> Iterator[Engine]:
        with open_scripted() as engine:
            engine.warnings = [known, "the key is sent without encryption"]  # type: ignore[attr-defined]
            yield engine

    with Pool(opener, told.append) as pool:
        pool.engines({"model": use})
        pool.engines({"model": use})
    assert told[1:] == ["warning: the key is sent without encryption"]


@pytest.mark.parametrize("loads_model", [True, False])
def test_engines_are_closed_before_a_stage_that_loads_a_model_of_its_own(loads_model: bool, tmp_path: Path) -> None:
    opener = Opener()

    @contextmanager
    def opened() -> Iterator[Callable[[pa.Table], pa.Table]]:
        opener.log.append("open scorer")
        yield lambda rows: rows.select(["row"])
        opener.log.append("close scorer")

    plan = make_plan(parse("{name: x, size: 30, engine: {name: scripted, window: 8}}", "r"))
    instruct, respond = plan.stages
    scorer = PlannedStage(2, BoundStage(TableStage("screen", (), (), opened, loads_model), {}), Covered(), "00000002")
    plan = replace(plan, stages=(instruct, scorer, replace(respond, position=3)))
    execute_plan(plan, RunFolder(tmp_path / "run"), opener=opener)
    apart = ["open 8", "close 8", "open scorer", "close scorer", "open 8", "close 8"]
    together = ["open 8", "open scorer", "close scorer", "close 8"]
    assert opener.log == (apart if loads_model else together)
