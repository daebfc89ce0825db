"""Rows are read from every kind of file, however it is written; one that cannot be read costs no other."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest

from magpie.errors import UserError
from magpie.imports import json_values
from magpie.imports.containers import documents
from magpie.imports.documents import Broken, Document

ROWS: list[dict[str, Any]] = [{"instruction": f"Say {n}.", "output": f"{n}\n\n\u2028 «{n}»", "n": n} for n in range(40)]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS)


def values(path: Path) -> list[Any]:
    return [found.values if isinstance(found, Document) else None for found in documents(path)]


WRITTEN = {
    "lines.jsonl": LINES,
    "lines.JSONL": LINES,
    "lines.json": "\ufeff" + LINES,
    "lines-with-commas.jsonl": LINES.replace("}\n", "},\n"),
    "one-behind-the-other.json": LINES.replace("\n", " "),
    "array.json": json.dumps(ROWS),
    "array-in-a-line.jsonl": json.dumps(ROWS),
    "array-a-line.jsonl": "\n".join(json.dumps(ROWS[n : n + 10]) for n in range(0, 40, 10)),
    "indented.json": json.dumps(ROWS, indent=4),
    "indented-objects.jsonl": "\n".join(json.dumps(row, indent=2) for row in ROWS),
    "blanks.json": " " * 100 + "\r\n" * 100 + json.dumps(ROWS, indent=1),
    "under-a-key.json": json.dumps({"data": ROWS, "version": "1.0"}, indent=2),
    "under-a-key-in-a-line.json": json.dumps({"version": "1.0", "data": ROWS}),
    "two-arrays.json": json.dumps(ROWS[:20]) + "\n" + json.dumps(ROWS[20:]),
    "columns.json": json.dumps({key: [row[key] for row in ROWS] for key in ROWS[0]}),
}


@pytest.mark.parametrize("block", [64, 1 << 20])
@pytest.mark.parametrize("name", WRITTEN)
def test_json_is_read_however_it_is_written(
    name: str, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_values, "_BLOCK", block)
    path = tmp_path / name
    path.write_text(WRITTEN[name], encoding="utf-8")
    assert values(path) == ROWS


def test_compressed_files_are_read_whatever_they_are_called(tmp_path: Path) -> None:
    text = LINES.encode()
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(text))
    (tmp_path / "b.JSONL.XZ").write_bytes(lzma.compress(text))
    (tmp_path / "c.jsonl.bz2").write_bytes(bz2.compress(text))
    (tmp_path / "d.jsonl").write_bytes(gzip.compress(text[:500]) + gzip.compress(text[500:]))
    with pa.OSFile(str(tmp_path / "e.jsonl.zst"), "wb") as file, pa.CompressedOutputStream(file, "zstd") as stream:
        stream.write(text)
    for path in sorted(tmp_path.iterdir()):
        assert values(path) == ROWS, path.name


def test_tables_with_types_are_read(tmp_path: Path) -> None:
    table = pa.Table.from_pylist(ROWS).append_column("picture", pa.array([b"x"] * 40))
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=7)
    with pa.ipc.new_stream(str(tmp_path / "b.arrow"), table.schema) as stream:
        stream.write_table(table, max_chunksize=7)
    with pa.ipc.new_file(str(tmp_path / "c.arrow"), table.schema) as file:
        file.write_table(table)
    for path in sorted(tmp_path.iterdir()):
        assert values(path) == ROWS, path.name


def test_values_that_python_cannot_have_are_null(tmp_path: Path) -> None:
    times = pa.array([1, 10**18], pa.timestamp("ns"))
    pq.write_table(pa.table({"a": ["x", "y"], "at": times.cast(pa.timestamp("ns"))}), tmp_path / "a.parquet")
    dates = pa.array([0, 2**40], pa.timestamp("s"))
    pq.write_table(pa.table({"a": ["x", "y"], "at": dates}), tmp_path / "b.parquet")
    assert [row["a"] for row in values(tmp_path / "a.parquet")] == ["x", "y"]
    assert values(tmp_path / "b.parquet")[1] == {"a": "y", "at": None}


@pytest.mark.parametrize(("name", "sign"), [("a.csv", ","), ("a.csv", ";"), ("a.tsv", "\t")])
def test_tables_of_texts_are_read(name: str, sign: str, tmp_path: Path) -> None:
    written = sign.join(("instruction", "output")) + "\r\n" + sign.join(('"two\n""lines"""', "a\u2028b")) + "\r\n"
    (tmp_path / name).write_text(written + f"x{sign}\n", encoding="utf-8-sig", newline="")
    assert values(tmp_path / name) == [{"instruction": 'two\n"lines"', "output": "a\u2028b"}, {"instruction": "x"}]


