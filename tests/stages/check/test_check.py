"""Answers held against the truth; no code of an answer is run."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest

from magpie.errors import RecipeError, UserError
from magpie.plan.load import parse
from magpie.plan.plan import make_plan
from magpie.plan.resolve import resolve
from magpie.safe import code
from magpie.stages.check.work import by_checker, check, equal_as_text, load_checker, open_check


@pytest.fixture(autouse=True)
def _nothing_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code, "_allowed", set())


@pytest.mark.parametrize(
    ("answer", "known", "right"),
    [
        ("cold", "Cold", True),
        ("So the answer is 4.", "4", True),
        ("#### 12", "#### 12", True),
        ("The answer is 5.", "4", False),
        ("", "4", False),
        ("anything", None, None),
    ],
)
def test_an_answer_or_the_final_answer_in_it_is_the_known_one(
    answer: str, known: str | None, right: bool | None
) -> None:
    assert equal_as_text("?", answer, known) is right


def test_as_mathematics_a_half_is_a_half() -> None:
    pytest.importorskip("math_verify")
    table = pa.table(
        {
            "row": [0, 1],
            "instruction": ["?", "?"],
            "response": ["It is $\\boxed{\\frac12}$.", "So 3."],
            "against_response": ["0.4", None],
            "known_answer": ["0.5", "0.5"],
        }
    )
    with open_check("math", None, against=True) as made:
        found = made(table)
    assert found.column("answer_correct").to_pylist() == [True, False]
    assert found.column("against_correct").to_pylist() == [False, None]


CHECKER = "def judge(instruction, answer, known):\n    return None if answer == '?' else answer.startswith('y')\n"


def test_a_function_of_the_users_own_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_checker.py").write_text(CHECKER, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    code.allow_code("own_checker:judge")
    table = pa.table({"row": [0, 1, 2], "instruction": ["a"] * 3, "response": ["yes", "no", "?"]})
    with open_check("checker", "own_checker:judge", against=False) as made:
        assert made(table).column("answer_correct").to_pylist() == [True, False, None]


def test_a_function_that_only_a_recipe_names_is_not_called(tmp_path: Path) -> None:
    """A run of a stranger's may name any function of the standard library."""
    recipe = tmp_path / "theirs.yaml"
    recipe.write_text("check: {by: checker, checker: 'subprocess:getoutput'}", encoding="utf-8")
    plan = make_plan(resolve(str(recipe), tmp_path / "run"))
    with (
        pytest.raises(RecipeError, match="not run unasked; if you trust it, type it yourself"),
        plan.stages[-1].stage.open(),  # type: ignore[union-attr]
    ):
        pass
    typed = ("check.by=checker", "check.checker=math:sqrt")
    resolve(None, tmp_path / "other", typed)
    assert code.is_allowed_code("math:sqrt")
    assert not code.is_allowed_code("subprocess:getoutput")


def test_a_checker_that_cannot_be_used_is_one_line() -> None:
    for name, says in (("no_such_module:f", "cannot be imported"), ("math:no_such", "has no function no_such")):
        code.allow_code(name)
        with pytest.raises(RecipeError, match=says):
            load_checker(name)


def test_a_checker_that_fails_or_gives_no_truth_value_says_where() -> None:
    def fails(instruction: str, answer: str, known: str | None) -> bool:
        raise ZeroDivisionError

    table = pa.table({"row": [0], "instruction": ["Why?"], "response": ["So."]})
    with pytest.raises(UserError, match="the checker fails failed at 'Why\\?'"):
        check(table, partial(by_checker, checker=fails), against=False)
    with pytest.raises(UserError, match="gave 1 at 'Why\\?'; expected True or False"):
        check(table, partial(by_checker, checker=lambda *_: 1), against=False)


def test_without_a_known_answer_there_is_nothing_to_compare_with() -> None:
    with pytest.raises(RecipeError, match="no row has a known answer"):
        make_plan(parse("check: {}", "r"))
