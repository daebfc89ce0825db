"""`magpie evaluate` end to end, with the model inside the package; and what it says of bad input."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from magpie.cli import main
from magpie.runs import open_run

Magpie = Callable[..., tuple[int, str, str]]


@pytest.fixture
def magpie(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Magpie:
    """Runs a command in this process, in a folder of its own; gives its exit code, output and errors."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return int(left.value.code or 0), captured.out, captured.err

    return call


def written(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


PROMPTS: list[dict[str, Any]] = [
    {"uid": "a", "prompt": "What is 3 + 4?", "category": "math", "answer": "7"},
    {"uid": "b", "prompt": "What is the opposite of hot?", "category": "words"},
    {
        "uid": "c",
        "conversation_input": [
            {"role": "user", "content": "Name a colour."},
            {"role": "assistant", "content": "Blue."},
            {"role": "user", "content": "Name another one."},
        ],
    },
]


def test_answers_are_compared_checked_and_counted_and_nothing_is_made_twice(tmp_path: Path, magpie: Magpie) -> None:
    written(tmp_path / "p.jsonl", PROMPTS)
    arguments = ("fledgling", "--prompts", "p.jsonl", "--against", "fledgling", "--judge", "fledgling", "--check")
    more = ("exact", "--out", "run", "--set", "respond_against.sampling.temperature=1.3", "--json")
    code, output, _ = magpie("evaluate", *arguments, *more)
    assert code == 0
    found = json.loads(output)
    own = found["models"]["fledgling"]
    assert own["winrate"]["prompts"] == 3
    assert 0 <= own["winrate"]["win_rate"] <= 100
    assert own["flips"]["both_orders"] == 3
    assert own["lc"]["form"] == "minimal"
    assert any("minimal form" in note for note in found["notes"])
    assert found["bt"]["reference"] == "fledgling (against)"
    assert found["judge_mass"] > 0.9
    assert found["accuracy"]["models"]["fledgling"]["prompts"] == 1
    assert found["cost"]["stages"]["compare"]["completion_tokens"] == 6  # two letters a prompt
    rows = list(open_run(tmp_path / "run").rows())
    assert [row["source_id"] for row in rows] == ["a", "b", "c"]
    assert rows[2]["prior_turns"][1]["content"] == "Blue."
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*.parquet")}
    assert magpie("evaluate", *arguments, *more)[0] == 0
    _, output, _ = magpie("evaluate", "--judgments", "run", "--json")
    assert json.loads(output)["models"] == found["models"]
    stages = {path for path in files if "import" not in path.parent.name and path.name != "timeline.parquet"}
    assert {path: path.stat().st_mtime_ns for path in stages} == {path: files[path] for path in stages}


OUTPUTS: list[dict[str, Any]] = [
    {"instruction": "Say hi.", "output": "Hi <script>alert(1)</script>\u202e!", "generator": "mine"},
    {"instruction": "Say bye.", "output": "Bye.", "generator": "mine"},
]


def test_files_of_answers_are_judged_without_a_model_that_answers(tmp_path: Path, magpie: Magpie) -> None:
    """AlpacaEval's own files: prompts with the baseline's outputs, and a model's outputs."""
    theirs = [{**row, "output": "Hello there, dear friend.", "generator": "baseline"} for row in OUTPUTS]
    written(tmp_path / "prompts.jsonl", theirs)
    written(tmp_path / "mine.jsonl", OUTPUTS)
    arguments = ("mine.jsonl", "--prompts", "prompts.jsonl", "--against", "prompts.jsonl", "--judge", "fledgling")
    code, output, error = magpie("evaluate", *arguments, "--out", "run", "--report", "page.html")
    assert (code, error) == (0, "")
    assert "mine wins" in output
    assert "chance to beat baseline" in output
    assert [stage.stage for stage in open_run(tmp_path / "run").stages] == ["import", "compare"]
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "Where the judge changed its mind" not in page or "&lt;script&gt;" in page
    again = magpie("evaluate", *arguments, "--out", "run", "--report", "page.html")
    assert again[0] == 2
    assert "is there already; expected another place, or --overwrite" in again[2]


WHOLE = {
    "How many minutes are in 8 hours?": "One hour is 60 minutes, so I multiply: 8 * 60 = 480. That makes 480 minutes.",
    "Calculate 96 - 51. Thank you very much.": "Step by step: 96 - 50 = 46, and 46 - 1 = 45. The answer is 45.",
    "Where can I find moles, and where giraffes?": "Moles live in tunnels under meadows, and giraffes live on the "
    "grasslands of Africa.",
    "What is 14 times 6?": "10 * 6 = 60, 4 * 6 = 24, and 60 + 24 = 84. So the product is 84.",
}


def test_whole_answers_win_against_cut_ones_in_both_places(tmp_path: Path, magpie: Magpie) -> None:
    """Which of the two answers a preference is for is easily turned around."""
    whole = [{"instruction": q, "output": a, "generator": "whole"} for q, a in WHOLE.items()]
    cut = [{**row, "output": row["output"][: len(row["output"]) // 3], "generator": "cut"} for row in whole]
    written(tmp_path / "whole.jsonl", whole)
    written(tmp_path / "cut.jsonl", cut)
    arguments = ("whole.jsonl", "--prompts", "cut.jsonl", "--against", "cut.jsonl", "--judge", "fledgling")
    _, output, _ = magpie("evaluate", *arguments, "--out", "run", "--metric", "winrate", "--json")
    found = json.loads(output)["models"]["whole"]
    assert found["winrate"]["win_rate"] > 80
    assert found["flips"]["won_first"] > 80
    assert found["flips"]["won_second"] > 80


DIGIT = "Score the response, 1 to 5.\n\n{{ instruction }}\n\n{{ response }}\n\nReply with one digit, 1 to 5."


def test_a_model_alone_is_graded(tmp_path: Path, magpie: Magpie) -> None:
    written(tmp_path / "p.jsonl", [{"instruction": "Say hi."}, {"instruction": "Why is the sky blue?"}])
    (tmp_path / "own.jinja").write_text(DIGIT, encoding="utf-8")
    code, output, _ = magpie(
        "evaluate", "fledgling", "--prompts", "p.jsonl", "--judge", "fledgling", "--judge-prompt", "own.jinja",
        "--set", "grade.again=0", "--json",
    )  # fmt: skip
    assert code == 0
    found = json.loads(output)
    assert found["run"].endswith("runs/evaluate-fledgling-nothing")
    score = found["models"]["fledgling"]["score"]
    assert score["score"] == (score["mean"] - 5) * 2


def test_a_judge_that_answers_neither_is_one_line(tmp_path: Path, magpie: Magpie) -> None:
    written(tmp_path / "mine.jsonl", OUTPUTS)
    (tmp_path / "own.jinja").write_text("{{ instruction }}{{ response_a }}{{ response_b }}", encoding="utf-8")
    code, _, error = magpie(
        "evaluate", "mine.jsonl", "--prompts", "mine.jsonl", "--against", "mine.jsonl", "--judge", "fledgling",
        "--judge-prompt", "own.jinja", "--out", "run", "--set", "compare.labels=[X, Y]",
    )  # fmt: skip
    assert code == 2
    assert len(error.splitlines()) == 1
    assert "the judge gave not one verdict that can be read, in 2 judgments (it says, for one: " in error
    assert "expected another --judge" in error


CHECKER = "def right(instruction, answer, known):\n    return 'i' in answer\n"


def test_a_checker_needs_no_judge(tmp_path: Path, magpie: Magpie) -> None:
    written(tmp_path / "mine.jsonl", OUTPUTS)
    (tmp_path / "checks_of_test_evaluate.py").write_text(CHECKER, encoding="utf-8")
    checker = "checks_of_test_evaluate:right"
    arguments = ("mine.jsonl", "--prompts", "mine.jsonl", "--checker", checker, "--out", "run")
    code, output, _ = magpie("evaluate", *arguments)
    assert code == 0
    assert "mine: 50.00% right" in output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "expected either --judgments FILE, or MODEL --prompts FILE --judge MODEL"),
        (("--judgments", "no.json"), "no such file or folder; expected annotations of AlpacaEval"),
        (("--judgments", "r0"), "no such file or folder"),
        (("--judgments", "p.jsonl"), "no judgments that are known, by the keys of its first row (uid, prompt"),
        (("--judgments", "j.json", "--metric", "elo"), "--metric elo: expected some of winrate,lc,bt,score"),
        (("x", "--judgments", "j.json"), "'x': no judgments of this model; expected one of mine"),
        (("--judgments", "j.json", "--judge", "fledgling"), "expected no option of a run beside it"),
        (("--judgments", "j.json", "--lc-data", "nowhere"), "--lc-data nowhere: no such folder"),
        (("--judgments", "j.json", "--difference", "0"), "expected percentage points above 0"),
        (("fledgling", "--prompts", "p.jsonl"), "nothing says which answers are good; expected --judge MODEL"),
        (("--prompts", "p.jsonl", "--judge", "fledgling"), "found 0 models; expected one, or a file of its answers"),
        (("fledgling", "--prompts", "no.jsonl", "--judge", "fledgling"), "no such file or folder"),
        (("fledgling", "--prompts", "e.jsonl", "--judge", "fledgling"), "holds no prompt that can be read"),
        (("fledgling", "--prompts", "i.jsonl", "--judge", "fledgling"), "row 1 has no id, and others have"),
        (("fledgling", "--prompts", "t.jsonl", "--judge", "fledgling"), "the id 'a' is there twice"),
        (("no-such-model", "--prompts", "p.jsonl", "--judge", "fledgling", "--out", "r1"), "no-such-model"),
        (("fledgling", "--prompts", "p.jsonl", "--judge", "no-such-judge", "--out", "r2"), "no-such-judge"),
        (("fledgling", "--prompts", "p.jsonl", "--against", "o.jsonl", "--judge", "fledgling"), "an answer to none of"),
        (("fledgling", "--prompts", "p.jsonl", "--judge", "o.jsonl"), "a file of answers cannot judge"),
        (("fledgling", "--prompts", "p.jsonl", "--check", "vibes"), "--check vibes: expected exact or math"),
        (("fledgling", "--prompts", "i.jsonl", "--checker", "x"), "row 1 has no id"),
        (("fledgling", "--prompts", "p.jsonl", "--judge-prompt", "x", "--check", "exact"), "there is no judge"),
        (("fledgling", "--prompts", "p.jsonl", "--judge", "fledgling", "--judge-prompt", "x"), "cannot be read"),
    ],
)
def test_bad_input_is_one_clear_line(tmp_path: Path, magpie: Magpie, arguments: Sequence[str], says: str) -> None:
    written(tmp_path / "p.jsonl", PROMPTS)
    written(tmp_path / "e.jsonl", [{"nothing": 1}])
    written(tmp_path / "i.jsonl", [PROMPTS[0], {"prompt": "Why?"}])
    written(tmp_path / "t.jsonl", [PROMPTS[0], PROMPTS[0]])
    written(tmp_path / "o.jsonl", [{"instruction": "Another one.", "output": "x", "generator": "theirs"}])
    row = {"output_1": "a", "output_2": "b", "preference": 1.5, "generator_2": "mine", "instruction": "?"}
    (tmp_path / "j.json").write_text(json.dumps([row]), encoding="utf-8")
    code, output, error = magpie("evaluate", *arguments)
    assert code == 2, output
    assert says in error
    assert len(error.strip().splitlines()) == 1
    assert "Traceback" not in error


def test_other_prompts_need_another_folder(tmp_path: Path, magpie: Magpie) -> None:
    written(tmp_path / "mine.jsonl", OUTPUTS)
    (tmp_path / "checks_of_other_prompts.py").write_text(CHECKER, encoding="utf-8")
    arguments = ("mine.jsonl", "--prompts", "mine.jsonl", "--checker", "checks_of_other_prompts:right", "--out", "run")
    assert magpie("evaluate", *arguments)[0] == 0
    code, _, error = magpie("evaluate", *arguments, "--limit", 1)
    assert code == 2
    assert "holds a run of other prompts, other answers or another --limit; expected another --out" in error


def test_without_numpy_the_install_command_is_printed(magpie: Magpie, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numpy", None)
    code, _, error = magpie("evaluate", "--judgments", "x.json")
    assert code == 2
    assert "evaluate needs NumPy, which is not installed: " in error
    assert "[evaluate]" in error


def test_names_of_any_length_are_cut(tmp_path: Path, magpie: Magpie) -> None:
    row = {"output_1": "a", "output_2": "b", "generator_2": "m\x1b[2J" * 5000, "preference": 2, "instruction": "?"}
    (tmp_path / "j.json").write_text(json.dumps([row, {**row, "instruction": "!"}]), encoding="utf-8")
    code, output, _ = magpie("evaluate", "--judgments", "j.json")
    assert code == 0
    assert "\x1b" not in output
    assert len(output) < 5000


def test_judgments_are_printed_as_a_table_and_as_json(tmp_path: Path, magpie: Magpie) -> None:
    row = {"output_1": "a long one", "output_2": "b", "generator_2": "mine", "generator_1": "base"}
    rows = [{**row, "preference": 1 + (n % 4 == 0), "instruction": f"{n}?"} for n in range(40)]
    (tmp_path / "j.json").write_text(json.dumps(rows), encoding="utf-8")
    code, output, _ = magpie("evaluate", "--judgments", "j.json")
    assert code == 0
    assert output.splitlines()[1].split()[:2] == ["mine", "25.00"]
    assert "minimal form" in output
    _, told, _ = magpie("evaluate", "--judgments", "j.json", "--metric", "winrate", "--json")
    found = json.loads(told)
    assert list(found["models"]["mine"]) == ["winrate"]
    assert found["models"]["mine"]["winrate"]["prompts"] == 40
