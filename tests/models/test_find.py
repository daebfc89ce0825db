"""Where a model is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from magpie.modelfiles.locate import find_model
from magpie.models.find import find, open_tokenizer


def test_a_hub_id_is_fetched_unless_there_is_such_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = find_model("fledgling").parent
    asked: list[str] = []

    def download(name: str) -> Path:
        asked.append(name)
        return folder

    monkeypatch.setattr("magpie.models.find.download", download)
    assert open_tokenizer("owner/name").tokenizer.vocab_size == open_tokenizer("fledgling").tokenizer.vocab_size
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "mine").symlink_to(folder)
    open_tokenizer("models/mine")
    assert asked == ["owner/name"]


def test_a_model_on_the_hub_is_known_by_its_repository_and_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "0123abc").symlink_to(find_model("fledgling").parent)
    monkeypatch.setattr("magpie.models.find.download", lambda _: tmp_path / "0123abc")
    place = find("owner/name")
    assert place.forms == ("hub",)
    assert place.identity() == {"hub": "owner/name", "revision": "0123abc"}
