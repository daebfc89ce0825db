"""The fill rule on one shard: what is missing, what a journal saves, and what a sealed file says."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest

from magpie.errors import RunError
from magpie.runs import OpenShard, ShardFiles
from magpie.runs.shards import content_digest
from magpie.seams import Completion, Request, SamplingParams, Tokens
from magpie.stages.instruct.columns import INSTRUCTION
from magpie.stages.respond.columns import RESPONSE

COLUMNS = (RESPONSE,)


def opened(folder: Path, inputs: Mapping[int, str], read: str = "r1") -> OpenShard:
    rows = {row: {"row": row, "instruction": text} for row, text in inputs.items()}
    return OpenShard(ShardFiles(folder, 0), COLUMNS, rows, (INSTRUCTION.name,), read)


def made(shard: OpenShard, row: int, text: str = "yes", error: str | None = None) -> dict[str, Any]:
    return {
        "row": row,
        "response": None if error else text,
        "drop_reason": None,
        "error": error,
        "prompt_tokens": 3,
        "completion_tokens": 2,
        "wasted_tokens": 0,
        "input_digest": shard.digest(row),
    }


def fill(shard: OpenShard) -> OpenShard:
    for row in sorted(shard.missing):
        shard.record(made(shard, row))
    shard.seal()
    return shard


def test_a_new_shard_lacks_every_wanted_row(tmp_path: Path) -> None:
    assert opened(tmp_path, {0: "a", 2: "c"}).missing == {0, 2}


def test_a_sealed_shard_lacks_nothing_and_has_no_journal(tmp_path: Path) -> None:
    fill(opened(tmp_path, {0: "a", 2: "c"}))
    assert opened(tmp_path, {0: "a", 2: "c"}).missing == set()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["00000.parquet", "00000.sum"]


def test_rows_in_the_journal_are_not_made_again(tmp_path: Path) -> None:
    shard = opened(tmp_path, {0: "a", 1: "b"})
    shard.record(made(shard, 1))
    shard.close()
    assert opened(tmp_path, {0: "a", 1: "b"}).missing == {0}


def test_a_raised_size_makes_only_the_new_rows_and_keeps_the_old_ones(tmp_path: Path) -> None:
    fill(opened(tmp_path, {0: "a"}))
    wider = opened(tmp_path, {0: "a", 1: "b"})
    assert wider.missing == {1}
    fill(wider)
    assert pq.read_table(tmp_path / "00000.parquet").column("row").to_pylist() == [0, 1]


def test_a_row_with_an_error_is_missing_the_next_time(tmp_path: Path) -> None:
    shard = opened(tmp_path, {0: "a", 1: "b"})
    shard.record(made(shard, 0))
    shard.record(made(shard, 1, error="too long"))
    shard.seal()
    assert opened(tmp_path, {0: "a", 1: "b"}).missing == {1}


def test_a_row_whose_input_changed_is_missing_and_the_others_are_not(tmp_path: Path) -> None:
    fill(opened(tmp_path, {0: "a", 1: "b"}))
    assert opened(tmp_path, {0: "a", 1: "changed"}, read="r2").missing == {1}


def test_a_journal_line_for_an_older_input_does_not_count(tmp_path: Path) -> None:
    shard = opened(tmp_path, {0: "a"})
    shard.record(made(shard, 0))
    shard.close()
    assert opened(tmp_path, {0: "changed"}).missing == {0}


def test_a_row_that_is_not_wanted_any_more_stays_in_the_file(tmp_path: Path) -> None:
    fill(opened(tmp_path, {0: "a", 1: "b"}))
    fill(opened(tmp_path, {0: "a"}, read="r2"))
    assert pq.read_table(tmp_path / "00000.parquet").num_rows == 2


def test_the_same_rows_give_the_same_bytes_however_they_were_made(tmp_path: Path) -> None:
    once, twice = tmp_path / "once", tmp_path / "twice"
    once.mkdir()
    twice.mkdir()
    fill(opened(once, {0: "a", 1: "b", 2: "c"}))
    shard = opened(twice, {0: "a", 1: "b", 2: "c"})
    shard.record(made(shard, 2))
    shard.close()
    fill(opened(twice, {0: "a", 2: "c"}))
    fill(opened(twice, {0: "a", 1: "b", 2: "c"}))
    assert (once / "00000.parquet").read_bytes() == (twice / "00000.parquet").read_bytes()


def test_a_kill_between_sealing_and_dropping_the_journal_changes_nothing(tmp_path: Path) -> None:
    shard = opened(tmp_path, {0: "a", 1: "b"})
    shard.record(made(shard, 0))
    shard.record(made(shard, 1))
    shard.flush()
    journal = (tmp_path / "00000.part").read_bytes()
    shard.seal()
    sealed = (tmp_path / "00000.parquet").read_bytes()
    (tmp_path / "00000.part").write_bytes(journal)
    again = opened(tmp_path, {0: "a", 1: "b"})
    assert again.missing == set()
    again.seal()
    assert (tmp_path / "00000.parquet").read_bytes() == sealed
    assert not (tmp_path / "00000.part").exists()


def test_completions_of_unfinished_rows_come_back_by_row_number_and_request(tmp_path: Path) -> None:
    request = Request(Tokens((1, 2)), SamplingParams(), seed=5)
    completion = Completion("hé", (7, 8), "stop", 2, 3, 1)
    shard = opened(tmp_path, {0: "a"})
    shard.note(0, 1, request, completion)
    shard.close()
    assert opened(tmp_path, {0: "a"}).said == {0: {(1, request.digest()): completion}}


def test_what_was_said_for_a_row_that_failed_outlives_sealing_and_goes_when_the_row_is_made(tmp_path: Path) -> None:
    request, completion = Request(Tokens((1,)), SamplingParams()), Completion("he", (7,), "stop", 1, 2)
    shard = opened(tmp_path, {0: "a", 1: "b"})
    shard.note(0, 0, request, completion)
    shard.note(1, 0, request, completion)
    shard.record(made(shard, 0, error="too long"))
    shard.record(made(shard, 1))
    shard.seal()
    again = opened(tmp_path, {0: "a", 1: "b"})
    assert (again.missing, again.said) == ({0}, {0: {(0, request.digest()): completion}})
    fill(again)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["00000.parquet", "00000.sum"]


def test_rows_of_shards_of_another_size_are_refused(tmp_path: Path) -> None:
    shard = fill(opened(tmp_path, {0: "a", 5: "b"}))
    shard.check_span(range(8))
    with pytest.raises(RunError, match=r"holds row 5, expected rows 0 to 3.*another shard_rows"):
        opened(tmp_path, {0: "a"}).check_span(range(4))


def test_the_digest_of_a_shard_follows_its_rows(tmp_path: Path) -> None:
    files = fill(opened(tmp_path, {0: "a"})).files
    before = content_digest(files)
    shard = opened(tmp_path, {0: "a", 1: "b"})
    shard.record(made(shard, 1, "other"))
    shard.seal()
    assert before
    assert content_digest(files) not in ("", before)


def test_a_reader_sees_sealed_rows_and_those_in_the_journal(tmp_path: Path) -> None:
    fill(opened(tmp_path, {0: "a"}))
    shard = opened(tmp_path, {0: "a", 1: "b"})
    shard.record(made(shard, 1, "fresh"))
    shard.flush()
    assert shard.files.rows(COLUMNS).column("response").to_pylist() == ["yes", "fresh"]
    shard.close()


def test_columns_say_what_they_mean_in_the_file(tmp_path: Path) -> None:
    fill(opened(tmp_path, {0: "a"}))
    field = pq.read_schema(tmp_path / "00000.parquet").field("completion_tokens")
    assert field.metadata == {b"meaning": b"sampled for the row in this stage", b"unit": b"tokens"}


def test_a_damaged_file_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "00000.parquet").write_bytes(b"not parquet at all")
    with pytest.raises(RunError, match=r"00000\.parquet: cannot be read as Parquet.*delete it"):
        opened(tmp_path, {0: "a"})


GOOD_SAID = {"text": "he", "token_ids": [7], "finish_reason": "stop", "prompt_tokens": 1, "completion_tokens": 2}


def strange_lines(good: dict[str, Any]) -> list[Any]:
    """Valid JSON that no journal should hold, around a line that one may."""
    values: list[Any] = [[], {}, "x", -1, 1.5, True, 2**63, [[1]], {"a": None}]
    logprobs: list[Any] = [None, 1, [1], [[1]], [[[1]]], [[["a", "b", "c"]]]]
    said = {"row": 1, "n": 0, "request": "q"}
    needed = [name for name in good if name not in ("row", "attempts")]
    fine = ("attempts", -1)
    return [
        *([], {}, None, 7, "row", {"row": None}, {"row": True}, {"row": -1}, {"row": 1.0}, {"row": 2**63}),
        {"row": 1},
        *({name: good[name] for name in good if name != left_out} for left_out in needed),
        *({**good, name: value} for name in good for value in values if (name, value) != fine and value != "x"),
        {**good, "response": None},
        *({**said, "said": value} for value in (None, *values)),
        *({**said, "said": {**GOOD_SAID, name: value}} for name in GOOD_SAID for value in (None, *values, ["7"], [-1])),
        *({**said, "said": {**GOOD_SAID, "logprobs": value}} for value in logprobs),
        {**said, "said": {**GOOD_SAID, "more": 1}},
        {**said, "n": "0", "said": GOOD_SAID},
        {**said, "request": None, "said": GOOD_SAID},
        {"row": 1, "said": GOOD_SAID},
        *({"row": 1, "deaths": value} for value in (None, *values) if value != 2**63),
        {**good, "row": 2**40},
    ]  # fmt: skip


def test_a_line_of_another_shape_costs_its_row_alone(tmp_path: Path) -> None:
    shard = opened(tmp_path, {0: "a", 1: "b", 2: "c"})
    first, second, third = (made(shard, row) | {"attempts": 0} for row in range(3))
    lines = [first, *strange_lines(second), third]
    (tmp_path / "00000.part").write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    again = opened(tmp_path, {0: "a", 1: "b", 2: "c"})
    again.check_span(range(8))
    assert again.missing == {1}  # one line is well formed and says that the row was made from another input
    assert again.said.get(1, {}).keys() <= {(0, "q")}
    again.record(second)
    again.seal()
    assert again.files.rows(COLUMNS).column("response").to_pylist() == ["yes"] * 3


def test_each_strange_line_by_itself_leaves_the_line_before_it_in_force(tmp_path: Path) -> None:
    shard = opened(tmp_path, {0: "a", 1: "b"})
    zeroth, good = made(shard, 0) | {"attempts": 0}, made(shard, 1) | {"attempts": 0}
    for line in strange_lines(good):
        if isinstance(line, dict) and line.get("error") is None:
            path = tmp_path / "00000.part"
            path.write_bytes(b"".join(orjson.dumps(each) + b"\n" for each in (zeroth, good, line)))
            again = opened(tmp_path, {0: "a", 1: "b"})
            again.check_span(range(8))
            rows = again.files.rows(COLUMNS).to_pylist()
            assert [row["response"] for row in rows if row["row"] < 8] == ["yes", "yes"], line
