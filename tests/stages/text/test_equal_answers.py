"""Final answers that are equal as mathematics are one answer where the recipe says so, and only there."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from magpie.errors import MissingExtra, RecipeError, UserError
from magpie.plan.load import parse
from magpie.plan.plan import make_plan
from magpie.stages.choose.work import by_majority
from magpie.stages.reward.agreement import agreements
from magpie.stages.text import equal_answers
from magpie.stages.text.answers import Answer, read_answer
from magpie.stages.text.equal_answers import Labels, labels_by_text, mathematics, open_labels

needs_math_verify = pytest.mark.skipif(find_spec("math_verify") is None, reason="math-verify is not installed")


@pytest.fixture(scope="module")
def labels() -> Iterator[Labels]:
    with open_labels("math") as found:
        yield found


EQUAL = [
    ("So \\boxed{\\frac12}.", "The answer is 0.5."),
    ("\\boxed{1{,}000}", "#### 1000"),
    ("\\boxed{1{,}000}", "The total is 1,000"),
    ("\\boxed{\\sqrt{8}}", "The answer is $2\\sqrt2$."),
    ("\\boxed{x + 1}", "\\boxed{1+x}"),
    ("\\boxed{(x+1)^2}", "The result is $x^2+2x+1$"),
    ("\\boxed{x = \\frac12}", "\\boxed{0.5}"),
    ("\\boxed{2, 3}", "\\boxed{\\{3, 2\\}}"),
    ("\\boxed{\\dfrac{\\pi}{2}}", "\\boxed{\\frac12\\pi}"),
    ("\\boxed{10^3}", "1000"),
    ("\\boxed{2*3*x}", "\\boxed{6x}"),
    ("\\boxed{x \\le 5}", "\\boxed{5 \\geq x}"),
]
DIFFERENT = [
    ("\\boxed{\\frac12}", "\\boxed{\\frac13}"),
    ("\\boxed{1{,}000}", "\\boxed{1{,}001}"),
    ("\\boxed{x+1}", "\\boxed{y+1}"),
    ("The answer is listen", "The answer is silent"),
    ("\\boxed{\\text{listen}}", "\\boxed{\\text{silent}}"),
    ("\\boxed{AC}", "\\boxed{CA}"),
    ("The answer is 12:30", "The answer is 2/5"),
    ("\\boxed{2*3}", "\\boxed{23}"),
    ("\\boxed{3.14}", "\\boxed{\\pi}"),
    ("\\boxed{\u4e09\u5341}", "\\boxed{\u5341\u4e09}"),
]


@needs_math_verify
@pytest.mark.parametrize(("one", "other"), EQUAL)
def test_answers_that_are_equal_as_mathematics_have_one_label(labels: Labels, one: str, other: str) -> None:
    first, second = labels([one, other])
    assert first == second is not None
    assert labels([other, one])[0] == labels([other, one])[1]
    assert len(set(labels_by_text([one, other]))) == 2, "the normalized texts alone tell them apart"


@needs_math_verify
@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_answers_that_differ_have_two_labels(labels: Labels, one: str, other: str) -> None:
    assert len(set(labels([one, other]))) == 2


@needs_math_verify
def test_a_majority_and_an_agreement_are_counted_over_equal_answers(labels: Labels) -> None:
    responses = ["It is 3.", "\\boxed{\\frac12}", "It is 0.5", "no number", "\\boxed{2^{-1}}"]
    assert by_majority(responses, 0.6, labels) == (1, None)
    assert by_majority(responses, 0.6) == (None, "no_majority")
    assert agreements(responses, labels) == [0.0, 0.5, 0.5, 0.0, 0.5]


@needs_math_verify
def test_an_answer_that_cannot_be_computed_costs_its_row_seconds_and_is_compared_as_text(
    labels: Labels, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(equal_answers, "_ROW_SECONDS", 1.0)
    huge = "\\boxed{9^{9^{9^9}}}"
    assert labels([huge, "\\boxed{\\frac12}", "0.5", huge]) == ["9^{9^{9^9}}", "\\frac12", "1/2", "9^{9^{9^9}}"]
    assert labels(["\\boxed{\\frac12}", "0.5"]) == ["\\frac12", "\\frac12"], "the next row is read by a new process"
    assert capfd.readouterr() == ("", "")


@needs_math_verify
def test_nothing_is_printed_or_logged_and_no_process_is_left(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    found = equal_answers._Mathematics()
    process = found._worker.process
    assert found.labels(["\\boxed{\\frac{1}{}", "\\boxed{\\sqrt{}{}^}", "\\boxed{((((1}"]) is not None
    found.stop()
    assert process is not None
    assert process.poll() is not None
    assert capfd.readouterr() == ("", "")
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("answer", "given"),
    [
        ("\\frac12", "\\frac12"),
        ("x+1", "x+1"),
        ("\\sqrt2 \\text{ cm}", "\\sqrt2 \\text{ cm}"),
        ("paris", None),
        ("12:30", None),
        ("B", None),
        ("5 or 6 days", None),
        ("1+" * 150, None),
    ],
)
def test_only_mathematics_is_given_to_math_verify(answer: str, given: str | None) -> None:
    assert mathematics(Answer(answer, answer)) == given


def test_whole_numbers_and_equal_texts_need_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    found = object.__new__(equal_answers._Mathematics)  # without a worker
    assert found.labels(["It is 3.", "So 4", "\\boxed{3}", "\\boxed{7 apples}"]) == ["3", "4", "3", "7"]
    assert found.labels(["\\boxed{\\frac12}", "\\boxed{\\frac12}"]) == ["\\frac12", "\\frac12"]


def test_an_answer_keeps_its_mathematics_beside_its_normalized_text() -> None:
    assert read_answer("It is $\\boxed{2 * \\Delta X}$.") == Answer("2 \\delta x", "2 * \\Delta X")
    assert read_answer("The answer is **0.50** cm.") == Answer("1/2", "0.50")


@pytest.mark.parametrize(
    ("recipe", "setting"),
    [
        ("{engine: scripted, respond: {n: 2}, choose: {by: majority, answers: math}}", "choose.answers"),
        ("{engine: scripted, respond: {n: 2}, reward: {by: agreement, answers: math}}", "reward.answers"),
    ],
)
def test_without_math_verify_a_recipe_that_asks_for_it_is_refused_and_one_that_does_not_is_not(
    recipe: str, setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(equal_answers, "find_spec", lambda name, *_: None if name == "math_verify" else real(name))
    with pytest.raises(MissingExtra, match=rf"{setting}: math needs math-verify.*\[math\]"):
        make_plan(parse(recipe, "r"))
    make_plan(parse(recipe.replace("answers: math", "answers: text"), "r"))


@needs_math_verify
def test_how_answers_are_compared_is_part_of_the_fingerprint() -> None:
    def fingerprint(answers: str) -> str:
        recipe = f"{{engine: scripted, respond: {{n: 2}}, choose: {{by: majority{answers}}}}}"
        return make_plan(parse(recipe, "r")).stages[-1].fingerprint

    assert fingerprint("") == fingerprint(", answers: text") != fingerprint(", answers: math")


@pytest.mark.parametrize("recipe", ["choose: {by: first, answers: math}", "reward: {by: judge, answers: math}"])
def test_a_comparison_where_nothing_is_compared_is_refused(recipe: str) -> None:
    with pytest.raises(RecipeError, match="answers means nothing where by is"):
        parse(recipe, "r")


def test_a_library_that_is_there_and_does_not_load_is_said_and_not_taken_for_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(equal_answers, "_SCRIPT", equal_answers._SCRIPT.with_name("no_such_script.py"))
    with pytest.raises(UserError, match="its process does not start"), open_labels("math"):
        pass
