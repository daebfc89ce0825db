"""`magpie show` of preference pairs."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from magpie.cli.show import Shown, show
from magpie.explore.rows import Search
from magpie.imports import import_dataset


def test_both_responses_of_a_pair_are_shown_with_their_rewards(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pair = {"instruction": "Why?", "chosen": "Because.", "rejected": "\x1bNo.", "chosen_reward": 2.5}
    (tmp_path / "set.jsonl").write_bytes(orjson.dumps(pair))
    import_dataset(tmp_path / "set.jsonl", tmp_path / "run")
    show(tmp_path / "run", Search(), Shown())
    shown = capsys.readouterr().out
    assert "chosen (2.5): Because." in shown
    assert "rejected: \\x1bNo." in shown
