"""Folders as `datasets` reads them, several inputs, runs, datasets of the Hub; and what --map and --template say."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pyarrow as pa
import pytest

import magpie
from magpie.cli.app import main
from magpie.errors import UserError
from magpie.imports import Options, import_dataset
from magpie.imports.folders import splits_of
from magpie.imports.mapping import read_map

PAIR = {"instruction": "Say hello.", "response": "Hello."}


def write(path: Path, *documents: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\n".join(orjson.dumps(document) for document in documents))
    return path


def splits(folder: Path) -> dict[str, list[str]]:
    return {name: [str(path.relative_to(folder)) for path in paths] for name, paths in splits_of(folder).items()}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["a.jsonl", "b.json", "deep/c.jsonl"], {"train": ["a.jsonl", "b.json", "deep/c.jsonl"]}),
        (["data/train-00000-of-00001.jsonl", "data/test_sft-00000-of-00002.jsonl"], None),
        (["train.jsonl", "dev.jsonl", "my-test.jsonl"], {"test": ["my-test.jsonl"], "train": ["train.jsonl"]}),
        (["test/a.jsonl", "training/a.jsonl"], {"test": ["test/a.jsonl"], "train": ["training/a.jsonl"]}),
        (["a.jsonl", ".cache/b.jsonl", "dataset_info.json", "dataset_infos.json"], {"train": ["a.jsonl"]}),
        (["latest.jsonl", "contest.jsonl"], {"train": ["contest.jsonl", "latest.jsonl"]}),
        (["a.csv", "b.jsonl", "c.jsonl"], {"train": ["b.jsonl", "c.jsonl"]}),
    ],
)
def test_a_folder_s_splits_are_told_by_its_names(
    files: list[str], expected: dict[str, list[str]] | None, tmp_path: Path
) -> None:
    for name in files:
        write(tmp_path / name, PAIR)
    if expected is None:
        expected = {name.split("/")[1].split("-0")[0]: [name] for name in files}
    found = splits(tmp_path)
    assert expected.items() <= found.items()
    assert "dev.jsonl" not in files or found["validation"] == ["dev.jsonl"]


def test_a_card_s_configs_say_which_files_are_data(tmp_path: Path) -> None:
    for name in ("x/one.jsonl", "x/two.jsonl", "../outside.jsonl", "other.jsonl"):
        write(tmp_path / "set" / name, PAIR)
    head = "configs:\n- config_name: default\n  data_files:\n"
    paths = "  - {split: train, path: x/o*.jsonl}\n  - {split: test, path: [x/two.jsonl, ../outside.jsonl]}\n"
    (tmp_path / "set" / "README.md").write_text(f"---\n{head}{paths}---\n# Set\n")
    assert splits(tmp_path / "set") == {"train": ["x/one.jsonl"], "test": ["x/two.jsonl"]}


@pytest.mark.parametrize("pattern", ["**/" * 40 + "*.jsonl", ["**/**/*.jsonl"] * 10**5])
def test_a_card_s_hostile_patterns_cost_no_time(pattern: Any, tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(60):
        deep = deep / "d"
    write(deep / "a.jsonl", PAIR)
    head = json.dumps({"configs": [{"config_name": "default", "data_files": pattern}]})
    (tmp_path / "README.md").write_text(f"---\n{head}\n---\n")
    assert splits(tmp_path) == {"train": [str((deep / "a.jsonl").relative_to(tmp_path))]}


def test_what_save_to_disk_wrote_is_read_without_its_cache(tmp_path: Path) -> None:
    for split in ("train", "held_out"):
        folder = tmp_path / split
        folder.mkdir()
        table = pa.Table.from_pylist([PAIR])
        for name in ("data-00000-of-00001.arrow", "cache-1234.arrow"):
            with pa.ipc.new_stream(str(folder / name), table.schema) as stream:
                stream.write_table(table)
        (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}))
        (folder / "dataset_info.json").write_text("{}")
    (tmp_path / "dataset_dict.json").write_text(json.dumps({"splits": ["train", "held_out"]}))
    assert splits(tmp_path) == {name: [f"{name}/data-00000-of-00001.arrow"] for name in ("train", "held_out")}
    assert splits(tmp_path / "train") == {"train": ["data-00000-of-00001.arrow"]}


def test_only_train_is_read_unless_another_split_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    for split in ("train", "test"):
        write(folder / f"{split}.jsonl", PAIR | {"instruction": split})
    run, seen = import_dataset(folder, tmp_path / "one")
    assert [row["instruction"] for row in run.rows()] == ["train"]
    assert "test not: --split all reads all" in seen.notes[0]
    run, _ = import_dataset(folder, tmp_path / "two", Options(split="all"))
    assert {(row["instruction"], row["meta"]["split"]) for row in run.rows()} == {("train", "train"), ("test", "test")}
    with pytest.raises(UserError, match="has no split dev; expected test, train"):
        import_dataset(folder, tmp_path / "three", Options(split="dev"))
    (folder / "train.jsonl").rename(folder / "dev.jsonl")
    with pytest.raises(UserError, match="has the splits validation, test; say which with --split"):
        import_dataset(folder, tmp_path / "four")


def test_several_inputs_say_where_each_row_is_from(tmp_path: Path) -> None:
    one = write(tmp_path / "one.jsonl", PAIR | {"source": "its own"}, PAIR)
    two = write(tmp_path / "two.jsonl", PAIR | {"instruction": "Bye"})
    run, _ = import_dataset([one, two], tmp_path / "run", Options(limit=3))
    assert [(row["source"], row["meta"]["source"]) for row in run.rows()] == [
        ("one", "its own"),
        ("one", None),
        ("two", None),
    ]
    assert run.recipe["source"]["path"] == f"'{one}' '{two}'"


def test_runs_are_inputs_whose_rows_are_deduplicated_across(tmp_path: Path) -> None:
    for name, questions in (("air", ("What is a fjord?", "Name a prime.")), ("pro", ("Name a prime.", "Who?"))):
        documents = [PAIR | {"instruction": one, "id": f"{name}-{one}", "score": 1} for one in questions]
        import_dataset(write(tmp_path / f"{name}.jsonl", *documents), tmp_path / name)
    with pytest.raises(SystemExit) as left:
        main(["import", str(tmp_path / "air"), str(tmp_path / "pro"), "--to", str(tmp_path / "both"), "--json"])
    assert left.value.code == 0
    with pytest.raises(SystemExit) as left:
        main(["dedup", str(tmp_path / "both"), "--json"])
    assert left.value.code == 0
    rows = magpie.open_run(tmp_path / "both").table().to_pylist()
    assert [(row["source"], row["source_id"]) for row in rows[:2]] == [("air", "air-00000000"), ("air", "air-00000001")]
    assert [row["instruction"] for row in rows if row["drop_reason"] is None] == [
        "What is a fjord?",
        "Name a prime.",
        "Who?",
    ]
    assert rows[0]["meta"] == {"source_id": "air-What is a fjord?", "score": 1}


def test_keys_are_mapped_also_those_inside_others(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", {"q": {"text": "a"}, "r": "b", "response": "old", "context": "c"})
    run, _ = import_dataset(path, tmp_path / "run", Options(read_map(["q.text=instruction", "r=response"])))
    (row,) = run.rows()
    assert (row["instruction"], row["response"]) == ("a\n\nc", "b")
    assert row["meta"]["response_before"] == "old"
    with pytest.raises(UserError, match=r"--map s=\.\.\.: no row has this key; keys found: q, r, response, context"):
        import_dataset(path, tmp_path / "other", Options({"s": "system", "r": "instruction"}))


@pytest.mark.parametrize(
    ("words", "message"),
    [(["question"], "expected KEY=COLUMN"), (["a=nothing"], "nothing is read as"), (["a=system", "b=system"], "twice")],
)
def test_a_mapping_that_says_nothing_is_refused(words: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_map(words)


def test_a_template_renders_the_instruction_from_each_row(tmp_path: Path) -> None:
    rows = [{"question": "1+1?", "choices": ["1", "2"], "answer": "2"}, {"question": "?"}]
    path = write(tmp_path / "a.jsonl", *rows)
    template = "{{ question }}\n{% for one in choices %}- {{ one }}\n{% endfor %}"
    run, seen = import_dataset(path, tmp_path / "run", Options(read_map(["answer=response"]), template))
    (row,) = run.rows()
    assert (row["instruction"], row["response"]) == ("1+1?\n- 1\n- 2\n", "2")
    assert "the template failed ('choices' is undefined)" in next(iter(seen.dropped))
    for wrong in ("{{", "{{ ''.__class__.__mro__ }}"):
        with pytest.raises(UserError):
            import_dataset(path, tmp_path / "other", Options(template=wrong))


def columns_of(path: Path, out: Path, options: Options, *names: str) -> list[list[Any]]:
    """The values of some columns, or of fields of `meta`, a list for each row."""
    run, _ = import_dataset(path, out, options)
    return [[row[name] if name in row else row["meta"].get(name) for name in names] for row in run.rows()]


def test_a_key_that_stood_where_another_is_mapped_to_costs_no_key(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", {"q": "a", "answer": "b", "response": "old", "response_before": "older"})
    options = Options(read_map(["q=instruction", "answer=response"]))
    names = ("response", "response_before", "response_before_2")
    assert columns_of(path, tmp_path / "run", options, *names) == [["b", "older", "old"]]


def test_answers_of_a_server_s_choices_are_mapped_from_inside(tmp_path: Path) -> None:
    choices = [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "b"}}]
    row = {"custom_id": "1", "prompt": "a", "response": {"status_code": 200, "body": {"choices": choices}}}
    path = write(tmp_path / "a.jsonl", row)
    run, _ = import_dataset(path, tmp_path / "run", Options(read_map(["response.body.choices=responses"])))
    (found,) = run.rows()
    assert [(one["response"], one["finish_reason"]) for one in found["responses"]] == [("b", "stop")]
    assert json.loads(found["meta"]["response_before"]) == row["response"]
    with pytest.raises(UserError, match=r"the answer is no text \(dict\)"):
        import_dataset(path, tmp_path / "other")


SAID = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"instruction": "Hi", "input": "in", "context": "con", "output": "Hello"}, {"input": "in", "context": "con"}),
        ({"instruction": "Hi", "context": "con", "response": "Hello"}, {"instruction_before": None, "context": "con"}),
        ({"prompt": "Hi", "completion": "Hello"}, {"prompt": "Hi"}),
        ({"prompt": SAID[:1], "completion": SAID[1:]}, {"instruction_before": "Hi"}),
        ({"messages": SAID}, {"instruction_before": "Hi"}),
        ({"conversations": SAID, "instruction": "Hi"}, {"instruction_before": "Hi"}),
        ({"question": "Hi", "context": "con", "answer": "Hello"}, {"question": "Hi", "context": "con"}),
        ({"title": "Hi", "response": "Hello"}, {"title": "Hi"}),
        ({"text": "\n\nHuman: Hi\n\nAssistant: Hello"}, {"instruction_before": "Hi"}),
        ({"prompt": "Hi", "chosen": "Hello", "rejected": "No"}, {"prompt": "Hi", "rejected": "No"}),
        ({"chosen": SAID, "rejected": [SAID[0], {"role": "assistant", "content": "No"}]}, {"instruction_before": "Hi"}),
        ({"prompt": SAID[:1], "chosen": "Hello", "rejected": "No", "messages": SAID}, {"chosen": "Hello"}),
    ],
)
def test_what_a_template_makes_of_a_row_is_the_whole_instruction_whatever_the_row_holds(
    row: dict[str, Any], expected: dict[str, Any], tmp_path: Path
) -> None:
    path = write(tmp_path / "a.jsonl", row | {"n": 1})
    names = ("instruction", "response", *expected)
    found = columns_of(path, tmp_path / "run", Options(template="<{{ n }}>"), *names)
    assert found == [["<1>", "Hello", *expected.values()]]


def test_a_run_s_rows_are_mapped_to_columns_of_their_types(tmp_path: Path) -> None:
    rows = [
        {"id": f"{n}", "instruction": f"Q{n}", "response": "A", "grade": grade, "new": n}
        for n, grade in enumerate(["Good", "no label", 3])
    ]
    import_dataset(write(tmp_path / "a.jsonl", *rows), tmp_path / "a")
    names = ("instruction", "input_quality")
    options = Options(read_map(["meta.grade=input_quality", "meta.new=response"]))
    run, seen = import_dataset(tmp_path / "a", tmp_path / "one", options)
    assert [(row["instruction"], row["input_quality"], row["meta"]["response"]) for row in run.rows()] == [
        ("Q0", "good", 0),
        ("Q1", None, 1),
        ("Q2", None, 2),
    ]
    assert seen.unfit == {"input_quality": 2, "response": 3}
    found = columns_of(tmp_path / "a", tmp_path / "two", Options(template="{{ instruction }}!"), *names[:1], "response")
    assert found == [["Q0!", "A"], ["Q1!", "A"], ["Q2!", "A"]]
    talk = write(tmp_path / "talk.jsonl", {"instruction": "x", "said": SAID}, {"instruction": "y", "said": SAID})
    import_dataset(talk, tmp_path / "talk")
    options = Options(read_map(["meta.said=messages"]))
    found = columns_of(tmp_path / "talk", tmp_path / "three", options, "instruction", "response")
    assert found == [["Hi", "Hello"], ["Hi", "Hello"]]


def test_a_mapping_for_one_input_leaves_the_columns_of_a_run_beside_it(tmp_path: Path) -> None:
    import_dataset(write(tmp_path / "a.jsonl", PAIR), tmp_path / "a")
    path = write(tmp_path / "b.jsonl", {"q": "Bye", "a": "Bye."})
    run, _ = import_dataset([tmp_path / "a", path], tmp_path / "run", Options({"q": "instruction", "a": "response"}))
    assert [row["instruction"] for row in run.rows()] == [PAIR["instruction"], "Bye"]


def test_a_dataset_of_the_hub_is_streamed_at_its_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def load_dataset(name: str, config: Any, *, split: str, revision: str, streaming: bool) -> list[Any]:
        asked.append((name, config, split, revision, streaming))
        return [PAIR]

    fake = SimpleNamespace(get_dataset_split_names=lambda *_, **__: ["train", "test"], load_dataset=load_dataset)
    hub = SimpleNamespace(HfApi=lambda: SimpleNamespace(dataset_info=lambda _: SimpleNamespace(sha="abc")))
    monkeypatch.setitem(sys.modules, "datasets", fake)
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    run, _ = import_dataset("owner/name:small", tmp_path / "run")
    assert asked == [("owner/name", "small", "train", "abc", True)]
    assert run.recipe["source"]["path"] == "owner/name:small"
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UserError, match="as a dataset of the Hub it needs the library datasets"):
        import_dataset("owner/name", tmp_path / "other")


def test_a_path_that_looks_like_markup_is_a_path(tmp_path: Path) -> None:
    path = write(tmp_path / "[" / "x]" / "a.jsonl", PAIR)
    with pytest.raises(SystemExit) as left:
        main(["import", str(path), "--to", str(tmp_path / "run")])
    assert left.value.code == 0
