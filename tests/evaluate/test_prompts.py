"""Prompt files of AlpacaEval, Arena-Hard and WildBench, and answers to them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from magpie.evaluate.prompts import answer_of, input_of, prompt_of
from magpie.imports.documents import Document


@pytest.mark.parametrize(
    ("row", "id_", "instruction", "category"),
    [
        (
            {"dataset": "helpful_base", "instruction": "Who?", "output": "x", "generator": "gpt4"},
            None,
            "Who?",
            "helpful_base",
        ),
        (
            {"question_id": "1f", "category": "arena-hard-v0.1", "turns": [{"content": "Use ABC."}]},
            "1f",
            "Use ABC.",
            "arena-hard-v0.1",
        ),
        ({"uid": "9", "category": "hard_prompt", "prompt": "Why?"}, "9", "Why?", "hard_prompt"),
        (
            {"session_id": "s", "primary_tag": "Math", "conversation_input": [{"role": "user", "content": "Hi"}]},
            "s",
            "Hi",
            "Math",
        ),
        ({"instruction": "Sum", "input": "1, 2", "output": "3"}, None, "Sum\n\n1, 2", None),
        ({"conversations": [{"from": "human", "value": "Hey"}, {"from": "gpt", "value": "Yo"}]}, None, "Hey", None),
    ],
)
def test_prompts_are_read_as_they_are(
    row: dict[str, Any], id_: str | None, instruction: str, category: str | None
) -> None:
    found = prompt_of(row)
    assert found is not None
    assert (found.id, found.instruction, found.category) == (id_, instruction, category)


def test_a_conversation_ends_in_the_instruction() -> None:
    turns = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": "c"},
        {"role": "assistant", "content": "the answer to be measured anew"},
    ]
    found = prompt_of({"messages": turns})
    assert found is not None
    assert (found.system, found.instruction) == ("Be brief.", "c")
    assert [turn["content"] for turn in found.prior] == ["a", "b"]


def test_a_known_answer_may_be_a_number() -> None:
    found = prompt_of({"question": "2+2?", "answer": 4})
    assert found is not None
    assert found.known_answer == "4"


@pytest.mark.parametrize("row", [{}, {"prompt": ""}, {"messages": [{"role": "assistant", "content": "x"}]}])
def test_rows_without_a_prompt_are_none(row: dict[str, Any]) -> None:
    assert prompt_of(row) is None


@pytest.mark.parametrize(
    "row",
    [
        {"instruction": "?", "output": "So."},
        {"question_id": "1", "choices": [{"index": 0, "turns": [{"content": "So."}]}]},
        {
            "uid": "1",
            "messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": {"answer": "So."}}],
        },
        {"session_id": "1", "output": ["So."], "generator": "m"},
        {"id": "run-00000001", "response": "So."},
    ],
)
def test_answers_are_read_as_they_are(row: dict[str, Any]) -> None:
    assert answer_of(row) == "So."


def test_an_instruction_that_is_there_twice_has_two_answers(tmp_path: Path) -> None:
    rows = [{"instruction": "Hi", "output": output, "generator": "m"} for output in ("one", "two")]
    path = tmp_path / "a.json"
    path.write_text(json.dumps(rows), encoding="utf-8")
    found = [one.values for one in input_of(str(path), None, response=path).read() if isinstance(one, Document)]
    assert [one["response"] for one in found] == ["one", "two"]


def test_the_same_files_have_the_same_digest_and_other_answers_another(tmp_path: Path) -> None:
    path, other = tmp_path / "a.json", tmp_path / "b.json"
    path.write_text(json.dumps([{"instruction": "Hi", "output": "one"}]), encoding="utf-8")
    other.write_text(json.dumps([{"instruction": "Hi", "output": "two"}]), encoding="utf-8")
    plain = input_of(str(path), None)
    assert plain.digest() == input_of(str(path), None).digest()
    assert plain.digest() != input_of(str(path), None, response=other).digest()
