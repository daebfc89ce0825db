"""A temporary folder goes with its block; what a killed process left goes with the next one."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import pytest

from magpie.runs import temporary
from magpie.runs.temporary import temporary_folder


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    temporary._sweep.cache_clear()
    return tmp_path


def left(place: Path, name: str, age: float) -> Path:
    """A folder with a file, of so many seconds ago."""
    (place / name).mkdir()
    (place / name / "narrow.duckdb").write_bytes(b"rows")
    when = time.time() - age
    os.utime(place / name, (when, when))
    return place / name


def test_what_a_killed_process_left_is_removed_and_the_folder_goes_with_its_block(place: Path) -> None:
    old = left(place, "magpie-report-a1b2.tmp", 3600)
    with temporary_folder("report") as folder:
        assert folder.is_dir()
        assert not old.exists()
    assert list(place.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "age"),
    [
        ("magpie-report-a1b2.tmp", 1),  # made just now by another process
        ("magpie-report-a1b2", 3600),  # of an earlier magpie
        ("magpie-spill-a1b2.tmp", 3600),
        ("another.tmp", 3600),
    ],
)
def test_what_may_be_another_s_stays(name: str, age: float, place: Path) -> None:
    other = left(place, name, age)
    with temporary_folder("report"):
        pass
    assert (other / "narrow.duckdb").exists()


def test_what_another_process_uses_stays(place: Path) -> None:
    with temporary_folder("report") as used:
        when = time.time() - 3600
        os.utime(used, (when, when))
        temporary._sweep.cache_clear()
        with temporary_folder("report"):
            assert used.is_dir()
