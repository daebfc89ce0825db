"""Rows that cannot be made are tried three times, and a row that kills its engine is found and left alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

import magpie
from magpie.engines.checks import token_ids
from magpie.errors import ContextFull, EngineCrashed, RequestFailed
from magpie.executors.local import execute_plan
from magpie.models.engines import ModelUse
from magpie.plan.plan import make_plan
from magpie.plan.resolve import resolve
from magpie.runs import Run, RunFolder, open_run
from magpie.seams import Capabilities, Completion, Engine, Request


def failed(run: Run, stage: str = "respond") -> dict[int, int]:
    """Row to attempts, of rows that a stage could not make."""
    query = f"SELECT row, attempts FROM {stage} WHERE error IS NOT NULL ORDER BY row"
    return {row["row"]: row["attempts"] for row in run.sql(query).to_pylist()}


def tried(run: Run, stage: str = "respond") -> int:
    counts = run.info["sessions"][-1]["stages"][stage]
    return int(counts["made"] + counts["failed"])


class Poisoned:
    """Answers all requests at once; with one of the poisoned rows in its hands it crashes."""

    def __init__(self, window: int, poison: frozenset[int], fails: frozenset[int] = frozenset()) -> None:
        self.window, self.context, self.capabilities = window, 100_000, Capabilities()
        self.poison, self.fails, self.held = poison, fails, dict[int, Request]()
        self.peak = 0

    def submit(self, ticket: int, request: Request) -> None:
        self.held[ticket] = request
        self.peak = max(self.peak, len(self.held))

    def poll(self, wait: float) -> Sequence[tuple[int, Completion | RequestFailed]]:
        if self.poison & {request.seed for request in self.held.values()}:
            raise EngineCrashed("segmentation fault")
        held, self.held = self.held, {}
        return [(ticket, self.answer(request)) for ticket, request in held.items()]

    def answer(self, request: Request) -> Completion | RequestFailed:
        if request.seed in self.fails:
            return RequestFailed("no")
        return Completion(f"Text {request.seed}.", (5, 6), "stop", len(token_ids(request)), 3)

    def cancel(self, tickets: Sequence[int]) -> None:
        for ticket in tickets:
            del self.held[ticket]


class Opener:
    def __init__(self, window: int, poison: frozenset[int]) -> None:
        self.window, self.poison, self.opened = window, poison, 0

    @contextmanager
    def __call__(self, _: ModelUse) -> Iterator[Engine]:
        self.opened += 1
        yield Poisoned(self.window, self.poison)


def seeds(rows: Sequence[int]) -> frozenset[int]:
    from magpie.seams import derive_seed

    return frozenset(derive_seed(0, "instruct", row, 0) for row in rows)


def run_poisoned(out: Path, rows: Sequence[int], window: int = 8, size: int = 40, retry_failed: bool = False) -> Opener:
    opener = Opener(window, seeds(rows))
    plan = make_plan(resolve(None, out, ("engine=scripted", "respond=null", f"size={size}")))
    execute_plan(plan, RunFolder(out), opener=opener, retry_failed=retry_failed)
    return opener


def test_a_row_that_kills_its_engine_is_found_and_left_alone(tmp_path: Path) -> None:
    opener = run_poisoned(tmp_path, [19])
    run = open_run(tmp_path)
    assert failed(run, "instruct") == {19: 3}
    assert run.table().filter(run.table().column("error").is_valid()).num_rows == 1
    assert run.sql("SELECT count(*) AS n FROM instruct WHERE error IS NULL").column("n")[0].as_py() == 39
    error = run.sql("SELECT error FROM instruct WHERE row = 19").column("error")[0].as_py()
    assert "the engine died 3 times with this row, the last time with it alone: segmentation fault" in error
    assert opener.opened == 4


def test_two_such_rows_far_from_each_other_are_both_found(tmp_path: Path) -> None:
    run_poisoned(tmp_path, [3, 31])
    assert set(failed(open_run(tmp_path), "instruct")) == {3, 31}


def test_a_row_that_was_found_stays_alone_until_it_is_asked_for_again(tmp_path: Path) -> None:
    run_poisoned(tmp_path, [19])
    again = run_poisoned(tmp_path, [])
    assert again.opened == 0
    run_poisoned(tmp_path, [], retry_failed=True)
    assert failed(open_run(tmp_path), "instruct") == {}


def test_an_engine_that_dies_again_and_again_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(EngineCrashed):
        run_poisoned(tmp_path, range(40))


def test_a_row_that_fails_is_tried_three_times_and_again_on_request(tmp_path: Path) -> None:
    settings = ("engine={name: scripted, fail_rate: 0.3}",)
    first = magpie.run(size=60, out=tmp_path, settings=settings)
    lost = failed(first, "instruct")
    assert lost
    assert set(lost.values()) == {1}
    for attempt in (2, 3):
        run = magpie.run(out=tmp_path)
        assert failed(run, "instruct") == dict.fromkeys(lost, attempt)
    assert tried(magpie.run(out=tmp_path), "instruct") == 0
    run = magpie.run(out=tmp_path, retry_failed=True)
    assert tried(run, "instruct") == len(lost)
    assert failed(run, "instruct") == dict.fromkeys(lost, 4)


def test_a_prompt_that_does_not_fit_drops_its_row_and_is_no_failure(tmp_path: Path) -> None:
    class Narrow(Poisoned):
        def answer(self, request: Request) -> Completion | RequestFailed:
            return ContextFull("too long") if request.seed % 3 == 0 else super().answer(request)

    @contextmanager
    def opener(_: ModelUse) -> Iterator[Engine]:
        yield Narrow(8, frozenset())

    plan = make_plan(resolve(None, tmp_path, ("engine=scripted", "size=30")))
    execute_plan(plan, RunFolder(tmp_path), opener=opener)
    run = open_run(tmp_path)
    reasons = {(row["dropped_by"], row["drop_reason"]) for row in run.table().to_pylist() if row["drop_reason"]}
    assert reasons == {("instruct", "context_full"), ("respond", "context_full")}
    assert failed(run) == failed(run, "instruct") == {}


def test_several_responses_outlive_requests_that_fail(tmp_path: Path) -> None:
    settings = ("engine={name: scripted, fail_rate: 0.05}", "respond.n=2", "respond.sampling.temperature=0.8")
    run = magpie.run(size=50, out=tmp_path, settings=settings)
    assert 0 < len(failed(run)) < 20
