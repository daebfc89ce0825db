"""Upgrades make nothing anew: a change of the package's own is told from an edit, named, and left to the user."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import magpie
from magpie.cli import main
from magpie.errors import RecipeError, RunError
from magpie.modelfiles.locate import find_model
from magpie.models import sampling
from magpie.plan import load, registry
from magpie.plan.resolve import resolve
from magpie.runs import Run, open_run
from magpie.stages.tag.settings import Tag
from tests.runs.kept import kept_run

SCRIPTED = ("engine=scripted",)


def make(out: Path, *settings: str, **more: Any) -> Run:
    return magpie.run(size=20, out=out, settings=(*SCRIPTED, *settings), **more)


def made(run: Run) -> dict[str, int]:
    return {stage: counts["made"] for stage, counts in run.info["sessions"][-1]["stages"].items()}


def new_version(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The package with another version of a stage."""
    stages = tuple(replace(spec, version=spec.version + (spec.name == name)) for spec in registry.STAGES)
    monkeypatch.setattr(registry, "STAGES", stages)
    for cached in (registry.stages, registry.recipe_keys, registry.column_map):
        cached.cache_clear()


@pytest.fixture(autouse=True)
def _as_shipped() -> Any:
    yield
    for cached in (registry.stages, registry.recipe_keys, registry.column_map):
        cached.cache_clear()


def test_a_new_version_of_a_stage_is_named_and_nothing_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = make(tmp_path).table()
    new_version(monkeypatch, "respond")
    with pytest.raises(RunError, match=r"respond: the stage makes other rows \(version 1 in the run, 2 now\).*--keep"):
        magpie.run(out=tmp_path)
    assert open_run(tmp_path).table().equals(before)


def test_remake_makes_the_named_stage_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path)
    new_version(monkeypatch, "respond")
    assert made(magpie.run(out=tmp_path, remake=("respond",)))["respond"] > 0
    assert made(magpie.run(out=tmp_path)) == {"instruct": 0, "respond": 0}
    with pytest.raises(RecipeError, match="--remake reply: this run has no such stage; expected one of instruct, resp"):
        magpie.run(out=tmp_path, remake=("reply",))


def test_keep_keeps_every_row_and_is_asked_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = make(tmp_path).table()
    new_version(monkeypatch, "instruct")
    assert made(magpie.run(out=tmp_path, keep=True)) == {"instruct": 0, "respond": 0}
    assert made(magpie.run(out=tmp_path)) == {"instruct": 0, "respond": 0}
    grown = magpie.run(out=tmp_path, size=30)
    assert made(grown)["instruct"] == 10
    assert grown.table().slice(0, 20).equals(before)


def test_a_changed_default_of_the_package_is_no_edit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path)
    monkeypatch.setitem(sampling.PAPER, "respond", sampling.PAPER["respond"] | {"temperature": 0.7})
    with pytest.raises(RunError, match=r"respond: sampling.temperature was 0.0 in the run, is 0.7 now"):
        magpie.run(out=tmp_path)
    grown = magpie.run(out=tmp_path, size=30, keep=True)
    assert open_run(tmp_path).info["stages"][1]["settings"]["sampling"]["temperature"] == 0.0
    assert made(grown)["instruct"] == 10
    assert made(magpie.run(out=tmp_path)) == {"instruct": 0, "respond": 0}


def test_a_changed_default_of_a_settings_class_is_no_edit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "tag={tags: [quality]}")

    class LaterTag(Tag):
        again: int = 4

    monkeypatch.setattr("magpie.stages.tag.settings.Tag", LaterTag)
    from magpie.plan import recipe

    recipe.stages_model.cache_clear()
    try:
        with pytest.raises(RunError, match="tag: again was 2 in the run, is 4 now"):
            magpie.run(out=tmp_path)
        assert made(magpie.run(out=tmp_path, keep=True))["tag"] == 0
    finally:
        monkeypatch.undo()
        recipe.stages_model.cache_clear()


def test_an_edit_makes_what_it_touches_without_a_question(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path)
    assert made(magpie.run(out=tmp_path, settings=("respond.sampling.temperature=0.5",)))["respond"] > 0
    new_version(monkeypatch, "instruct")
    with pytest.raises(RunError, match="instruct: the stage"):
        magpie.run(out=tmp_path, settings=("respond.sampling.temperature=0.25",))


def test_an_edited_recipe_file_of_the_run_is_the_user_s_word(tmp_path: Path) -> None:
    make(tmp_path)
    text = (tmp_path / "recipe.yaml").read_text()
    respond = text.index("\nrespond:")
    (tmp_path / "recipe.yaml").write_text(
        text[:respond] + text[respond:].replace("temperature: null", "temperature: 0.5")
    )
    assert made(magpie.run(out=tmp_path))["respond"] > 0


def test_one_changed_byte_in_a_model_file_is_named(tmp_path: Path) -> None:
    model = Path(shutil.copy(find_model("fledgling"), tmp_path / "m.gguf"))
    magpie.run(model=model, size=4, out=tmp_path / "run", settings=("engine=llamacpp",))
    data = bytearray(model.read_bytes())
    data[-1] ^= 1
    model.write_bytes(data)
    with pytest.raises(RunError, match="instruct: its model is another one") as refused:
        magpie.run(out=tmp_path / "run")
    assert "respond: its model is another one" in str(refused.value)
    assert made(magpie.run(out=tmp_path / "run", keep=True)) == {"instruct": 0, "respond": 0}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("version", "respond: the stage makes other rows"),
        ("default", "respond: sampling.temperature was 0.0 in the run, is 0.7 now"),
        ("model", "instruct: its model is another one"),
    ],
)
def test_a_run_of_earlier_code_is_protected_too(
    change: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = kept_run("basic", tmp_path)
    if change == "version":
        new_version(monkeypatch, "respond")
    elif change == "default":
        monkeypatch.setitem(sampling.PAPER, "respond", sampling.PAPER["respond"] | {"temperature": 0.7})
    else:
        monkeypatch.setattr("magpie.modelfiles.locate.file_digest", lambda _: "0" * 32)
    with pytest.raises(SystemExit) as ended:
        main(["run", "--out", str(path)])
    assert ended.value.code == 2
    assert reason in " ".join(capsys.readouterr().err.split())
    assert made(magpie.run(out=path, keep=True)) == {"instruct": 0, "respond": 0}


def test_a_shipped_recipe_that_has_changed_is_no_edit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    magpie.run("basic", size=20, out=tmp_path, settings=SCRIPTED)
    changed = dict(load.shipped()) | {"basic": "{respond: {sampling: {temperature: 0.3}}}"}
    monkeypatch.setattr(load, "shipped", lambda: changed)
    monkeypatch.setattr("magpie.plan.resolve.shipped", lambda: changed)
    with pytest.raises(RunError, match=r"respond: sampling.temperature was 0.0 in the run, is 0.3 now"):
        magpie.run("basic", out=tmp_path, settings=SCRIPTED)
    assert made(magpie.run(out=tmp_path)) == {"instruct": 0, "respond": 0}


def test_a_run_says_what_its_user_said(tmp_path: Path) -> None:
    index = make(tmp_path, "respond.sampling.temperature=0.5").info
    assert index["given"]["respond"] == {"sampling": {"temperature": 0.5}}
    assert "instruct" not in index["given"] or index["given"]["instruct"] == {}
    assert json.dumps(index["given"])
    assert resolve(None, tmp_path).given() == index["given"]
