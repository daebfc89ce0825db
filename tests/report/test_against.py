"""A set beside another: shares, what is missing, coverage, duplicates; files are imported once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

import magpie
from magpie.cli import main
from magpie.errors import UserError
from magpie.imports import import_dataset
from magpie.report import make_report, open_other, others
from magpie.report.page import page
from magpie.runs import Run
from magpie.safe.keys import KeyNotAllowed
from tests.report.made import imported, made_run

pytest.importorskip("numpy")

SUBJECTS = ("tides", "magnets", "glaciers", "engines", "harbors")


def asked(n: int, about: str) -> dict[str, Any]:
    category = "Math" if n % 2 else "Editing"
    return {"instruction": f"Tell me about the {about} number {n}.", "response": "Gladly.", "task_category": category}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """An imported set of 40 rows with vectors."""
    folder = tmp_path_factory.mktemp("ours")
    made = imported(folder, [asked(n, SUBJECTS[n % 5]) for n in range(40)], "ours")
    return magpie.run(out=made.path, settings=("embed={}",))


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def theirs(folder: Path) -> Path:
    """20 of our rows, and 20 in another category, longer, about something else."""
    same = [asked(n, SUBJECTS[n % 5]) for n in range(20)]
    rows = [{"instruction": f"{'Please ' * 30} paint a fence, {n}.", "task_category": "Planning"} for n in range(20)]
    path = folder / "theirs.jsonl"
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in [*same, *rows]))
    return path


def test_a_file_is_imported_embedded_and_compared(run: Run, tmp_path: Path) -> None:
    other = open_other(theirs(tmp_path), run)
    numbers = make_report(run, [other])
    (found,) = numbers["against"]
    assert (found["name"], found["rows"]) == ("theirs", [40, 40])
    assert found["duplicates"] == {"rows": [20, 20]}
    planning = next(v for v in found["labels"]["task_category"]["values"] if v["label"] == "Planning")
    assert planning["rows"] == [0, 20]
    assert planning["shares"] == [0.0, 0.5]
    missing = [(one["what"], one.get("label"), one["side"]) for one in found["missing"]]
    assert ("task_category", "Planning", 0) in missing
    assert ("instruction_chars", None, 0) in missing
    assert found["coverage"]["rows"] == 40
    ours, back = found["coverage"]["sides"]
    assert ours["near"] >= 0.5  # half of our rows are in there
    assert found["coverage"]["near_duplicates"][0] >= 0.5
    assert back["balls"] <= 1.0
    assert found["vendi"]["union"] > 1
    assert "Missing on one side" in page(numbers)


def test_a_file_is_imported_once_and_anew_when_it_changes(run: Run, tmp_path: Path, monkeypatch: Any) -> None:
    path, calls = theirs(tmp_path), []

    def noted(*words: Any) -> Any:
        calls.append(words)
        return import_dataset(*words)

    monkeypatch.setattr(others, "import_dataset", noted)
    first = open_other(path, run)
    assert open_other(path, run).path == first.path
    assert len(calls) == 1
    path.write_bytes(path.read_bytes() + orjson.dumps(asked(99, "owls")) + b"\n")
    assert open_other(path, run).size == 41
    assert len(calls) == 2


def test_vectors_of_different_embedders_are_refused(run: Run, tmp_path: Path) -> None:
    other = imported(tmp_path, [asked(n, "owls") for n in range(3)], "other")
    magpie.run(out=other.path, settings=("embed.embedder={name: hashing, dimension: 64}",))
    with pytest.raises(UserError, match="another embedder") as refused:
        open_other(other.path, run)
    assert "hashing, 64" in str(refused.value)


def test_vectors_that_were_imported_are_refused(run: Run, tmp_path: Path) -> None:
    rows = [{"instruction": f"Owls, {n}?", "embedding": [1.0, 0.0]} for n in range(3)]
    other = made_run(tmp_path / "strange", {"import": rows})
    with pytest.raises(UserError, match="nobody knows what made them"):
        open_other(other.path, run)


def test_a_run_without_vectors_is_compared_by_the_rest(run: Run, tmp_path: Path) -> None:
    other = imported(tmp_path, [asked(n, "owls") for n in range(30)], "plain")
    numbers = make_report(run, [open_other(other.path, run)])
    (found,) = numbers["against"]
    assert found["without_vectors"] == ["plain"]
    assert "coverage" not in found
    assert found["labels"]["task_category"]["rows"] == [40, 30]
    assert "magpie embed RUN" in page(numbers)


def test_a_file_that_cannot_be_read_is_refused(run: Run, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        open_other(tmp_path / "absent.jsonl", run)


def test_a_stranger_s_run_sends_no_key_to_its_embedder_without_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its recipe is a file's word: the settings of `embed` are not the user's, though nobody typed others."""
    monkeypatch.setenv("MY_KEY", "sk-abcdefgh")
    other = imported(tmp_path, [asked(n, "owls") for n in range(3)], "other")
    server = {"name": "server", "url": "http://evil.example/v1", "api_key_env": "MY_KEY"}
    with pytest.raises(KeyNotAllowed, match=r"MY_KEY@http://evil\.example"):
        others._embed(other.path, {"embedder": server}, lambda _: None)


def test_a_page_that_is_there_is_replaced_only_where_that_was_asked_for(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "page.html"
    place.write_text("mine")
    words = ["report", str(run.path), "--to", str(place), "--price-in", "1"]
    for further, code in (((), 2), (("--overwrite",), 0), (("--overwrite", "--price-out", "inf"), 2)):
        with pytest.raises(SystemExit) as left:
            main([*words, *further])
        errors = capsys.readouterr().err
        assert int(left.value.code or 0) == code, errors
        assert (place.read_text() == "mine") == (not further)
