"""Counts and sets of rows from footers are those of the rows themselves, and a file without them is counted."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from magpie.errors import RunError
from magpie.runs import OpenShard, ShardFiles
from magpie.runs.shards import restamp
from magpie.runs.tally import Tally, bits, read_tally, row_numbers, tally_of, write_tally
from magpie.stages.respond.columns import RESPONSE

NUMBERS = ("prompt_tokens", "completion_tokens", "wasted_tokens")


def a_row(row: int, dice: random.Random) -> dict[str, Any]:
    fate = dice.choice(["good", "good", "empty", "truncated", "failed"])
    return {
        "row": row,
        "response": None if fate == "failed" else "yes",
        "drop_reason": fate if fate in ("empty", "truncated") else None,
        "error": "no answer" if fate == "failed" else None,
        "attempts": int(fate == "failed"),
        **{name: dice.randrange(100) for name in NUMBERS},
        "input_digest": 0,
    }


def sealed(folder: Path, rows: list[dict[str, Any]]) -> ShardFiles:
    shard = OpenShard(ShardFiles(folder, 0), (RESPONSE,), {row["row"]: {"row": row["row"]} for row in rows}, (), "")
    for row in rows:
        shard.record(row)
    shard.seal()
    return shard.files


@pytest.mark.parametrize("seed", range(5))
def test_a_sealed_shard_s_footer_says_what_its_rows_came_to(seed: int, tmp_path: Path) -> None:
    dice = random.Random(seed)
    rows = [a_row(row, dice) for row in sorted(dice.sample(range(40_000, 40_300), 100))]
    tally = sealed(tmp_path, rows).tally()
    assert tally is not None
    good = [row["row"] for row in rows if row["drop_reason"] is None and row["error"] is None]
    assert row_numbers(tally.good, tally.first).to_pylist() == good
    assert row_numbers(tally.rows, tally.first).to_pylist() == [row["row"] for row in rows]
    assert tally.failed == sum(row["error"] is not None for row in rows)
    assert tally.made == len(rows) - tally.failed
    reasons = [row["drop_reason"] for row in rows if row["drop_reason"]]
    assert tally.dropped == {reason: reasons.count(reason) for reason in set(reasons)}
    tokens = (tally.prompt_tokens, tally.completion_tokens, tally.wasted_tokens)
    assert tokens == tuple(sum(row[name] for row in rows) for name in NUMBERS)
    assert (tally.first, tally.end) == (rows[0]["row"], rows[-1]["row"] + 1)


def test_a_footer_is_read_anew_when_the_file_was_replaced(tmp_path: Path) -> None:
    dice = random.Random(1)
    files = sealed(tmp_path, [a_row(row, dice) for row in range(8)])
    before, footer = files.tally(), files.footer()
    assert files.footer() is footer
    restamp(files, "another")
    assert (files.made_from(), files.tally()) == ("another", before)
    files.parquet.unlink()
    assert (files.tally(), files.footer()) == (None, {})


@pytest.mark.parametrize("said", [None, b"", b"[1]", b'{"first": 0}', b'{"first": 0, "good": "-1", "bad": "0"}'])
def test_a_file_without_a_tally_or_with_a_broken_one_is_counted(said: bytes | None, tmp_path: Path) -> None:
    dice = random.Random(2)
    files = sealed(tmp_path, [a_row(row, dice) for row in range(30)])
    expected = files.tally()
    table = pq.read_table(files.parquet)
    pq.write_table(table.replace_schema_metadata({} if said is None else {b"magpie.tally": said}), files.parquet)
    assert files.tally() == expected


def test_a_file_whose_rows_cannot_be_counted_is_named(tmp_path: Path) -> None:
    files = ShardFiles(tmp_path, 0)
    pq.write_table(pa.table({"row": ["a"]}), files.parquet)
    with pytest.raises(RunError, match=r"00000\.parquet: its rows cannot be counted"):
        files.tally()


def test_sets_of_rows_shift_to_another_first_row_and_lose_what_lies_before_it() -> None:
    tally = Tally(10, 0b1011, 0b0100, {}, 0, 0, 0, 0)
    assert tally.from_row(8) == (0b101100, 0b010000)
    assert tally.from_row(11) == (0b101, 0b010)
    assert Tally(2**62, 0b1, 0b10, {}, 0, 0, 0, 0).from_row(0) == (0, 0)  # a damaged footer takes no memory


def test_a_tally_survives_being_written_whatever_its_rows() -> None:
    for rows in ([], [0], [5, 6, 4096], [2**40]):
        table = pa.table({"row": pa.array(rows, pa.int64()), "drop_reason": pa.nulls(len(rows), pa.string())})
        for name in ("error", *NUMBERS):
            kind = pa.string() if name == "error" else pa.int32()
            table = table.append_column(name, pa.nulls(len(rows), kind))
        tally = tally_of(table)
        assert read_tally(write_tally(tally)) == tally
        assert row_numbers(tally.good, tally.first).to_pylist() == rows
    assert bits(pa.array([3, 5], pa.int64()), 3, 9) == 0b101
