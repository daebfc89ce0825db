"""Where a model's files are looked for, and what is said when they are not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from magpie.errors import ModelError
from magpie.modelfiles.locate import file_digest, find_model, shipped_models


def test_every_model_in_the_package_is_there() -> None:
    assert shipped_models()
    assert all(path.is_file() for path in shipped_models().values())


def test_a_model_that_is_not_there_is_named_with_what_is() -> None:
    with pytest.raises(ModelError, match=r"'gone\.gguf': no such file.*fledgling"):
        find_model("gone.gguf")


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
