"""What `magpie show` prints of rows, their judgments and their twins."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.cells import cell_len

from magpie.cli import main
from magpie.imports import import_dataset
from tests.runs.kept import kept_run

Magpie = Callable[..., tuple[int, str, str]]


@pytest.fixture
def magpie(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Magpie:
    monkeypatch.setenv("COLUMNS", "80")

    def call(*words: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main([str(word) for word in words])
        captured = capsys.readouterr()
        return int(left.value.code or 0), captured.out, captured.err

    return call


def test_judgments_stand_under_each_conversation(tmp_path: Path, magpie: Magpie) -> None:
    _, shown, _ = magpie("show", kept_run("mini", tmp_path), "-n", 2)
    assert shown.count("quality ") == shown.count("difficulty ") == 2
    assert all(cell_len(line) <= 80 for line in shown.splitlines())


def test_rows_that_match_are_counted_and_those_that_are_dropped_are_told_of(tmp_path: Path, magpie: Magpie) -> None:
    run = kept_run("mini", tmp_path)
    _, shown, _ = magpie("show", run, "--where", "input_quality >= 'very poor'", "-n", 1)
    assert "1 of " in shown
    assert "kept rows that match." in shown
    assert "more rows match that are dropped or not finished: --all shows them too." in shown
    _, shown, _ = magpie("show", run, "--where", "input_quality < 'very poor'")
    assert shown == "No kept rows match.\n"


def test_a_dropped_duplicate_stands_beside_its_twin(tmp_path: Path, magpie: Magpie) -> None:
    rows = ["Why is the sky\x1b[31m blue?", "Name a river.", "Why is the sky\x1b[31m blue?"]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps({"instruction": text}) + "\n" for text in rows))
    pytest.importorskip("rensa")
    import_dataset(tmp_path / "rows.jsonl", tmp_path / "run")
    assert magpie("dedup", tmp_path / "run")[0] == 0
    _, shown, _ = magpie("show", tmp_path / "run", "--dropped")
    assert "like run-00000000" in shown
    (line,) = (line for line in shown.splitlines() if "Why" in line)
    assert line.count("Why is the sky\\x1b[31m blue?") == 2
    assert "\x1b" not in shown


def test_json_has_every_column_but_vectors_or_those_that_are_named(tmp_path: Path, magpie: Magpie) -> None:
    run = kept_run("mini", tmp_path)
    row = json.loads(magpie("show", run, "-n", 1, "--json")[1])
    assert "embedding" not in row
    assert {"id", "instruction", "messages", "input_quality"} <= set(row)
    row = json.loads(magpie("show", run, "-n", 1, "--json", "--column", "embedding", "--column", "difficulty")[1])
    assert set(row) == {"id", "row", "embedding", "difficulty"}


def test_a_column_is_shown_under_the_conversation_and_never_obeyed(tmp_path: Path, magpie: Magpie) -> None:
    (tmp_path / "rows.jsonl").write_text(json.dumps({"instruction": "a", "quality_explanation": "\x1b]0;x\x07[red]"}))
    import_dataset(tmp_path / "rows.jsonl", tmp_path / "run")
    _, shown, _ = magpie("show", tmp_path / "run", "--column", "quality_explanation", "--id", 0)
    assert "quality_explanation: \\x1b]0;x\\x07[red]" in shown


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--where", "no_such = 1"], "no column is called 'no_such'"),
        (["--sort", "1"], "expected columns"),
        (["--id", "999"], "expected mini-00000000 to"),
        (["--column", "no_such"], "no column is called 'no_such'"),
        (["--dropped", "--all"], "--dropped and --all: expected one of them"),
    ],
)
def test_what_cannot_be_shown_is_one_line_and_exit_code_2(
    tmp_path: Path, magpie: Magpie, words: list[str], message: str
) -> None:
    code, shown, errors = magpie("show", kept_run("mini", tmp_path), *words)
    assert (code, shown, errors.count("\n")) == (2, "", 1)
    assert message in errors
