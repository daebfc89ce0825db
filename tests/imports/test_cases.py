"""Datasets in the shapes of real ones come in as a careful user expects: each folder of cases says what that is."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import magpie
from magpie.cli.app import main

CASES = Path(os.environ.get("MAGPIE_TEST_DATA", "nowhere")) / "cases" / "import"


@pytest.fixture(scope="module")
def check() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_import", CASES / "check.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(not CASES.is_dir(), reason="the cases are not here")
@pytest.mark.parametrize(
    "case", sorted(path.parent for path in CASES.glob("*/expect.json")), ids=lambda path: path.name
)
def test_a_case_comes_in_as_expected(
    case: Path, check: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def imported(case: Path, scratch: Path) -> tuple[int, str, Any]:
        """As the check does it, but in this process."""
        source, run = check.the_input(case, scratch), scratch / "run"
        with pytest.raises(SystemExit) as left:
            main(["import", str(source), "--to", str(run)])
        captured = capsys.readouterr()
        rows = magpie.open_run(run).table().to_pylist() if not left.value.code else []
        return int(left.value.code or 0), (captured.out + captured.err).replace(str(scratch), ""), rows

    monkeypatch.setattr(check, "imported", imported)
    monkeypatch.setenv("COLUMNS", "1000")
    assert check.check(case) == []
