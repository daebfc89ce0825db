"""Judgment files as AlpacaEval, Arena-Hard and WildBench write them, in small."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from magpie.errors import UserError
from magpie.evaluate.files import lacks_index, read_judgments, style_of, with_answers
from magpie.evaluate.judgments import Style
from magpie.evaluate.lc_files import read_lc_data
from magpie.evaluate.measuring import measure


def written(path: Path, rows: Sequence[Mapping[str, Any]]) -> str:
    lines = path.suffix == ".jsonl"
    path.write_text("\n".join(map(json.dumps, rows)) if lines else json.dumps(list(rows)), encoding="utf-8")
    return str(path)


def annotation(preference: float | None, **others: Any) -> dict[str, Any]:
    row = {"instruction": "Say hi.", "output_1": "Hello there.", "generator_1": "gpt4", "dataset": "koala"}
    return row | {"output_2": "Hi.", "generator_2": "mine", "annotator": "j", "preference": preference} | others


def test_annotations_of_alpaca_eval(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [annotation(1.25), annotation(0.0), annotation(None), annotation(2, instruction="Go.")]
    found = read_judgments([written(tmp_path / "annotations.json", rows)])
    assert [game.preference for game in found.games] == [0.25, 0.5, 1.0]
    assert [game.position for game in found.games] == [game.place for game in found.games] == [0, 1, 3]
    assert len({game.prompt for game in found.games}) == 3  # the same instruction twice is two prompts
    assert found.unjudged == 1
    assert (found.games[0].model, found.games[0].opponent, found.games[0].category) == ("mine", "gpt4", "koala")
    assert (found.games[0].style, found.games[0].opponent_style) == (Style(3), Style(12))


def test_the_index_of_an_annotation_is_its_instruction_and_its_place_is_its_row(tmp_path: Path) -> None:
    rows = [annotation(1.5, index=index) for index in (0, 2, 3)]
    found = read_judgments([written(tmp_path / "a.json", rows)])
    assert [game.position for game in found.games] == [0, 2, 3]
    assert [game.place for game in found.games] == [0, 1, 2]
    assert not lacks_index(found.games, 5)
    without = read_judgments([written(tmp_path / "b.json", [annotation(1.5)] * 3)])
    assert lacks_index(without.games, 5)
    assert not lacks_index(without.games, 3)


def arena(uid: str, *scores: str | None, **others: Any) -> dict[str, Any]:
    games = [{"user_prompt": "x", "judgment": "y", "score": score} for score in scores]
    row: dict[str, Any] = {"question_id": uid, "model": "mine", "judge": "j", "games": games}
    return row | others


def test_games_of_arena_hard_show_the_baseline_first(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [arena("1", "A>>B", "A>B"), arena("2", "A=B", None), arena("3", "[[B>A]]", "B>>A")]
    found = read_judgments([written(tmp_path / "mine.jsonl", rows)], "gpt-4-0314")
    assert [(game.preference, game.weight, game.model_first) for game in found.games] == [
        (0.0, 3, False),
        (1.0, 1, True),
        (1.0, 1, False),
        (0.0, 3, True),
    ]
    assert found.unjudged == 1
    assert {game.opponent for game in found.games} == {"gpt-4-0314"}
    assert measure(found)["models"]["mine"]["score"]["score"] == pytest.approx(100 * 2 / 8)


def test_answer_files_of_arena_hard_give_the_style(tmp_path: Path) -> None:
    judgments = read_judgments([written(tmp_path / "mine.jsonl", [arena("1", "A>B", "A>B")])], "base")
    told = {"token_len": 40, "header_count": {"h1": 1, "h2": 2}, "list_count": {"ordered": 3}, "bold_count": {"**": 1}}
    answers: list[dict[str, Any]] = [
        {"uid": "1", "model": "mine", "messages": [], "metadata": told},
        {"question_id": "1", "model_id": "base", "choices": [{"turns": [{"content": "# Hi\n- a"}]}]},
    ]
    found = with_answers(judgments, [written(tmp_path / "answers.jsonl", answers)])
    assert found.games[0].style == Style(40, 3, 3, 1)
    assert found.games[0].opponent_style == Style(8, 1, 1, 0)
    with pytest.raises(UserError, match="has no answers of 'base'; expected the answers of every model"):
        with_answers(judgments, [written(tmp_path / "answers.jsonl", answers[:1])])


def test_scores_of_wildbench(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"session_id": "s1", "parsed_result": {}, "model_test": "mine", "score": "7", "model_output": " four "},
        {"session_id": "s2", "model_test": "mine", "score": "N/A", "model_output": ""},
    ]
    found = read_judgments([written(tmp_path / "mine.json", rows)])
    assert [(one.prompt, one.score, one.length) for one in found.scores] == [("s1", 7.0, 4.0)]
    assert found.unjudged == 1


def test_pairs_of_wildbench_are_seen_from_the_model_of_the_file(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"session_id": "1", "model_A": "ref", "model_B": "mine", "winner": "mine", "extent": 2},
        {"session_id": "2", "model_A": "mine", "model_B": "ref", "winner": "ref", "extent": 1},
        {"session_id": "3", "model_A": "mine", "model_B": "ref", "winner": "tie", "extent": 0},
        {"session_id": "4", "model_A": "mine", "model_B": "ref", "winner": "?"},
    ]
    found = read_judgments([written(tmp_path / "mine.json", rows)])
    assert [(game.model, game.preference, game.weight) for game in found.games] == [
        ("mine", 1.0, 2),
        ("mine", 0.0, 1),
        ("mine", 0.5, 1),
    ]
    assert measure(found)["models"]["mine"]["score"]["score"] == pytest.approx(100 * 0.5 / 3)


def test_a_folder_is_all_its_files(tmp_path: Path) -> None:
    for name in ("one", "two"):
        written(tmp_path / f"{name}.jsonl", [arena("1", "A>B", "A>B", model=name)])
    (tmp_path / "notes.txt").write_text("x", encoding="utf-8")
    assert read_judgments([str(tmp_path)]).models == ["one", "two"]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (
            [{"question": "x", "answer": "y"}],
            r"keys of its first row \(question, answer\); expected annotations",
        ),
        ([annotation(None)], "not one of its 1 rows has a verdict or a score"),
        ([arena("1", "A>B"), arena("1", "A>B")], "'mine' is judged more than once at the same prompt"),
        ([arena("1", "A>B") | {"question_id": None}], "a row without question_id"),
    ],
)
def test_what_are_no_judgments_is_refused(tmp_path: Path, rows: list[dict[str, Any]], says: str) -> None:
    with pytest.raises(UserError, match=says):
        read_judgments([written(tmp_path / "x.jsonl", rows)])


def test_files_of_two_forms_are_refused(tmp_path: Path) -> None:
    one = written(tmp_path / "a.json", [annotation(1.0)])
    other = written(tmp_path / "b.jsonl", [arena("1", "A>B")])
    with pytest.raises(UserError, match="expected one form"):
        read_judgments([one, other])


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("x.csv", "a", "knows no instruction's difficulty"),
        ("difficulty.csv", "index,difficulty\n0,1\n2,1\n", "expected each instruction from 0 to 1 once"),
        ("difficulty.csv", "index,difficulty\n0,nan\n", "difficulty.csv:2: expected a number under difficulty"),
        ("difficulty.csv", "index,hardness\n0,1\n", "expected instruction_difficulty or difficulty"),
        ("difficulty.csv", "index,difficulty\n", "has no rows"),
    ],
)
def test_lc_data_that_cannot_be_used_is_refused(tmp_path: Path, name: str, text: str, says: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=says):
        read_lc_data(tmp_path)


def test_markdown_is_counted() -> None:
    assert style_of("# T\n\n1. a\n* b\n\n**c** ##no") == Style(25, 1, 2, 1)
