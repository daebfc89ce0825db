"""Counts and a resume with nothing to do rest on footers alone, and say what the rows themselves say."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from pathlib import Path

import orjson
import pytest

import magpie
from magpie.errors import EngineDied, RunError
from magpie.explore.rows import read_rows
from magpie.runs import Run, ShardFiles

STATES: dict[str, tuple[tuple[str, ...], int]] = {
    "whole": (("shard_rows=16",), 100),
    "one-shard": ((), 100),
    "failures": (("shard_rows=16", "engine.fail_rate=0.2"), 100),
    "died": (("shard_rows=16", "engine.window=8", "engine.die_after_polls=15"), 100),
    "died-late": (("shard_rows=16", "engine.window=8", "engine.die_after_polls=30"), 100),
    "not-a-multiple": (("shard_rows=7", "engine.fail_rate=0.1"), 40),
}


def make(out: Path, *settings: str, size: int) -> Run:
    settings = ("engine=scripted", "name=footers", "screen={}", *settings)
    with suppress(EngineDied):
        magpie.run(None, size=size, out=out, settings=settings)
    return magpie.open_run(out)


def check_counts(run: Run) -> None:
    """What is counted from footers is what is counted over the rows."""
    rows = run.table().to_pylist()
    kept = [row for row in rows if row["drop_reason"] is None and row["error"] is None and row["response"] is not None]
    assert run.kept() == run.table(kept=True).num_rows == len(kept)
    dropped = [row["row"] for row in rows if row["drop_reason"] is not None]
    assert run.row_numbers("kept").to_pylist() == [row["row"] for row in kept]
    assert run.row_numbers("dropped").to_pylist() == dropped
    assert run.row_numbers("all").to_pylist() == [row["row"] for row in rows]
    for counts in run.counts():
        made = run.sql(f'SELECT * FROM "{counts.stage}" WHERE row < {run.size}').to_pylist()
        good = [row for row in made if row["error"] is None]
        assert (counts.made, counts.failed) == (len(good), len(made) - len(good))
        assert counts.dropped == Counter(row["drop_reason"] for row in good if row["drop_reason"] is not None)
        assert counts.prompt_tokens == sum(row["prompt_tokens"] for row in made)
        assert counts.completion_tokens == sum(row["completion_tokens"] for row in made)
        errors = Counter(row["error"] for row in made if row["error"] is not None)
        most = max(errors.values(), default=0)
        assert errors.get(counts.commonest_error, 0) == most
        assert (counts.commonest_error is None) == (not errors)


@pytest.mark.parametrize("state", STATES)
def test_counts_are_those_of_the_rows_in_every_state_of_a_run(state: str, tmp_path: Path) -> None:
    settings, size = STATES[state]
    check_counts(make(tmp_path, *settings, size=size))
    check_counts(make(tmp_path, *settings, size=size - 21))  # fewer rows than there are
    check_counts(make(tmp_path, "engine.die_after_polls=9999", size=size + 5))


def test_where_nothing_is_to_be_done_no_shard_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = make(tmp_path, "shard_rows=16", size=100)
    counted = (before.counts(), before.kept())

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a shard was opened")

    monkeypatch.setattr(ShardFiles, "sealed", refuse)
    monkeypatch.setattr(ShardFiles, "rows", refuse)
    run = make(tmp_path, "shard_rows=16", size=100)
    stages = run.info["sessions"][-1]["stages"]
    assert {name: (counts["made"], counts["reused"]) for name, counts in stages.items()} == {
        counts.stage: (0, counts.made) for counts in counted[0]
    }
    assert (run.counts(), run.kept()) == counted
    assert repr(run) == repr(before)


def test_a_larger_size_opens_no_whole_shard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "shard_rows=16", size=64)
    opened = set()
    sealed = ShardFiles.sealed

    def note(self: ShardFiles, *words: object, **named: object) -> object:
        opened.add(self.number)
        return sealed(self, *words, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(ShardFiles, "sealed", note)
    run = make(tmp_path, "shard_rows=16", size=90)
    assert opened
    assert min(opened) >= 4
    check_counts(run)


def test_a_row_that_failed_is_tried_again_in_a_shard_that_was_sealed(tmp_path: Path) -> None:
    failed = make(tmp_path, "shard_rows=16", "engine.fail_rate=0.3", size=64)
    assert any(counts.failed for counts in failed.counts())
    run = make(tmp_path, "shard_rows=16", "engine.fail_rate=0", size=64)
    assert not any(counts.failed for counts in run.counts())
    check_counts(run)


def test_rows_of_a_shard_whose_input_changed_are_made_again(tmp_path: Path) -> None:
    make(tmp_path, "shard_rows=16", size=64)
    make(tmp_path, "shard_rows=16", "screen.min_chars=60", size=64)
    run = make(tmp_path, "shard_rows=16", size=64)
    check_counts(run)
    sessions = orjson.loads((tmp_path / "run.json").read_bytes())["sessions"]
    assert len(sessions) == 3


def test_questions_open_the_shards_and_stages_that_they_name_and_no_others(tmp_path: Path) -> None:
    run = make(tmp_path / "run", "shard_rows=16", size=48)
    before = [row for row in run.table().to_pylist() if row["row"] in (3, 40)]
    screened = run.sql("SELECT count(*) AS n FROM screen")
    damaged = [stage for stage in run.stages if stage.stage != "screen"]
    for stage in damaged:
        stage.shard(1).parquet.write_bytes(b"PAR1 damaged")
    assert run.sql("SELECT * FROM rows WHERE row IN (3, 40) ORDER BY row", shards={0, 2}).to_pylist() == before
    assert [row["id"] for row in read_rows(run, (40, 3))] == [row["id"] for row in reversed(before)]
    assert run.schema == run.sql("FROM rows LIMIT 0", shards={0}).schema
    assert screened.num_rows == 1
    with pytest.raises(RunError, match="00001"):
        run.table()
