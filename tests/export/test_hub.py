"""Sending to the Hub: refused before anything is written, shown before anything is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from magpie.cli.app import main
from magpie.errors import UserError
from magpie.export import Upload, push
from magpie.runs import Run


class Recording:
    """The Hub's library, that notes what it is asked and sends nothing."""

    def __init__(self, error: Exception | None = None) -> None:
        self.asked: list[dict[str, Any]] = []
        self.error = error

    def create_repo(self, repo_id: str, **given: Any) -> None:
        if self.error is not None:
            raise self.error
        self.asked.append({"repo_id": repo_id, **given})

    def upload_folder(self, **given: Any) -> None:
        names = sorted(str(p.relative_to(given["folder_path"])) for p in Path(given["folder_path"]).rglob("*.*"))
        self.asked.append({**given, "folder_path": names})


@pytest.fixture
def no_token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)


def command(*words: Any) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    return int(ended.value.code or 0)


def test_a_folder_is_sent_whole_to_a_dataset_that_is_made_where_it_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "README.md").touch()
    hub = Recording()
    assert push(tmp_path, Upload("me/air", private=True), "300 rows", hub).endswith("/datasets/me/air")
    made, sent = hub.asked
    assert made == {"repo_id": "me/air", "repo_type": "dataset", "private": True, "exist_ok": True}
    assert (sent["folder_path"], sent["repo_type"], sent["commit_message"]) == (["README.md"], "dataset", "300 rows")


def test_what_the_hub_refuses_is_a_user_s_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="it was not taken: 403 Forbidden; expected a name and a token"):
        push(tmp_path, Upload("me/air"), "", Recording(ConnectionError("403\nForbidden")))


@pytest.mark.usefixtures("no_token")
def test_a_missing_token_is_told_before_anything_is_written(made: Run, tmp_path: Path, capsys: Any) -> None:
    assert command("export", made.path, "--push-to-hub", "me/air", "--to", tmp_path / "set") == 2
    assert "no token of the Hugging Face Hub is set here" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("no_token")
def test_a_dry_run_needs_no_token_shows_every_file_and_leaves_nothing(made: Run, tmp_path: Path, capsys: Any) -> None:
    words = ("--push-to-hub", "me/air", "--to", tmp_path / "set", "--dry-run", "--test-share", "0.2")
    assert command("export", made.path, *words) == 0
    shown = capsys.readouterr().out
    for name in ("README.md", "data/train-00000-of-00001.parquet", "data/test-00000-of-00001.parquet"):
        assert name in shown
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["air", "a/b/c", "me/", "../x", "me/a b"])
def test_a_name_that_the_hub_would_not_take_is_refused(made: Run, capsys: Any, name: str) -> None:
    assert command("export", made.path, "--push-to-hub", name, "--dry-run") == 2
    assert "expected OWNER/NAME" in capsys.readouterr().err


def test_an_export_is_sent_and_its_folder_kept_where_one_was_named(
    made: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    hub = Recording()
    monkeypatch.setattr("huggingface_hub.get_token", lambda: "hf_x")
    monkeypatch.setattr("huggingface_hub.HfApi", lambda: hub)
    assert command("export", made.path, "--push-to-hub", "me/air", "--to", tmp_path / "set") == 0
    drawn = ["pictures/instruction-length.svg", "pictures/response-length.svg"]
    assert hub.asked[1]["folder_path"] == ["README.md", "data/train-00000-of-00001.parquet", *drawn]
    assert (tmp_path / "set" / "README.md").exists()
    assert "rows sent to https://huggingface.co/datasets/me/air" in capsys.readouterr().out
