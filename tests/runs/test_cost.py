"""What a kept row cost, counted over files and sessions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import orjson
import pyarrow as pa
import pytest

import magpie
from magpie.executors.local import execute_plan
from magpie.plan.plan import Covered, PlannedStage, make_plan
from magpie.plan.resolve import resolve
from magpie.runs import Run, RunFolder, cost_of, open_run
from magpie.seams import Corpus, CorpusStage
from magpie.stages.spec import BoundStage


def every_other(corpus: Corpus) -> Iterator[pa.Table]:
    """A shortlist that drops every other row."""
    for batch in corpus.batches():
        rows = batch.column("row")
        reasons = ["not_shortlisted" if row % 2 else None for row in rows.to_pylist()]
        yield pa.table({"row": rows, "drop_reason": pa.array(reasons, pa.string())})


def shortlisted(out: Path, size: int = 60) -> Run:
    plan = make_plan(resolve(None, out, ("engine=scripted", f"size={size}")))
    instruct, respond = plan.stages
    shortlist = PlannedStage(2, BoundStage(CorpusStage("shortlist", (), (), every_other), {}), Covered(), "00000002")
    execute_plan(replace(plan, stages=(instruct, shortlist, replace(respond, position=3))), RunFolder(out))
    return open_run(out)


def test_tokens_and_seconds_of_all_stages_are_divided_by_the_rows_that_came_through(tmp_path: Path) -> None:
    magpie.run(size=40, out=tmp_path, settings=("engine=scripted",))
    run = magpie.run(size=80, out=tmp_path)
    cost = run.info["cost"]
    assert cost["kept"] == run.kept() > 0
    for counts in run.counts():
        stage = cost["stages"][counts.stage]
        assert stage["completion_tokens"] == counts.completion_tokens + counts.wasted_tokens > 0
        assert stage["prompt_tokens_per_kept_row"] == pytest.approx(counts.prompt_tokens / run.kept(), abs=1e-3)
        sessions = [session["stages"][counts.stage]["seconds"] for session in run.info["sessions"]]
        assert len(sessions) == 2
        assert stage["seconds"] == pytest.approx(sum(sessions), abs=1e-3)


def test_what_a_shortlist_spared_is_told(tmp_path: Path) -> None:
    run = shortlisted(tmp_path)
    _, shortlist, respond = run.counts()
    saved = cost_of(run).saved
    assert saved is not None
    assert saved["candidates"] == shortlist.made
    assert saved["answered"] == pytest.approx(respond.made / shortlist.made, abs=1e-4)
    spared = shortlist.dropped["not_shortlisted"]
    assert saved["tokens"] == round(spared * respond.completion_tokens / respond.made)


def test_a_run_without_a_shortlist_spared_nothing(tmp_path: Path) -> None:
    run = magpie.run(size=10, out=tmp_path, settings=("engine=scripted",))
    assert cost_of(run).saved is None
    assert orjson.loads((tmp_path / "run.json").read_bytes())["cost"]["saved"] is None


def test_a_run_that_kept_nothing_has_a_cost_all_the_same(tmp_path: Path) -> None:
    run = magpie.run(size=5, out=tmp_path, settings=("engine=scripted", "engine.empty_rate=1"))
    assert run.kept() == 0
    assert cost_of(run).plain()["stages"]["instruct"]["completion_tokens"] >= 0
