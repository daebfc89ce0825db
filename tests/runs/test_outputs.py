"""What a kill left beside a file or a folder that is no run's is removed by the next writer; nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from magpie.export.folders import whole_folder
from magpie.runs import whole_output
from magpie.runs.outputs import locked_folder


@pytest.mark.parametrize("writer", ["4711", "node-7-3f2a91c04b77"])
def test_the_temporary_file_of_a_process_that_was_killed_is_removed(writer: str, tmp_path: Path) -> None:
    left_over = tmp_path / f"rows.jsonl.{writer}.tmp"
    left_over.write_bytes(b"half")
    with whole_output(tmp_path / "rows.jsonl") as file:
        file.write(b"whole")
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]


def test_what_another_process_still_writes_stays(tmp_path: Path) -> None:
    other, target = tmp_path / "rows.jsonl.4711.tmp", tmp_path / "rows.jsonl"
    with whole_output(target) as file:
        Path(file.name).rename(other)
        with whole_output(target) as again:
            again.write(b"again")
        assert other.exists()
        other.rename(file.name)
    assert target.read_bytes() == b""


@pytest.mark.parametrize("name", ["rows.jsonl.tmp", "rows.jsonl.old.tmp", "rows.jsonl.4711", "other.4711.tmp"])
def test_a_user_s_files_stay(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"mine")
    with whole_output(tmp_path / "rows.jsonl"):
        pass
    assert (tmp_path / name).read_bytes() == b"mine"


def test_the_folder_of_an_export_that_was_killed_is_removed(tmp_path: Path) -> None:
    left_over = tmp_path / ".dataset.4711.tmp" / "data"
    left_over.mkdir(parents=True)
    (left_over / "train-00000.parquet").write_bytes(b"half")
    with whole_folder(tmp_path / "dataset") as folder:
        (folder / "README.md").write_text("whole")
    assert [path.name for path in tmp_path.iterdir()] == ["dataset"]


def test_the_folder_that_another_process_still_writes_stays(tmp_path: Path) -> None:
    other = tmp_path / ".dataset.4711.tmp"
    other.mkdir()
    with locked_folder(other), whole_folder(tmp_path / "dataset"):
        pass
    assert other.exists()
