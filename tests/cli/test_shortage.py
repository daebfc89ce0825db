"""A disk or a limit of the system that is used up is told in one line, wherever it is met."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from magpie.cli import main
from magpie.cli import status as cli_status


def refused_by(monkeypatch: pytest.MonkeyPatch, error: OSError) -> None:
    """Let a command meet an error where no part of magpie expects one."""

    def status(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(cli_status, "status", status)


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "scratch/vectors: the disk is full: free some space, then"),
        (errno.EFBIG, "scratch/vectors: the file would be larger than the system allows, then"),
        (errno.EMFILE, "scratch/vectors: too many files are open in this process: raise the limit, as with `ulimit"),
    ],
)
def test_a_shortage_that_a_library_meets_is_one_line(
    number: int, advice: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    refused_by(monkeypatch, OSError(number, os.strerror(number), "scratch/vectors"))
    with pytest.raises(SystemExit) as left:
        main(["status", str(tmp_path)])
    assert left.value.code == 2
    errors = capsys.readouterr().err
    assert errors.startswith(f"magpie: error: {advice}")
    assert errors.count("\n") == 1


def test_another_error_of_the_system_is_a_bug_and_has_its_traceback(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    refused_by(monkeypatch, OSError(errno.EIO, "Input/output error"))
    with pytest.raises(OSError, match="Input/output"):
        main(["status", str(tmp_path)])
