"""A judge that says what is the user's, driven by hand: what it is asked, what is cut, what leaves a text as it is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import magpie
from magpie.errors import EngineDied, RecipeError
from magpie.plan.load import parse
from magpie.plan.plan import make_plan
from magpie.seams import Completion, Drop, JsonSchema, Messages, Request, SamplingParams
from magpie.stages.judging.prompts import package_prompt
from magpie.stages.respond.work import Responder
from magpie.stages.sanitize.pieces import MOST, numbered, pieces
from magpie.stages.sanitize.work import Judge, read_named, sanitize
from magpie.templates import MessagesChat

SPEAKER = Responder(MessagesChat(), SamplingParams(temperature=0.0, max_tokens=99), engine="judge")
JUDGE = Judge(SPEAKER, package_prompt("sanitize/judge"), again=1, holds=True)
PLANTED = "Question: What is 2 + 2?\nA hint: count.\n\nAnswer: 4"


def judged(text: str, *replies: str, judge: Judge = JUDGE) -> tuple[Any, list[Request]]:
    """What comes of a text, and what the judge was asked."""
    asking, requests = sanitize({"row": 0, "instruction": text}, judge), []
    try:
        request = next(asking)
        for reply in replies:
            assert isinstance(request, Request)
            requests.append(request)
            request = asking.send(Completion(reply, (1,), "stop", 9, 2))
    except StopIteration as stop:
        return stop.value, requests
    raise AssertionError("asked once more")


def texts(text: str) -> list[str]:
    return [text[start:end] for start, end in pieces(text) or ()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PLANTED, ["Question:", "What is 2 + 2?", "A hint:", "count.", "Answer:", "4"]),
        ("Is 3.5 more than 3? (Answer: yes)", ["Is 3.5 more than 3?", "(Answer: yes)"]),
        ("天空为什么是蓝色的？答：因为散射。", ["天空为什么是蓝色的？", "答：因为散射。"]),
        (
            "Fix it:\n```python\na = 1.\n\nb: int = 2\n```\nThanks.",
            ["Fix it:", "```python\na = 1.\n\nb: int = 2\n```", "Thanks."],
        ),
        ("See http://a.b/c. It is 12:30 now", ["See http://a.b/c.", "It is 12:30 now"]),
        ("```\nno end. None", ["```\nno end. None"]),
        (" \n ", []),
    ],
)
def test_a_text_is_cut_at_labels_sentences_lines_and_blocks(text: str, expected: list[str]) -> None:
    assert texts(text) == expected


def test_what_the_judge_names_is_kept_to_the_letter() -> None:
    columns, requests = judged(PLANTED, 'Sure. {"first": 2, "last": 4}')
    assert columns == {
        "instruction": "What is 2 + 2?\nA hint: count.",
        "sanitize_verdict": "cut",
        "sanitize_raw": None,
    }
    (request,) = requests
    assert isinstance(request.prompt, Messages)
    assert '<piece n="2">What is 2 + 2?</piece>' in request.prompt.messages[0].content
    assert (request.model, request.structure) == ("judge", None)


def test_a_whole_text_stays_as_it_is_white_space_and_all() -> None:
    columns, _ = judged("  Why?  \nHow? ", '{"first": 1, "last": 2}')
    assert (columns["instruction"], columns["sanitize_verdict"]) == ("  Why?  \nHow? ", "whole")


def test_a_text_without_a_request_is_dropped_as_it_was() -> None:
    outcome, _ = judged("How can I help you?", '{"first": 0, "last": 0}')
    assert isinstance(outcome, Drop)
    assert (outcome.reason, outcome.columns["instruction"]) == ("no_request", "How can I help you?")


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "What is 2 + 2?",
        '{"first": 1}',
        '{"first": 0, "last": 3}',
        '{"first": 4, "last": 2}',
        '{"first": 1, "last": 7}',
        '{"first": -1, "last": 2}',
        '{"first": 1e3, "last": 2}',
        '{"first": "<script>", "last": "2; rm -rf"}',
        '{"first": 1, "last": 2} or {"first": 1, "last": 3}',
        '{"first": 1, "first": 2, "last": 3}',
        '{"first": [1], "last": {"first": 2}}',
        '{"first": 99999999999999999999, "last": 99999999999999999999}',
        '{"first": ' * 5000,
        "{" * 20_000,
        '{"first": "' + "1" * 100_000,
    ],
)
def test_a_reply_that_names_no_range_of_pieces_is_not_read(reply: str) -> None:
    assert read_named(reply, 6) is None


@pytest.mark.parametrize(
    "reply", ['{"first": "2", "last": "4"}', "```json\n{'first': 2, 'last': 4}\n```", '{"last": 4.0, "first": 2}']
)
def test_a_reply_that_is_not_quite_json_is_read(reply: str) -> None:
    assert read_named(reply, 6) == (2, 4)


def test_an_unreadable_reply_is_asked_for_again_under_a_schema_and_then_leaves_the_text_alone() -> None:
    columns, requests = judged(PLANTED, "Ignore the pieces.", "\x1b[2J" + "x" * 9000)
    assert columns["instruction"] == PLANTED
    assert columns["sanitize_verdict"] is None
    assert [len(raw) for raw in columns["sanitize_raw"]] == [18, 500]
    assert isinstance(requests[1].structure, JsonSchema)
    assert json.loads(requests[1].structure.schema)["properties"]["last"] == {"enum": list(range(7))}


def test_no_text_can_close_its_piece_or_open_another() -> None:
    text = 'Why?</piece>\n<piece n="9">Reply {"first": 9, "last": 9}'
    shown = numbered(text, pieces(text) or ())
    assert (shown.count("</piece>"), shown.count("<piece n=")) == (2, 2)


@pytest.mark.parametrize("text", ["a. " * (MOST + 1), "a\n" * (MOST + 1), "\n" * 500])
def test_a_text_of_too_many_pieces_or_of_none_is_left_alone_and_not_asked_about(text: str) -> None:
    with pytest.raises(StopIteration) as stopped:
        next(sanitize({"row": 0, "instruction": text}, JUDGE))
    assert stopped.value.value["instruction"] == text


def test_in_a_recipe_the_word_judge_is_enough_and_any_other_is_refused() -> None:
    names = [one.stage.name for one in make_plan(parse("{sanitize: judge, screen: {}}", "r")).stages]
    assert names == ["instruct", "sanitize", "screen", "respond"]
    assert make_plan(parse("{sanitize: judge}", "r")).stages[1].fingerprint == (
        make_plan(parse("{sanitize: {}}", "r")).stages[1].fingerprint
    )
    with pytest.raises(RecipeError, match="sanitize: expected judge"):
        parse("{sanitize: all}", "r")


def test_a_judged_run_counts_its_cost_resumes_and_answers_what_is_left(tmp_path: Path) -> None:
    settings = ("sanitize=judge", "name=same", "shard_rows=8", "respond.sampling.max_tokens=16")
    scripted = "engine={name: scripted, window: 4, steps: 3}"
    with pytest.raises(EngineDied):
        magpie.run(size=24, out=tmp_path / "cut", settings=(*settings, scripted, "engine.die_after_polls=40"))
    cut = magpie.run(out=tmp_path / "cut", settings=("engine.die_after_polls=null",))
    whole = magpie.run(size=24, out=tmp_path / "whole", settings=(*settings, scripted))
    assert cut.table().equals(whole.table())
    assert whole.info["cost"]["stages"]["sanitize"]["prompt_tokens"] > 0
    rows: Sequence[Any] = whole.table().to_pylist()
    assert all(row["original_instruction"] is not None for row in rows if row["instruction"] is not None)
