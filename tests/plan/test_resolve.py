"""A recipe completed for a run: absolute paths, a name, a day, and what the run keeps."""

from __future__ import annotations

from pathlib import Path

import pytest

from magpie.plan.recipe import Recipe
from magpie.plan.resolve import FIXED, resolve


def test_paths_are_made_absolute_so_that_a_run_goes_on_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.gguf").write_bytes(b"")
    recipe = resolve("basic", tmp_path / "run", ["model=m.gguf", "template.chat_template=t.jinja"])
    assert recipe.model == str(tmp_path / "m.gguf")
    assert recipe.template.chat_template == str(tmp_path / "t.jinja")


def test_a_new_run_is_named_after_its_folder_and_dated(tmp_path: Path) -> None:
    recipe = resolve(None, tmp_path / "my air run")
    assert recipe.name == "my-air-run"
    assert recipe.template.date is not None


def test_what_a_run_fixes_is_a_setting() -> None:
    assert set(FIXED) <= set(Recipe.model_fields)


def test_the_paths_of_another_responder_are_made_absolute_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.gguf").write_bytes(b"")
    recipe = resolve("basic", tmp_path / "run", ["respond.model=m.gguf", "respond.template.chat_template=t.jinja"])
    assert recipe.settings("respond") is not None
    assert recipe.settings("respond").template is not None
    assert recipe.settings("respond").model == str(tmp_path / "m.gguf")
    assert recipe.settings("respond").template.chat_template == str(tmp_path / "t.jinja")


@pytest.mark.parametrize(
    ("section", "given"),
    [
        ("engine", "{name: server, url: 'http://127.0.0.1:1', api: text, served_model: m}"),
        ("embed", "{embedder: {name: server, url: 'http://127.0.0.1:1', served_model: m}}"),
        ("reward", "{by: server, server: {url: 'http://127.0.0.1:1', served_model: m}}"),
    ],
)
def test_a_served_model_is_the_servers_name_and_no_folder_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, section: str, given: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m").mkdir()
    recipe = resolve(None, tmp_path / "run", (f"{section}={given}",))
    shown = str(recipe.engine if section == "engine" else recipe.settings(section))
    assert "served_model='m'" in shown
