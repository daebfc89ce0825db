"""What each shape of a document comes to: whole conversations, nothing lost, nothing invented."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from magpie.imports.keys import Shaped
from magpie.imports.languages import language_code
from magpie.imports.shapes import shape, shape_with_care

U, A = "user", "assistant"


def said(row: Shaped) -> list[tuple[str, str]]:
    """The conversation, the system prompt first."""
    found = [("system", row.columns["system"])] if "system" in row.columns else []
    found.append((U, row.columns["instruction"]))
    if "response" in row.columns:
        found.append((A, row.columns["response"]))
    return found + [(turn["role"], turn["content"]) for turn in row.columns.get("turns", ())]


def of(*texts: str) -> list[dict[str, str]]:
    return [{"role": (U, A)[n % 2], "content": text} for n, text in enumerate(texts)]


FOUR = [(U, "a"), (A, "b"), (U, "c"), (A, "d")]
TWO = FOUR[:2]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"messages": of("a", "b", "c", "d")}, FOUR),
        ({"items": [{"from": "human", "value": "a"}, {"from": "bot", "value": "b"}]}, TWO),
        ({"conversation": [{"role": None, "from": "human", "value": "a"}, {"from": "AI", "value": "b"}]}, TWO),
        ({"conversations": [], "instruction": "a", "output": "b"}, TWO),
        ({"messages": [{"role": U, "parts": [{"text": "a"}]}, {"role": "model", "parts": [{"text": "b"}]}]}, TWO),
        ({"messages": [{"role": U, "content": [{"type": "text", "text": "a"}]}, {"role": "gpt", "content": "b"}]}, TWO),
        ({"conversation": [{"input": "a", "output": "b"}, {"input": "c", "output": "d"}]}, FOUR),
        ({"conversation": [{"human": "a", "assistant": "b"}]}, TWO),
        ({"data": ["a", "b", "c", "d"], "id": "0"}, FOUR),
        ({"conversations": ["a", "b"]}, TWO),
        ({"instruction": "c", "input": "", "output": "d", "history": [["a", "b"]]}, FOUR),
        ({"instruction": "a", "response": "b", "instruction_2": "c", "response_2": "d"}, FOUR),
        ({"messages": of("a", "b", "c", "d"), "instruction": "a", "response": "b", "instruction_2": "c"}, FOUR),
        ({"input": "a", "output": "b"}, TWO),
        ({"instruction": "a", "output": ["b"]}, TWO),
        ({"instruction": "", "input": "a", "output": "b"}, TWO),
        ({"instruction": "x", "context": "y", "response": "b"}, [(U, "x\n\ny"), (A, "b")]),
        ({"prompt": "a", "completion": "b", "label": True}, TWO),
        ({"prompt": "a", "completion": of("x", "b")[1:]}, TWO),
        ({"prompt": of("a"), "completion": "b", "system": ""}, TWO),
        ({"question": "a", "answer": "b"}, TWO),
        ({"query": "a", "response": "b", "type": "x"}, TWO),
        ({"problem": "a", "solution": "b"}, TWO),
        ({"text": "\n\nHuman: a\n\nAssistant: b\n\nHuman: c\n\nAssistant: d"}, FOUR),
        ({"messages": '[{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]'}, TWO),
        ({"prompt": json.dumps(of("a")), "completion": json.dumps(of("", "b")[1:])}, TWO),
        ({"prompt": json.dumps(of("a", "b", "c")), "completion": "d"}, FOUR),
        ({"instruction": "c", "output": "d", "history": '[["a", "b"]]'}, FOUR),
        ({"instruction": '[{"a": 1}]', "output": '["b"]'}, [(U, '[{"a": 1}]'), (A, '["b"]')]),
        ({"instruction": "a", "output": '[{"role": "admin"}]'}, [(U, "a"), (A, '[{"role": "admin"}]')]),
        ({"messages": {"role": [U, A], "content": ["a", "b"]}}, TWO),
        ({"messages": [json.dumps(one) for one in of("a", "b")]}, TWO),
        ({"prompt": "\n\nHuman: a\n\nAssistant: b\n\nHuman: c\n\nAssistant: ", "response": "d"}, FOUR),
        ({"messages": [*of("a"), {"role": A, "content": [{"type": "text", "text": "b"}]}]}, TWO),
        ({"instruction": "a", "response": None}, TWO[:1]),
        ({"messages": of("a")}, TWO[:1]),
        ({"instruction": " a\n", "response": "\tb "}, [(U, " a\n"), (A, "\tb ")]),
        ({"system_prompt": "s", "messages": of("a", "b")}, [("system", "s"), *TWO]),
        ({"system": "", "messages": [{"role": "system", "content": "s"}, *of("a", "b")]}, [("system", "s"), *TWO]),
        ({"messages": [{"role": "system", "content": ""}, *of("a", "b")]}, TWO),
        ({"prompt": [{"role": "developer", "content": "s"}, *of("a")], "completion": "b"}, [("system", "s"), *TWO]),
    ],
)
def test_a_conversation_is_whole(document: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    row = shape(document)
    assert row == shape_with_care(document)
    assert row.drop_reason is None
    assert said(row) == expected
    assert row.extra.keys() <= {"label", "type"}


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"messages": of("a", "")}, "empty: message 2, of the assistant"),
        ({"messages": of("a", "b", "c", " \n")}, "empty: message 4, of the assistant"),
        ({"messages": of("a", "b\ufffd")}, "broken_text: message 2, of the assistant"),
        ({"messages": of("a", "b")[1:]}, "unreadable: user and assistant do not take turns"),
        ({"messages": [*of("a"), {"role": A, "content": None, "tool_calls": [1]}]}, "unreadable: a call of a tool"),
        ({"messages": [*of("a"), {"role": A, "content": None}]}, "empty: message 2, of the assistant"),
        ({"messages": [*of("a"), {"role": A, "content": 3}]}, "unreadable: a message without text"),
        ({"messages": [{"role": U, "content": [{"type": "image_url", "image_url": "x"}]}]}, "a message without text"),
        ({"messages": [{"role": U, "content": [{"type": "text", "text": "a", "image": "x"}]}]}, "without text"),
        ({"messages": [*of("a"), {"role": A, "content": "<think>b"}]}, "unreadable: reasoning without an end"),
        ({"instruction": ["a"], "output": "b"}, "unreadable: the instruction is no text"),
        ({"instruction": "a", "output": 3}, "unreadable: the answer is no text (int)"),
        ({"prompt": "a", "chosen": "b", "rejected": "b"}, "identical_pair"),
        ({"prompt": "a", "chosen": "b", "rejected": ""}, "empty: message 3"),
        ({"prompt": "a", "chosen": 3, "rejected": 4}, "unreadable: the conversation is no list of messages"),
        ({"prompt": "a", "chosen": "[{'role': 'assistant'", "rejected": "b"}, "messages that Python wrote out"),
        ({"chosen": of("a", "b", "c", "d"), "rejected": of("a", "x", "c", "d")}, "part before their last answer"),
        ({"question": "a", "answer": "b", "choices": ["b"]}, "unreadable: no instruction and no messages"),
        ({"question": "a", "answer": 3}, "unreadable: no instruction and no messages"),
        ({"responses": ["a", "b"]}, "unreadable: no instruction and no messages"),
        ({"prompt": {"role": U, "text": "a", "replies": [{"text": "b"}]}}, "unreadable: a tree of replies"),
        (
            {"conversation_a": of("a", "b"), "conversation_b": of("a", "c"), "winner": "tie"},
            "neither answer is preferred",
        ),
        (
            {"prompt": '["a", "c"]', "response_a": '["b", "d"]', "response_b": '["x", "y"]', "winner_model_a": 1},
            "part before their last answer",
        ),
        ({"prompt": '["a"]', "response_a": "[null]", "response_b": '["x"]', "winner_model_a": 1}, "for each prompt"),
    ],
)
def test_what_is_of_no_use_says_why(document: dict[str, Any], reason: str) -> None:
    assert reason in (shape(document).drop_reason or "")


PAIRS: list[dict[str, Any]] = [
    {"prompt": "a", "chosen": "y", "rejected": "n"},
    {"question": "a", "system": "", "chosen": "y", "rejected": "n"},
    {"instruction": "a", "input": "", "chosen": "y", "rejected": "n"},
    {"prompt": of("a"), "chosen": of("", "y")[1:], "rejected": of("", "n")[1:]},
    {"prompt": "a", "chosen": {"content": "y", "role": A}, "rejected": {"content": "n"}},
    {"prompt": "a", "chosen": of("a", "y"), "rejected": of("a", "n"), "messages": of("a", "y")},
    {"chosen": of("a", "y"), "rejected": of("a", "n")},
    {"chosen": "\n\nHuman: a\n\nAssistant: y", "rejected": "\n\nHuman: a\n\nAssistant: n"},
    {"messages": of("a"), "chosen": of("", "y")[1], "rejected": of("", "n")[1]},
    {
        "conversations": [{"from": "human", "value": "a"}],
        "chosen": {"from": "gpt", "value": "y"},
        "rejected": {"from": "gpt", "value": "n"},
    },
    {"prompt": "a", "chosen": ["y"], "rejected": ["n"]},
    {"prompt": "a", "chosen": json.dumps(of("a", "y")), "rejected": json.dumps(of("a", "n"))},
    {"conversation_a": of("a", "n"), "conversation_b": of("a", "y"), "winner": "model_b"},
    {"prompt": '["a"]', "response_a": '["y"]', "response_b": '["n"]', "winner_model_a": 1, "winner_model_b": 0},
    {"prompt": "a", "response_a": "y", "response_b": "n", "winner": "model_a", "winner_model_a": "1"},
]


@pytest.mark.parametrize("document", PAIRS)
def test_a_pair_is_two_answers_to_one_prompt(document: dict[str, Any]) -> None:
    row = shape(document | {"score_chosen": 2, "rejected_score": "-1.5", "chosen-model": "m"})
    assert row.drop_reason is None
    assert (row.columns["chosen"], row.columns["rejected"]) == ("y", "n")
    assert said(row) == [(U, "a"), (A, "y")]
    assert (row.columns["chosen_reward"], row.columns["rejected_reward"]) == (2.0, -1.5)
    assert row.columns["chosen_model"] == "m"
    assert "pair_prompt" not in row.columns
    assert row.extra.keys() <= {"winner", "winner_model_a", "winner_model_b"}


def test_a_pair_behind_several_turns_keeps_them_as_its_prompt() -> None:
    row = shape({"chosen": of("a", "b", "c", "y"), "rejected": of("a", "b", "c", "n")})
    assert row.columns["pair_prompt"] == of("a", "b", "c")
    assert said(row) == [*FOUR[:3], (A, "y")]


def test_the_answer_beside_a_pair_is_the_conversation_s() -> None:
    row = shape({"instruction": "a", "response": "z", "messages": of("a", "z"), "chosen": "y", "rejected": "n"})
    assert said(row) == [(U, "a"), (A, "z")]
    assert row.columns["chosen"] == "y"


def test_what_a_rejected_answer_thought_is_kept_and_a_pair_is_told_apart_by_its_texts() -> None:
    found = shape({"prompt": "?", "chosen": "<think>a</think>Yes", "rejected": "<think>b</think>No"})
    assert (found.columns["chosen"], found.columns["rejected"], found.columns["reasoning"]) == ("Yes", "No", "a")
    assert found.extra["rejected_reasoning"] == "b"
    said = [{"role": "user", "content": "?"}, {"role": "assistant", "content": "Another"}]
    beside = shape({"messages": said, "prompt": "?", "chosen": "<think>a</think>Yes", "rejected": "No"})
    assert (beside.columns["response"], beside.extra["chosen_reasoning"]) == ("Another", "a")
    same = shape({"prompt": "?", "chosen": "<think>a</think>Yes", "rejected": "<think>b</think>Yes"})
    assert same.drop_reason == "identical_pair"
    own = shape({"prompt": "?", "chosen": "Y", "rejected": "<think>b</think>No", "rejected_reasoning": "own"})
    assert {own.extra["rejected_reasoning"], own.extra["rejected_reasoning_2"]} == {"own", "b"}


def test_several_answers_are_candidates_with_their_rewards() -> None:
    row = shape({"instruction": "a", "responses": ["x", None, "y"], "rewards_armorm": [1, 2, math.nan]})
    assert [one["response"] for one in row.columns["responses"]] == ["x", "y"]
    assert row.columns["response_rewards"] == [1.0, None]
    row = shape(
        {"instruction": "a", "completions": [{"model": "m", "response": "x", "overall_score": 8}, {"text": "y"}]}
    )
    assert [(one["response"], one["model"]) for one in row.columns["responses"]] == [("x", "m"), ("y", None)]
    assert row.columns["response_rewards"] == [8.0, None]
    graded = {"response": "x", "annotations": {"honesty": 1}, "critique": "Fine.", "role": A}
    assert shape({"instruction": "a", "completions": [graded, "y"]}).left_out == {
        "completions[].annotations",
        "completions[].critique",
    }
    cells = {"instruction": "a", "responses": '["x", "y"]', "rewards": "[1, 2]", "other_task_category": '["Math"]'}
    row = shape(cells)
    assert [one["response"] for one in row.columns["responses"]] == ["x", "y"]
    assert (row.columns["response_rewards"], row.columns["other_task_category"]) == ([1.0, 2.0], ["Math"])
    steps = shape({"prompt": "a", "completions": ["x", "y"], "labels": [True, False]})
    assert "responses" not in steps.columns
    assert steps.extra == {"completions": ["x", "y"], "labels": [True, False]}
    row = shape({"instruction": "a", "output": ["x", "y"]})
    assert "response" not in row.columns
    assert len(row.columns["responses"]) == 2


def test_thoughts_come_in_for_each_turn() -> None:
    messages = of("a", "b", "c", "<think>\nwhy\n</think>\n\nd")
    messages[1]["thinking"] = "hm"
    row = shape({"messages": messages})
    assert said(row) == FOUR
    assert row.columns["reasoning"] == "hm"
    assert row.columns["turn_reasoning"] == [None, "why"]
    assert shape({"instruction": "a", "output": "b", "reasoning_content": "c"}).columns["reasoning"] == "c"


@pytest.mark.parametrize(
    ("message", "reasoning"),
    [
        ({"content": "<think>in</think>b", "reasoning_content": "beside"}, "beside\n\nin"),
        ({"content": "<think>same</think>b", "reasoning_content": "same\n"}, "same\n"),
        ({"content": "b", "reasoning_content": "one", "thinking": "two"}, "one\n\ntwo"),
        ({"content": "b", "reasoning_content": "", "reasoning": "one"}, "one"),
        ({"content": "", "text": "b", "reasoning": " "}, None),
        ({"content": [{"type": "thinking", "thinking": "one"}, {"type": "text", "text": "b"}]}, "one"),
    ],
)
def test_whatever_a_message_says_of_its_thoughts_is_kept_once(message: dict[str, Any], reasoning: str | None) -> None:
    row = shape({"messages": [*of("a"), {"role": A, **message}]})
    assert said(row) == TWO
    assert row.columns.get("reasoning") == reasoning
    assert not row.left_out
    if not isinstance(message["content"], str):
        return
    several = shape({"instruction": "a", "responses": [message, "c"]})
    assert several.columns["responses"][0]["reasoning"] == reasoning
    assert several.columns["responses"][0]["response"] == "b"


def test_what_a_message_says_beside_its_role_and_text_is_told() -> None:
    talk = [
        {"role": U, "content": "a", "speaker": "Ann", "reasoning": "hm"},
        {"role": A, "content": "b", "value": "c", "thinking": [{"x": 1}], "from": A},
    ]
    row = shape({"messages": talk})
    assert said(row) == TWO
    assert row.left_out == {f"messages[].{key}" for key in ("speaker", "reasoning", "value", "thinking")}
    call = {"role": A, "content": "Let me see.", "tool_calls": [{"name": "f"}]}
    assert shape({"messages": [*of("a"), call]}).drop_reason == "unreadable: a call of a tool"


def test_values_that_do_not_fit_are_null_and_counted_and_kept_beside() -> None:
    row = shape(
        {
            "instruction": "a",
            "instruct_reward": math.nan,
            "min_neighbor_distance": 1e300,
            "repeat_count": 2**40,
            "base_reward": "-inf",
            "input_quality": "Excellent",
            "difficulty": "Level 5",
            "language": "Python",
            "other_task_category": [1],
            "intent": {"a": 1},
            "quality_explanation": ["x"],
            "id": 5.0,
            "llama_guard_2": "unsafe\nS1<|eot_id|>",
        }
    )
    assert row.columns == {
        "instruction": "a",
        "min_neighbor_distance": 1e300,
        "input_quality": "excellent",
        "source_id": "5",
        "safety": "unsafe",
        "safety_categories": ["S1"],
    }
    assert set(row.unfit) == {
        "repeat_count",
        "difficulty",
        "language",
        "other_task_category",
        "intent",
        "quality_explanation",
    }
    assert row.extra.keys() == set(row.unfit)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        *(("EN", "en"), ("English", "en"), ("eng", "en"), ("en-US", "en"), ("zh_Hans", "zh"), ("ger", "de")),
        *(("Chinese (Simplified)", "zh"), ("Norwegian Bokmål", "nb"), ("Klingon", None), ("", None)),
        ("x" * 1000, None),
    ],
)
def test_a_language_is_told_by_its_code(name: str, code: str | None) -> None:
    assert language_code(name) == code


def test_keys_of_messages_that_are_not_kept_are_told() -> None:
    messages = [{"role": U, "content": "a", "weight": None, "name": "x"}, {"role": A, "content": "b", "weight": 0}]
    assert shape({"messages": messages}).left_out == {"messages[].name", "messages[].weight"}


def test_upstream_says_which_rows_repeat_others() -> None:
    one = {"instruction": "a", "uuid": "u1", "min_similar_uuid": "u0", "repeat_count": 0}
    assert (shape(one).similar, shape(one).ids) == ("u0", ["u1"])
    assert shape(one | {"min_similar_uuid": None}).columns["is_repeat"] is False
    assert "is_repeat" not in shape({"instruction": "a", "repeat_count": 0}).columns
