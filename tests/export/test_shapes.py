"""What a row comes to in each format, with the system prompt, the reasoning and the further turns that it has."""

from __future__ import annotations

from typing import Any

from magpie.export.options import Options
from magpie.export.shapes import SHAPES
from tests.export.records import records

ROW: dict[str, Any] = {
    "id": "air-00000000",
    "instruction": "Why?",
    "response": "Because.",
    "reasoning": "Hm.",
    "system": "Be brief.",
    "turns": [],
    "chosen": "Yes.",
    "rejected": "No.",
    "chosen_reward": 2.0,
    "rejected_reward": 1.0,
    "messages": [
        {"role": "user", "content": "Why?"},
        {"role": "assistant", "content": "Because."},
        {"role": "user", "content": "So?"},
        {"role": "assistant", "content": "So."},
    ],
}
SYSTEM = {"role": "system", "content": "Be brief."}
WHY = {"role": "user", "content": "Why?"}


def shaped(form: str, options: Options = Options(), **changes: Any) -> list[dict[str, Any]]:  # noqa: B008 (frozen)
    return records(SHAPES[form], {**ROW, **changes}, options)


def answer(content: str) -> dict[str, str]:
    return {"role": "assistant", "content": content}


def test_a_conversation_has_its_further_turns_and_neither_system_prompt_nor_reasoning_unless_asked() -> None:
    assert shaped("messages") == [{"id": "air-00000000", "messages": ROW["messages"]}]


def test_the_system_prompt_opens_the_conversation_where_asked_and_where_there_is_one() -> None:
    (told,) = shaped("messages", Options(system=True))
    assert told["messages"][:2] == [SYSTEM, WHY]
    assert shaped("messages", Options(system=True), system=None) == shaped("messages")
    assert shaped("dpo", Options(system=True))[0]["prompt"] == [SYSTEM, WHY]


def test_reasoning_goes_into_the_first_answer_or_beside_it() -> None:
    (inside,) = shaped("messages", Options(reasoning="inside"))
    assert inside["messages"][1] == answer("<think>\nHm.\n</think>\n\nBecause.")
    (beside,) = shaped("messages", Options(reasoning="field"))
    assert [message["reasoning_content"] for message in beside["messages"]] == ["", "Hm.", "", ""]
    assert beside["messages"][1] == {**answer("Because."), "reasoning_content": "Hm."}


def test_the_reasoning_of_each_turn_stands_with_its_turn() -> None:
    messages = [{**message, "content": message["content"]} for message in ROW["messages"]]
    messages[3]["content"] = "So."
    (inside,) = shaped("messages", Options(reasoning="inside"), messages=messages, reasoning=None)
    assert inside["messages"][1] == answer("Because.")


def test_a_row_is_not_changed_by_being_shown() -> None:
    shaped("messages", Options(reasoning="inside"))
    assert shaped("messages")[0]["messages"][1] == answer("Because.")


def test_an_alpaca_row_has_the_last_round_and_the_earlier_ones_as_history() -> None:
    assert shaped("alpaca", Options(system=True)) == [
        {
            "id": "air-00000000",
            "instruction": "So?",
            "input": "",
            "output": "So.",
            "system": "Be brief.",
            "history": [["Why?", "Because."]],
        }
    ]


def test_the_completion_is_the_last_answer_also_where_a_user_has_the_last_word() -> None:
    messages = [*ROW["messages"], {"role": "user", "content": "Bye."}]
    (told,) = shaped("sft", messages=messages)
    assert (told["prompt"], told["completion"]) == (ROW["messages"][:3], [answer("So.")])
    assert shaped("alpaca", messages=messages)[0]["output"] == "So."


def test_a_pair_has_an_explicit_prompt_for_dpo_and_an_implicit_one_for_a_reward_model() -> None:
    rewards = {"chosen_reward": 2.0, "rejected_reward": 1.0}
    assert shaped("dpo") == [
        {"id": ROW["id"], "prompt": [WHY], "chosen": [answer("Yes.")], "rejected": [answer("No.")], **rewards}
    ]
    assert shaped("rm") == [
        {"id": ROW["id"], "chosen": [WHY, answer("Yes.")], "rejected": [WHY, answer("No.")], **rewards}
    ]


def test_a_pair_is_two_rows_with_a_label_for_kto() -> None:
    good, bad = shaped("kto")
    assert (good["completion"], good["label"]) == ([answer("Yes.")], True)
    assert (bad["completion"], bad["label"]) == ([answer("No.")], False)
    assert good["prompt"] == bad["prompt"] == [WHY]


def test_a_reward_that_json_cannot_hold_is_null() -> None:
    (pair,) = shaped("dpo", chosen_reward=float("inf"), rejected_reward=float("nan"))
    assert (pair["chosen_reward"], pair["rejected_reward"]) == (None, None)


def test_an_empty_system_prompt_is_none() -> None:
    assert shaped("messages", Options(system=True), system="") == shaped("messages")


def test_a_pair_that_answers_a_whole_conversation_has_it_as_its_prompt() -> None:
    turns = [*ROW["messages"], {"role": "user", "content": "And?"}]
    assert shaped("dpo", pair_prompt=turns)[0]["prompt"] == turns
    assert shaped("rm", pair_prompt=turns)[0]["rejected"] == [*turns, answer("No.")]
    assert shaped("kto", pair_prompt=[])[0]["prompt"] == [WHY]
