"""Models are fetched from the Hub only where its library is installed, and without their weights."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from magpie.errors import MissingExtra, ModelError
from magpie.install import install_hint_for
from magpie.modelfiles.hub import download


def test_only_small_files_are_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: dict[str, list[str]] = {}
    hub = ModuleType("huggingface_hub")

    def snapshot_download(repository: str, allow_patterns: list[str]) -> str:
        asked[repository] = allow_patterns
        return str(tmp_path)

    hub.snapshot_download = snapshot_download  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    assert download("owner/name") == tmp_path
    assert "tokenizer.json" in asked["owner/name"]
    assert not any("safetensors" in pattern for pattern in asked["owner/name"])


def test_a_failed_fetch_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = ModuleType("huggingface_hub")

    def snapshot_download(repository: str, allow_patterns: list[str]) -> str:
        raise OSError("no network\nat all")

    hub.snapshot_download = snapshot_download  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    with pytest.raises(ModelError, match=r"Hub \(OSError: no network\); check the name") as caught:
        download("owner/name")
    assert "\n" not in str(caught.value)


def test_without_the_library_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtra, match=re.escape(install_hint_for("huggingface_hub"))):
        download("owner/name")
