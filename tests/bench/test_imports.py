"""Some documents of those that the bench draws by the hundred thousand."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.imports import check, write_sharegpt


def test_documents_of_known_shapes_come_in_whole_and_no_malformed_one_raises(
    capsys: pytest.CaptureFixture[str],
) -> None:
    check(150, 150)
    assert "none raised" in capsys.readouterr().out


def test_the_files_that_are_measured_are_of_three_kilobytes_a_row(tmp_path: Path) -> None:
    path = tmp_path / "set.json"
    write_sharegpt(path, 50)
    assert 2_600 < path.stat().st_size / 50 < 3_400
