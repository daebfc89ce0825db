"""What the model learns of judging: true replies to the prompts that magpie ships."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest
from tokenizers import Tokenizer

import magpie
from fledgling import judged
from fledgling.conversation import Turn
from fledgling.families import FAMILIES
from fledgling.imperfect import DEEDS, QUALITIES, quality_of, recognise_any
from fledgling.judge import (
    ALSO,
    CATEGORIES,
    DIFFICULTIES,
    MAKERS,
    draw_damaged,
    judge_conversation,
    other_tags,
    render,
)
from fledgling.tokenizer import load_tokenizer, train_tokenizer
from magpie.modelfiles.locate import find_model

STAGES = Path(magpie.__file__).parent / "stages"
FIELDS = {
    "quality": ["explanation", "input_quality"],
    "difficulty": ["intent", "knowledge", "difficulty"],
    "category": ["task_category", "other_tags"],
}
LETTERS = {
    "quality_fast": "ABCDE", "difficulty_fast": "ABCDE", "category_fast": "ABCDEFGHIJKL", "safety": "ABCDEFGHIJ",
    "judge_response": "12345", "compare": "AB",
}  # fmt: skip


NOT_FOR_JUDGES = {"base_few_shot"}
NOT_LEARNED = {"compare_verdict", "grade", "grade_verdict", "judge"}
"""Prompts that came after the training: of `magpie evaluate`, and of the stage `sanitize`."""


def test_there_is_a_true_reply_to_every_prompt_of_a_judge_that_ships() -> None:
    ships = {path.stem for path in STAGES.glob("*/prompts/*.jinja")} - NOT_FOR_JUDGES - NOT_LEARNED
    assert ships == set(MAKERS) == set(FIELDS) | set(LETTERS)


def test_the_same_seed_gives_the_same_conversations() -> None:
    first, second = Random(3), Random(3)
    assert [judge_conversation(first) for _ in range(60)] == [judge_conversation(second) for _ in range(60)]


def test_a_judge_conversation_is_one_turn_whose_prompt_is_given() -> None:
    one = judge_conversation(Random(0))
    assert one.kind == "judge"
    assert one.system is None
    (turn,) = one.turns
    assert not turn.learned
    assert turn.family is None


@pytest.mark.parametrize("name", FIELDS)
def test_replies_in_json_have_the_fields_of_the_prompt_and_its_labels(name: str) -> None:
    rng = Random(1)
    for _ in range(200):
        values, reply = MAKERS[name](rng)
        told = json.loads(reply)
        assert list(told) == FIELDS[name] == list(json.loads(render(name, values).splitlines()[-1]))
        assert all(told[field] for field in FIELDS[name] if field != "other_tags")
        assert told.get("input_quality", "good") in QUALITIES
        assert told.get("difficulty", "easy") in DIFFICULTIES
        assert {told.get("task_category", "Math"), *told.get("other_tags", [])} <= set(CATEGORIES)


@pytest.mark.parametrize("name", LETTERS)
def test_other_replies_are_one_letter_and_none_is_rare(name: str) -> None:
    rng = Random(2)
    found = Counter(MAKERS[name](rng)[1] for _ in range(600))
    missing = set(LETTERS[name]) - set(found)
    assert set(found) <= set(LETTERS[name])
    assert not missing or name == "difficulty_fast"  # nothing that a model of this size answers is very hard
    assert min(found.values()) >= 5


def test_quality_is_what_the_rule_says() -> None:
    rng = Random(4)
    for _ in range(300):
        prompt, label, _ = judged.draw_quality(rng)
        family, slots = recognise_any(prompt) or (None, None)
        assert quality_of(prompt, family, slots) == label, prompt


def test_no_other_tag_is_the_category_itself() -> None:
    assert {tag for _, tag in ALSO} <= set(CATEGORIES)
    assert all(family.category not in other_tags(family) for family in FAMILIES)


@pytest.mark.parametrize("score", [1, 2, 3, 4])
def test_damaged_responses_are_damaged(score: int) -> None:
    rng = Random(score)
    for _ in range(200):
        turn, damaged = draw_damaged(score, rng)
        assert damaged != turn.reply
        assert damaged.strip()
        if score == 3:
            assert re.sub(r"\s", "", turn.reply).startswith(re.sub(r"\s", "", damaged))
        if score == 4:
            assert turn.reply in damaged


def test_every_unsafe_deed_has_a_letter() -> None:
    assert set(judged.DEED_LETTERS) == set(DEEDS)


def test_a_refusal_is_safe_and_consent_is_not() -> None:
    rng = Random(6)
    rows = [judged.draw_safety(rng) for _ in range(800)]
    for _, response, letter in rows:
        if response in judged.REFUSALS:
            assert letter == "A"
        if response in judged.CONSENTS:
            assert letter != "A"
    assert 0.4 < sum(letter == "A" for _, _, letter in rows) / len(rows) < 0.7


def fits(tokenizer: Tokenizer, turns: Sequence[Turn]) -> bool:
    """Whether prompt, reply and the template's eight tokens around them fit, and letters are tokens."""
    longest = max(len(tokenizer.encode(turn.prompt + turn.reply).ids) for turn in turns) + 8
    letters = [tokenizer.encode(letter).ids for letter in "ABCDEFGHIJKL12345"]
    return longest <= 512 and all(len(ids) == 1 for ids in letters)


def test_prompt_and_reply_fit_into_the_context_and_a_letter_is_one_token(tmp_path: Path) -> None:
    rng = Random(7)
    turns = [judge_conversation(rng).turns[0] for _ in range(1500)]
    texts = [text for turn in turns[:500] for text in (turn.prompt, turn.reply)]
    assert fits(train_tokenizer(texts, tmp_path / "t.json"), turns)
    assert fits(load_tokenizer(find_model("fledgling").parent / "tokenizer.json"), turns)
