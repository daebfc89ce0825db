"""Datasets in the shapes that people publish become runs, whose later stages then apply."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import magpie
from magpie.cli.app import main
from magpie.errors import RunError, UserError
from magpie.export import export
from magpie.imports import import_dataset
from magpie.imports.shapes import shape

BROKEN_GZIP = gzip.compress(b"x" * 99, mtime=0)[:10] + b"\xff" * 40
"""The head of a gzip file, and behind it what no compressed data begins with."""
PAIR = {"instruction": "Say hello.", "response": "Hello."}
UPSTREAM = Path(os.environ.get("MAGPIE_TEST_DATA", "nowhere")) / "data" / "upstream_instructions.jsonl"


def lines(path: Path, *documents: Any) -> Path:
    path.write_bytes(b"\n".join(orjson.dumps(document) for document in documents))
    return path


def turns(*said: tuple[str, str], keys: tuple[str, str] = ("role", "content")) -> list[dict[str, str]]:
    return [dict(zip(keys, one, strict=True)) for one in said]


@pytest.mark.parametrize(
    "document",
    [
        {"instruction": "Say hello.", "response": "Hello."},
        {"instruction": "Say hello.", "input": "", "output": "Hello."},
        {"messages": turns(("user", "Say hello."), ("assistant", "Hello."))},
        {"conversations": turns(("human", "Say hello."), ("gpt", "Hello."), keys=("from", "value"))},
        {"prompt": "Say hello.", "completion": "Hello."},
        {"prompt": turns(("user", "Say hello.")), "completion": turns(("assistant", "Hello."))},
        turns(("user", "Say hello."), ("assistant", "Hello.")),
    ],
)
def test_a_pair_is_read_in_every_shape(document: Any, tmp_path: Path) -> None:
    run, _ = import_dataset(lines(tmp_path / "set.jsonl", document), tmp_path / "run")
    (row,) = run.rows()
    assert {name: row[name] for name in PAIR} == PAIR
    assert row["messages"] == turns(("user", "Say hello."), ("assistant", "Hello."))


def test_further_turns_and_the_system_prompt_are_kept() -> None:
    said = (("system", "Be brief."), ("human", "Hi"), ("gpt", "Hello."), ("human", "Bye"), ("gpt", "Bye."))
    found = shape({"conversations": turns(*said, keys=("from", "value"))})
    assert found.columns["system"] == "Be brief."
    assert found.columns["turns"] == turns(("user", "Bye"), ("assistant", "Bye."))


def test_an_alpaca_input_follows_its_instruction() -> None:
    assert shape({"instruction": "Sum up.", "input": "A text.", "output": "x"}).columns["instruction"] == (
        "Sum up.\n\nA text."
    )


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"text": "plain"}, "no instruction and no messages"),
        ({"messages": turns(("assistant", "Hello."))}, "user and assistant do not take turns"),
        ({"messages": turns(("user", "a"), ("user", "b"))}, "user and assistant do not take turns"),
        ({"messages": turns(("user", "a"), ("tool", "b"))}, "role tool"),
        ({"messages": [{"role": "user", "content": [{"type": "image"}]}]}, "a message without text"),
        ({"messages": "hello"}, "no list of messages"),
        ({"instruction": "  "}, "empty"),
    ],
)
def test_what_holds_no_conversation_stays_in_the_run_dropped_with_the_reason(
    document: Any, reason: str, tmp_path: Path
) -> None:
    run, seen = import_dataset(lines(tmp_path / "set.jsonl", PAIR, document), tmp_path / "run")
    assert run.kept() == 1
    assert reason in run.table().to_pylist()[1]["drop_reason"]
    assert sum(seen.dropped.values()) == 1


def test_known_columns_are_carried_and_the_others_are_kept_in_meta(tmp_path: Path) -> None:
    document = PAIR | {
        "uuid": "abc",
        "input_quality": "good",
        "instruct_reward": 1,
        "repeat_count": 2.0,
        "other_task_category": ["Math"],
        "llama_guard_2": "unsafe\nS1,S3",
        "min_neighbor_distance": "far",
        "strange": 1,
    }
    run, seen = import_dataset(lines(tmp_path / "set.jsonl", document), tmp_path / "run")
    (row,) = run.rows()
    assert (row["source_id"], row["input_quality"], row["instruct_reward"]) == ("abc", "good", 1.0)
    assert (row["repeat_count"], row["other_task_category"]) == (2, ["Math"])
    assert (row["safety"], row["safety_categories"]) == ("unsafe", ["S1", "S3"])
    assert "min_neighbor_distance" not in row, "no value of it could be read"
    assert seen.unfit == {"min_neighbor_distance": 1}
    assert row["meta"] == {"min_neighbor_distance": "far", "strange": 1}
    assert run.sql("SELECT row FROM rows WHERE meta.strange > 0").num_rows == 1


@pytest.mark.skipif(not UPSTREAM.exists(), reason="the file that others published is not here")
def test_instructions_that_others_published_are_read() -> None:
    documents = [orjson.loads(line) for line in UPSTREAM.read_bytes().splitlines()]
    found = [shape(document) for document in documents]
    assert all(one.drop_reason is None and one.columns["input_quality"] for one in found)
    assert found[0].columns["variant"] == "temperature=1.1, top_p=1"
    assert {key for one in found for key in one.extra} == {"gen_input_configs", "input_length"}


def test_a_json_array_a_folder_and_parquet_hold_the_same(tmp_path: Path) -> None:
    documents = [PAIR | {"id": str(number)} for number in range(5)]
    folder = tmp_path / "folder" / "deeper"
    folder.mkdir(parents=True)
    lines(folder / "a.jsonl", *documents[:2])
    (folder / "b.json").write_bytes(b"\xef\xbb\xbf" + orjson.dumps(documents[2:]))
    pq.write_table(pa.Table.from_pylist(documents), tmp_path / "set.parquet")
    (tmp_path / "set.json").write_bytes(orjson.dumps(documents))
    sets = [tmp_path / "folder", tmp_path / "set.parquet", tmp_path / "set.json"]
    made = [import_dataset(path, tmp_path / f"run{n}")[0].table().to_pylist() for n, path in enumerate(sets)]
    ids = [[row["source_id"] for row in rows] for rows in made]
    assert ids == [["0", "1", "2", "3", "4"]] * 3


def test_rows_are_cut_into_shards(tmp_path: Path) -> None:
    run, _ = import_dataset(lines(tmp_path / "set.jsonl", *[PAIR] * 10), tmp_path / "run", shard_rows=4)
    files = sorted(path.name for path in run.path.glob("0-import-*/*.parquet"))
    assert files == [f"0000{n}.parquet" for n in range(3)]
    assert [row["row"] for row in run.rows()] == list(range(10))


def test_what_a_run_exports_can_be_imported_again(tmp_path: Path) -> None:
    run, _ = import_dataset(lines(tmp_path / "set.jsonl", PAIR, PAIR | {"instruction": "Ä"}), tmp_path / "run")
    export(run, "sharegpt", tmp_path / "again.jsonl")
    again, _ = import_dataset(tmp_path / "again.jsonl", tmp_path / "again")
    assert [row["messages"] for row in again.rows()] == [row["messages"] for row in run.rows()]


def test_importing_the_same_again_changes_nothing_and_another_set_is_refused(tmp_path: Path) -> None:
    path = lines(tmp_path / "set.jsonl", PAIR)
    import_dataset(path, tmp_path / "run")
    before = {file: file.read_bytes() for file in tmp_path.glob("run/0-import-*/*")}
    import_dataset(path, tmp_path / "run")
    assert {file: file.read_bytes() for file in tmp_path.glob("run/0-import-*/*")} == before
    with pytest.raises(RunError, match="another run"):
        import_dataset(lines(tmp_path / "other.jsonl", PAIR, PAIR), tmp_path / "run")


def test_imported_rows_that_were_lost_are_named(tmp_path: Path) -> None:
    run, _ = import_dataset(lines(tmp_path / "set.jsonl", PAIR), tmp_path / "run")
    next(run.path.glob("0-import-*/*.parquet")).unlink()
    with pytest.raises(RunError, match="import them again"):
        magpie.run(out=tmp_path / "run")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b'{"instr\n{"instr', "a.jsonl:1: unreadable: not JSON"),
        ("a.jsonl", b"3\n", "a.jsonl:1: unreadable: expected an object"),
        ("a.jsonl", b"\n", "nothing to import"),
        ("a.json", b"[1, 2", "expected an object, found a number"),
        ("a.json", b'[{"a', "a.json:1: unreadable: not JSON"),
        ("a.parquet", b"PAR1", "not a Parquet file"),
        ("a.parquet", b"text", "not a Parquet file"),
        ("a.csv", b"x", "nothing to import"),
        ("a.xlsx", b"x", "expected a file that ends in"),
        ("a.jsonl.gz", b"\x1f\x8bno", "not a file that can be read"),
        ("a.jsonl.gz", BROKEN_GZIP, "not a file that can be read"),
        ("a.jsonl.bz2", b"BZh91AY&SYbroken", "not a file that can be read"),
        ("a.jsonl.xz", b"\xfd7zXZ\x00broken", "not a file that can be read"),
        ("a.jsonl.zst", b"\x28\xb5\x2f\xfdbroken", "not a file that can be read"),
        ("a.jsonl", b'{"foo": "x", "bar": 1}\n', "keys found: foo, bar. Name what they are, as in --map"),
        ("a.jsonl", b'{"responses": ["x", "y"]}\n', "keys found: responses. Name"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_and_leaves_no_run(
    name: str, content: bytes, message: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        import_dataset(tmp_path / name, tmp_path / "run")
    assert not (tmp_path / "run" / "run.json").exists()
    assert not list((tmp_path / "run").glob("0-*"))


def test_a_published_set_without_responses_is_answered(tmp_path: Path) -> None:
    import_dataset(lines(tmp_path / "set.jsonl", {"instruction": "What is 3 plus 4?"}), tmp_path / "run")
    with pytest.raises(SystemExit) as exit:
        main(["respond", str(tmp_path / "run"), "--model", "fledgling", "--json"])
    assert exit.value.code == 0
    (row,) = magpie.open_run(tmp_path / "run").rows()
    assert row["response"]


def test_the_command_says_what_it_took_and_what_it_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = lines(tmp_path / "set.jsonl", PAIR | {"\x1b[31mkey": 1}, {"messages": []})
    with pytest.raises(SystemExit) as exit:
        main(["import", str(path), "--to", str(tmp_path / "run")])
    assert exit.value.code == 0
    printed = capsys.readouterr().out
    assert "2 rows imported" in printed
    assert "kept beside the columns of a run, as meta.KEY: _[31mkey" in printed
    assert "dropped 1: unreadable: no instruction and no messages (the first: set.jsonl:2)" in printed
    assert "\x1b" not in printed


def _late_fields(path: Path) -> Path:
    """Rows of which the last one has keys that the first shards do not know, and the first is like a later one."""
    rows = [PAIR | {"uuid": f"u{n}", "min_similar_uuid": "u5"} for n in range(6)]
    return lines(path, *rows, PAIR | {"topic": "late", "language": "en"})


def test_an_interrupt_while_the_same_is_imported_again_costs_a_finished_run_nothing(tmp_path: Path) -> None:
    path = _late_fields(tmp_path / "set.jsonl")
    run, _ = import_dataset(path, tmp_path / "run", shard_rows=2)
    before = {file: file.read_bytes() for file in run.path.rglob("*") if file.is_file()}
    rows = run.table()
    lost = run.path.glob("0-import-*/00000.parquet").__next__()

    def interrupt(written: int) -> None:
        if written > 4:
            raise KeyboardInterrupt

    for damage in (lambda: None, lambda: lost.write_bytes(b"damaged"), lost.unlink):
        damage()
        standing = {file: file.read_bytes() for file in run.path.rglob("*") if file.is_file()}
        with pytest.raises(KeyboardInterrupt):
            import_dataset(path, tmp_path / "run", watch=interrupt)
        assert {file: file.read_bytes() for file in run.path.rglob("*") if file.is_file()} == standing
        again, seen = import_dataset(path, tmp_path / "run")
        assert {file: file.read_bytes() for file in run.path.rglob("*") if file.is_file()} == before
        assert again.table() == rows
        assert (seen.rows, set(seen.meta)) == (7, {"min_similar_uuid", "topic"})


def test_rows_that_stand_without_an_index_outlive_an_interrupt(tmp_path: Path) -> None:
    path = _late_fields(tmp_path / "set.jsonl")
    run, _ = import_dataset(path, tmp_path / "run", shard_rows=2)
    rows = run.table()
    (run.path / "run.json").unlink()
    before = {file: file.read_bytes() for file in run.path.rglob("*") if file.is_file()}

    def interrupt(written: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_dataset(path, tmp_path / "run", shard_rows=2, watch=interrupt)
    assert {file: file.read_bytes() for file in run.path.rglob("*") if file.is_file()} == before
    again, _ = import_dataset(path, tmp_path / "run", shard_rows=2)
    assert again.table() == rows
