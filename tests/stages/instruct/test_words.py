"""Words for placeholders, from files that may be anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from magpie.errors import RecipeError
from magpie.stages.instruct.settings import Fill
from magpie.stages.instruct.words import words_of


def words(path: Path, text: str | bytes, **settings: str) -> tuple[str, ...]:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return words_of(Fill(name="persona", file=str(path), **settings), "here")  # type: ignore[arg-type]


def test_text_has_one_on_each_line(tmp_path: Path) -> None:
    assert words(tmp_path / "p.txt", "a baker\n\n  a sailor \r\nein Müller") == ("a baker", "a sailor", "ein Müller")


def test_json_lines_are_texts_or_objects_with_the_placeholder_s_field(tmp_path: Path) -> None:
    lines = '"a baker"\n{"persona": "a sailor", "id": 3}\n\n'
    assert words(tmp_path / "p.jsonl", lines) == ("a baker", "a sailor")


def test_another_field_may_be_named(tmp_path: Path) -> None:
    assert words(tmp_path / "p.jsonl", '{"text": "a baker"}', field="text") == ("a baker",)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("p.txt", "\n  \n", "has nothing in it; expected one text on each line"),
        ("p.txt", b"\xff\xfe", "p.txt cannot be read"),
        ("p.jsonl", '"a"\n{', r"p.jsonl:2: not JSON"),
        (
            "p.jsonl",
            '{"text": "a"}',
            r"a text 'persona' \(see fill.field\), found an object with text",
        ),
        ("p.jsonl", "3", "p.jsonl:1: expected a text, .* found int"),
    ],
)
def test_what_is_no_list_of_words_is_refused_in_one_line(
    tmp_path: Path, name: str, text: str | bytes, told: str
) -> None:
    with pytest.raises(RecipeError, match=told) as refused:
        words(tmp_path / name, text)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"here.file: .*no.txt cannot be read"):
        words_of(Fill(name="persona", file=str(tmp_path / "no.txt")), "here")
