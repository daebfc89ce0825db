"""`magpie select`: the dataset from a run's rows, and what each clause costs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from magpie.cli import main
from magpie.imports import import_dataset
from magpie.runs import open_run

QUALITIES = ("poor", "average", "good", "excellent", None)


@pytest.fixture
def magpie(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs a command in this process; gives its exit code, output and errors."""

    def call(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return int(left.value.code or 0), captured.out, captured.err

    return call


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of 50 rows that were judged elsewhere."""
    rows = [
        {
            "instruction": f"Say {at}.",
            "response": "x" * (at + 1),
            "input_quality": QUALITIES[at % 5],
            "is_repeat": at < 10,
        }
        for at in range(50)
    ]
    (tmp_path / "set.jsonl").write_bytes(b"\n".join(orjson.dumps(row) for row in rows))
    import_dataset(tmp_path / "set.jsonl", tmp_path / "run")
    return tmp_path / "run"


Magpie = Callable[..., tuple[int, str, str]]


def test_explain_prints_what_each_clause_costs_and_selects_nothing(run: Path, magpie: Magpie) -> None:
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file() and path.name != "lock"}
    code, output, _ = magpie("select", run, "--with", "input_quality >= 'good' AND NOT is_repeat", "--explain")
    assert code == 0
    lines = [line.split() for line in output.splitlines()]
    assert ["input_quality", ">=", "'good'", "-30", "-30", "-24"] in lines
    assert ["NOT", "is_repeat", "-10", "-4", "-4"] in lines
    assert ["kept", "16"] in lines
    assert "input_quality is null in 10 rows: `magpie tag RUN` makes it" in output
    after = {path: path.read_bytes() for path in run.rglob("*") if path.is_file() and path.name != "lock"}
    assert after == before


def test_explain_as_json_has_the_same_figures(run: Path, magpie: Magpie) -> None:
    _, output, _ = magpie("select", run, "--with", "input_quality >= 'good'", "--limit", 5, "--explain", "--json")
    found = json.loads(output)
    assert (found["rows"], found["kept"], found["null"]) == (50, 5, {"input_quality": 10})
    assert found["steps"][0] == {"step": "input_quality >= 'good'", "alone": 30, "in_turn": 30, "only": 30}


def test_a_selection_takes_the_place_of_the_one_before(run: Path, magpie: Magpie) -> None:
    assert magpie("select", run, "--with", "NOT is_repeat", "--limit", 7)[0] == 0
    assert open_run(run).kept() == 7
    assert magpie("select", run, "--with", "input_quality = 'poor'")[0] == 0
    assert open_run(run).kept() == 10
    assert open_run(run).recipe["select"]["limit"] is None


def test_options_without_a_selection_refine_the_runs_own(run: Path, magpie: Magpie) -> None:
    magpie("select", run, "--with", "input_quality >= 'good' AND NOT is_repeat")
    code, output, _ = magpie("select", run, "--without", "is_repeat", "--where", "length(response) > 20", "--limit", 4)
    assert code == 0
    assert "length(response) > 20" in output
    assert "NOT is_repeat" not in output
    assert open_run(run).kept() == 4


def test_a_file_is_found_from_where_the_command_runs(
    run: Path, magpie: Magpie, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("longest.sql").write_text("SELECT row FROM rows ORDER BY length(response) DESC LIMIT 3")
    assert magpie("select", run, "--with", "longest.sql")[0] == 0
    assert sorted(row["row"] for row in open_run(run).rows()) == [47, 48, 49]
    assert open_run(run).recipe["select"]["file"] == str(tmp_path / "longest.sql")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "has no selection yet: expected --with NAME"),
        (
            ("--with", "pro"),
            "instruct_reward is made by `reward`: add `reward: {}` to the recipe, or `magpie reward RUN`",
        ),
        (("--with", "input_quality >= 'god'"), "'god' is none of the labels of input_quality"),
        (("--with", "is_repeat", "--without", "language"), "without language: no clause of the selection reads it"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_the_run_alone(
    run: Path, magpie: Magpie, arguments: tuple[str, ...], told: str
) -> None:
    code, output, errors = magpie("select", run, *arguments)
    assert (code, output) == (2, "")
    assert told in errors
    assert errors.count("\n") == 1
    assert open_run(run).kept() == 50


def test_a_run_whose_rows_all_lack_a_judgment_says_what_to_run(tmp_path: Path, magpie: Magpie) -> None:
    rows = [{"instruction": f"Say {at}.", "response": "a", "input_quality": "superb"} for at in range(5)]
    rows.append({"instruction": "", "response": "dropped, with the only judgment", "input_quality": "good"})
    (tmp_path / "set.jsonl").write_bytes(b"\n".join(orjson.dumps(row) for row in rows))
    import_dataset(tmp_path / "set.jsonl", tmp_path / "run")
    for further in ((), ("--explain",)):
        code, _, errors = magpie("select", tmp_path / "run", "--with", "input_quality >= 'good'", *further)
        assert code == 2
        assert "input_quality is null in all 5 rows" in errors
        assert "`magpie tag RUN`" in errors
    assert open_run(tmp_path / "run").kept() == 5


def test_another_threshold_replaces_the_selections_own(run: Path, magpie: Magpie) -> None:
    code, _, _ = magpie(
        "select", run, "--with", "input_quality >= 'good'", "--without", "input_quality", "--where",
        "input_quality >= 'excellent'",
    )  # fmt: skip
    assert code == 0
    assert {row["input_quality"] for row in open_run(run).rows()} == {"excellent"}


def test_ids_in_a_file_are_a_clause(run: Path, magpie: Magpie, tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_text("run-00000003\n4\n\nrun-00000049\n")
    code, _, error = magpie("select", run, "--with", "NOT is_repeat", "--ids", tmp_path / "ids.txt")
    assert code == 0, error
    assert open_run(run).row_numbers().to_pylist() == [49]


def test_too_many_ids_for_a_recipe_are_refused(
    run: Path, magpie: Magpie, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("magpie.cli.chosen.MOST_IN_CLAUSE", 2)
    (tmp_path / "ids.txt").write_text("1\n2\n3\n")
    code, _, error = magpie("select", run, "--with", "NOT is_repeat", "--ids", tmp_path / "ids.txt")
    assert (code, "expected at most 2" in error) == (2, True)


@pytest.mark.parametrize(
    "condition",
    [
        "length(instruction) >= 6 AND length(instruction) < 8",
        "contains(lower(instruction), lower('SAY 1')) OR contains(lower(response), lower('SAY 1'))",
        "input_quality IN ('good', 'excellent') OR input_quality IS NULL",
        "NOT is_repeat",
    ],
)
def test_conditions_of_the_explorer_are_clauses(run: Path, magpie: Magpie, condition: str) -> None:
    code, output, error = magpie("select", run, "--with", condition, "--explain", "--json")
    assert code == 0, error
    assert json.loads(output)["kept"] == open_run(run).sql(f"SELECT row FROM rows WHERE {condition}").num_rows