def test_a_table_whose_rows_do_not_fit_its_first_line_loses_these_rows(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("instruction,output\na, b, c\nd,e\n")
    broken, kept = documents(tmp_path / "a.csv")
    assert isinstance(broken, Broken)
    assert "3 cells, where the first line names 2 columns" in broken.reason
    assert kept == Document("a.csv:3", {"instruction": "d", "output": "e"})
    (tmp_path / "b.csv").write_text("a,a\n1,2\n")
    with pytest.raises(UserError, match="names each column, once"):
        list(documents(tmp_path / "b.csv"))


def test_a_quote_that_is_not_closed_merges_no_rows(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text('question\tanswer\na\tb\n"c\td\n"e"\tf\ng\th\n')
    assert values(tmp_path / "a.tsv") == [{"question": "a", "answer": "b"}, None, {"question": "g", "answer": "h"}]
    (tmp_path / "b.csv").write_text('question,answer\na,b\nc,"d\ne,f\n')
    assert values(tmp_path / "b.csv") == [{"question": "a", "answer": "b"}, None]


def test_a_table_s_first_line_may_hold_line_ends_and_commas_in_quotes(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('"question\n(yours, please)";answer\na;"b\nb"\n')
    assert values(tmp_path / "a.csv") == [{"question\n(yours, please)": "a", "answer": "b\nb"}]


def test_a_broken_line_costs_no_other(tmp_path: Path) -> None:
    lines = [
        '{"prompt": "a"}',
        '{"prompt": "b"',
        "3",
        '{"prompt": 1e999, "x": NaN}',
        '{"prompt": "\\ud83d"}',
        "[" * 9999,
    ]
    (tmp_path / "a.jsonl").write_text("\n".join([*lines, '{"prompt": "z"}']))
    found = list(documents(tmp_path / "a.jsonl"))
    assert [one.place for one in found] == [f"a.jsonl:{n}" for n in range(1, 8)]
    reasons = {n: one.reason for n, one in enumerate(found, start=1) if isinstance(one, Broken)}
    assert "not JSON (Expecting ',' delimiter at character 15)" in reasons[2]
    assert reasons.keys() == {2, 3, 6}
    assert isinstance(found[4], Document)
    assert found[4].values == {"prompt": "\ufffd"}, "half of a pair"


def test_bytes_that_are_no_text_are_told_from_it(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"prompt": "a\xff"}\n{"prompt": "b"}\n')
    assert values(tmp_path / "a.jsonl") == [{"prompt": "a\ufffd"}, {"prompt": "b"}]
    (tmp_path / "a.json").write_bytes(b'[\n{"prompt": "a\xff"},\n{"prompt": "b"}\n]')
    assert values(tmp_path / "a.json") == [{"prompt": "a\ufffd"}, {"prompt": "b"}]


@pytest.mark.parametrize("cut", [1, 60, 500])
def test_of_an_array_that_is_cut_short_the_rows_before_are_read(cut: int, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(ROWS, indent=1)[:-cut])
    *found, last = documents(tmp_path / "a.json")
    assert [one.values for one in found if isinstance(one, Document)] == ROWS[: len(found)]
    assert isinstance(last, Broken)
    assert last.ends
    assert "not JSON" in last.reason


def test_a_list_of_messages_is_a_conversation_wherever_it_stands(tmp_path: Path) -> None:
    talk = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    for name, written in {
        "a.jsonl": json.dumps(talk) + "\n" + json.dumps(talk),
        "b.json": json.dumps([talk, talk], indent=2),
        "c.json": json.dumps(talk, indent=2),
    }.items():
        (tmp_path / name).write_text(written)
        assert {json.dumps(found) for found in values(tmp_path / name)} == {json.dumps({"messages": talk})}, name


def test_rows_of_a_table_of_messages_are_no_conversation(tmp_path: Path) -> None:
    rows = [{"message_id": "1", "parent_id": None, "text": "q", "role": "prompter"}] * 2
    (tmp_path / "a.json").write_text(json.dumps(rows, indent=1))
    assert values(tmp_path / "a.json") == rows
    served = {"features": [], "rows": [{"row_idx": 0, "row": ROWS[0], "truncated_cells": []}], "num_rows_total": 1}
    (tmp_path / "b.json").write_text(json.dumps(served))
    assert values(tmp_path / "b.json") == ROWS[:1]


TALKS: dict[str, list[dict[str, str]]] = {
    "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}],
    "speakers": [{"speaker": "user", "text": "Hi"}, {"speaker": "assistant", "text": "Hello"}],
    "pairs": [{"human": "Hi", "assistant": "Hello"}, {"human": "Bye", "assistant": "Bye"}],
}


@pytest.mark.parametrize("talk", TALKS)
@pytest.mark.parametrize("key", ["items", "data"])
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("several", [False, True])
def test_a_row_whose_own_column_is_called_as_the_rows_of_a_file_stays_whole(
    talk: str, key: str, indent: int | None, several: bool, tmp_path: Path
) -> None:
    rows = [{key: TALKS[talk], "topic": f"t{n}", "n": n} for n in range(3 if several else 1)]
    for number, written in enumerate(
        ["\n".join(json.dumps(row, indent=indent) for row in rows), json.dumps(rows, indent=indent)]
    ):
        (tmp_path / f"{number}.json").write_text(written)
        assert values(tmp_path / f"{number}.json") == rows


def test_what_stands_beside_a_list_says_whether_it_holds_rows(tmp_path: Path) -> None:
    pairs = [{"question": "1+1?", "answer": "2"}, {"question": "2+2?", "answer": "4"}]
    items = [{"name": "a"}, {"name": "b"}]
    for document, rows in (
        ({"data": pairs}, pairs),
        ({"version": "1.0", "data": pairs}, pairs),
        ({"topic": "sums", "data": pairs}, None),
        ({"data": pairs, "id": 7}, None),
        ({"items": items, "query": "Which?", "answer": "a"}, None),
        ({"rows": items, "split": "train"}, items),
    ):
        for indent in (None, 1):
            (tmp_path / "a.json").write_text(json.dumps(document, indent=indent))
            assert values(tmp_path / "a.json") == ([document] if rows is None else rows), (document, indent)
