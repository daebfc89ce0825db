"""What `magpie status` says of judgments and of a run in the middle, in 80 columns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from magpie.cli.bars import print_judgments
from magpie.cli.commands import command
from magpie.cli.progress import describe, watching
from magpie.cli.status import print_summary, summary
from magpie.cli.status import status as show_status
from magpie.executors.forecast import Left, Paid
from magpie.executors.local import Progress
from magpie.executors.work import Counts
from magpie.explore.judgments import judgments
from magpie.imports import import_dataset
from magpie.runs import Run, RunFolder, open_run
from tests.runs.kept import kept_run


def imported(place: Path, *rows: Mapping[str, object]) -> Run:
    (place / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    import_dataset(place / "rows.jsonl", place / "run")
    return open_run(place / "run")


def bars(run: Run, *, kept: bool = False, width: int = 80) -> list[str]:
    shown = StringIO()
    print_judgments(Console(file=shown, width=width), judgments(run), kept=kept)
    return shown.getvalue().splitlines()


def status(run: Run) -> str:
    shown = StringIO()
    print_summary(Console(file=shown, width=80, highlight=False), run)
    return shown.getvalue()


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("width", [40, 80, 200])
def test_bars_fit_their_terminal(tmp_path: Path, kept: bool, width: int) -> None:
    lines = bars(open_run(kept_run("mini", tmp_path)), kept=kept, width=width)
    assert lines
    assert max(map(cell_len, lines)) <= max(width, 78)
    assert any(line.startswith("quality, ") for line in lines)


def test_a_value_of_which_nothing_was_kept_has_an_empty_bar_and_no_share(tmp_path: Path) -> None:
    rows = [{"instruction": f"{n}?", "input_quality": "good" if n % 2 else "poor"} for n in range(20)]
    path = imported(tmp_path, *rows).path
    from magpie.cli import main

    with pytest.raises(SystemExit):
        main(["select", str(path), "--with", "input_quality >= 'good'"])
    lines = bars(open_run(path), kept=True)
    good, poor = (next(line for line in lines if line.startswith(label)) for label in ("good", "poor"))
    assert ("█" in good, "░" in good, good.split()[-2:]) == (True, False, ["10", "100%"])
    assert ("█" in poor, "░" in poor, poor.split()[-2:]) == (False, True, ["10", "0%"])


def test_labels_that_a_stranger_wrote_are_cut_and_never_obeyed(tmp_path: Path) -> None:
    hostile = ["\x1b[31mred\x07\n\n", "[bold]x[/]" * 30, "\u202eevil", "漢" * 60, "{0!r}%s"]
    rows = [{"instruction": f"{n}?", "task_category": text, "pii": [text]} for n, text in enumerate(hostile)]
    run = imported(tmp_path, *rows)
    for shown in ("\n".join(bars(run)), status(run)):
        assert not any(character in shown for character in "\x1b\x07\u202e")
        assert "\\x1b[31mred" in shown
        assert "[bold]x[/]" in shown
    assert all(cell_len(line) <= 80 for line in bars(run) if "PII" not in line)


def test_a_terminal_without_blocks_gets_other_marks(tmp_path: Path) -> None:
    run = open_run(kept_run("mini", tmp_path))

    class Ascii(StringIO):
        encoding = "ascii"

    shown = Ascii()
    print_judgments(Console(file=shown, width=80), judgments(run), kept=True)
    assert shown.getvalue().isascii()
    assert "# kept  . not kept" in shown.getvalue()


def test_a_run_in_the_middle_is_not_a_run_that_kept_nothing(tmp_path: Path) -> None:
    run = open_run(kept_run("killed-tag", tmp_path))
    shown = status(run)
    assert "tag: 15 of 40 rows done, 25 pending (stage 2 of 4)." in shown
    assert f"The last session was killed. To resume: {command('run', '--out', run.path)}\n" in shown
    assert "Kept 0" not in shown
    with RunFolder(run.path).locked():
        shown = status(run)
    assert "tag: 15 of 40 rows done, continuing (stage 2 of 4)." in shown
    assert "To resume" not in shown
    assert summary(run)["complete"] is False
    assert [stage["pending"] for stage in summary(run)["stages"]][:2] == [0, 25]


def test_warnings_of_every_session_are_in_the_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = kept_run("mini", tmp_path)
    index = json.loads((path / "run.json").read_text())
    (path / "run.json").write_text(json.dumps(index | {"warnings": ["the \x1b[1m server"]}))
    show_status(path, as_json=False)
    assert "warning: the \\x1b[1m server\n" in capsys.readouterr().out


def test_progress_tells_rows_both_kinds_of_tokens_the_stage_and_the_time_of_the_run() -> None:
    counts = Counts(wanted=982, made=74, seconds=10.0)
    paid = Paid(117_553, 984)
    standing = Progress("tag", 7, 14, counts, False, paid, Left(122.7, 300.0, ("respond",)))
    assert describe(standing) == (
        "74/982 rows, 100.0% kept, 7.4 rows/s, 11,755 prompt and 98 completion tokens/s, 2 min 03 s left, "
        "run: more than 5 min 00 s"
    )
    shown = StringIO()
    with watching(Console(file=shown, width=80, force_terminal=True, legacy_windows=False), Path("none")) as watch:
        watch(standing)
    assert "tag (7 of 14)" in shown.getvalue()
    assert "11,755 prompt and 98 completion tokens/s" in shown.getvalue()


def test_a_stage_s_end_says_what_it_judged(tmp_path: Path) -> None:
    run = open_run(kept_run("mini", tmp_path))
    counts = Counts(wanted=5, made=5, seconds=1.0)
    shown = StringIO()
    with watching(Console(file=shown, width=80), run.path) as watch:
        watch(Progress("tag", 7, 14, counts, True))
        watch(Progress("dedup", 3, 14, counts, True))
    tag, dedup = shown.getvalue().split("dedup (3 of 14)")
    assert "tag (7 of 14): 5/5 rows" in tag
    assert "quality, " in tag
    assert "safety" not in tag
    assert dedup.count("\n") == 1
