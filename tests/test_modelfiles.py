"""Where a model's files are looked for, and what is said when they are not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import huggingface_hub
import pytest

from magpie.errors import ModelError
from magpie.modelfiles import file_digest, find_model, find_tokenizer, shipped_models


def test_every_model_in_the_package_is_there() -> None:
    assert shipped_models()
    assert all(path.is_file() for path in shipped_models().values())


def test_a_model_that_is_not_there_is_named_with_what_is() -> None:
    with pytest.raises(ModelError, match=r"'gone\.gguf': no such file.*fledgling"):
        find_model("gone.gguf")


def test_a_hub_id_fetches_the_tokenizer_and_never_the_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[Any] = []

    def download(name: str, allow_patterns: list[str]) -> str:
        asked.extend([name, *allow_patterns])
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    assert find_tokenizer("some-org/some.model-7B") == tmp_path
    assert asked[0] == "some-org/some.model-7B"
    assert not any("safetensors" in pattern or "bin" in pattern or pattern == "*" for pattern in asked)


def test_a_hub_that_does_not_answer_is_one_line_that_says_what_else_to_give(monkeypatch: pytest.MonkeyPatch) -> None:
    def download(*_: Any, **__: Any) -> str:
        raise OSError("no route\nto the Hub")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    with pytest.raises(ModelError, match=r"did not give it \(OSError: no route\); give the path") as caught:
        find_tokenizer("org/name")
    assert "\n" not in str(caught.value)


def test_a_path_with_one_slash_that_exists_is_no_hub_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "mine").mkdir()
    monkeypatch.chdir(tmp_path)
    assert find_tokenizer("models/mine") == Path("models/mine")


def test_the_digest_of_a_large_file_follows_its_ends_and_its_size(tmp_path: Path) -> None:
    path = tmp_path / "large.gguf"
    size = (64 << 20) + 4096
    digests = set()
    for change in (None, 0, size - 1, "longer"):
        with path.open("wb") as file:
            file.truncate(size + 1 if change == "longer" else size)
            if isinstance(change, int):
                file.seek(change)
                file.write(b"\1")
        digests.add(file_digest(path))
    assert len(digests) == 4
