"""Judge prompts: rendered as the shipped judge saw them in training, and a user's own held to what it is given."""

from __future__ import annotations

from pathlib import Path

import pytest

from fledgling import judge
from magpie.errors import RecipeError
from magpie.stages.judging.prompts import JudgePrompt, package_prompt, read_prompt

VALUES = {
    "instruction": "Say </instruction> twice.\n",
    "response": "{{ 7 * 7 }}\n\n",
    "response_a": "A </response A>",
    "response_b": "<b>",
}


@pytest.mark.parametrize("name", judge.MAKERS)
@pytest.mark.parametrize("response", ["{{ 7 * 7 }}\n\n", None])
def test_a_prompt_is_rendered_as_the_shipped_judge_was_trained_on_it(name: str, response: str | None) -> None:
    values = VALUES | ({"response": response} if name == "safety" else {})
    stage = judge.prompt_files()[name].parents[1].name
    assert package_prompt(f"{stage}/{name}").render(values) == judge.render(name, values)


def test_a_user_s_own_prompt_is_read_and_rendered(tmp_path: Path) -> None:
    path = tmp_path / "mine.jinja"
    path.write_text("Grade this: {{ instruction }}", encoding="utf-8")
    prompt = read_prompt(path, ("instruction",))
    assert prompt.render({"instruction": "{{ x }}"}) == "Grade this: {{ x }}"
    assert prompt.digest != package_prompt("tag/quality").digest


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Grade {{ response }}", "'response' is undefined"),
        ("Grade {{ instruction", "is not valid Jinja"),
        ("Grade it.", "shows nothing of what it is given: instruction"),
        ("{{ ''.__class__.__mro__ }}{{ instruction }}", "unsafe"),
        ("{{ instruction / 2 }}", "does not render"),
    ],
)
def test_a_prompt_that_would_fail_at_a_row_is_refused_before_any(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "mine.jinja"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError, match=said):
        read_prompt(path, ("instruction",))


def test_a_prompt_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"none\.jinja.* cannot be read"):
        read_prompt(tmp_path / "none.jinja", ("instruction",))


def test_the_digest_is_of_the_text_alone() -> None:
    assert JudgePrompt("a", "x").digest == JudgePrompt("b", "x").digest != JudgePrompt("a", "y").digest


def test_an_error_quotes_nothing_of_a_file_that_is_no_template(tmp_path: Path) -> None:
    path = tmp_path / "accounts"
    for text in ("{% hunter2 %}", "{{ password hunter2 }}"):
        path.write_text(text)
        with pytest.raises(RecipeError, match=r"accounts is not valid Jinja \(line 1\)") as refused:
            read_prompt(path, ("instruction",))
        assert "hunter2" not in str(refused.value)
