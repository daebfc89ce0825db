"""What the earlier rules take off an instruction: runs that were made by them go on with the same rows."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from magpie.errors import RecipeError
from magpie.templates import sanitize
from magpie.templates.earlier_rules import EARLIER_RULES

ALL = tuple(EARLIER_RULES)


@pytest.mark.parametrize(
    ("written", "kept", "rule"),
    [
        ("Question: What is the capital of France?", "What is the capital of France?", "label"),
        ("**Question:** What is 2 + 2?", "What is 2 + 2?", "label"),
        ("**Task**: Write a poem.", "Write a poem.", "label"),
        ("**Task**\n\nWrite a poem.", "Write a poem.", "label"),
        ("### Instruction:\nWrite a poem.", "Write a poem.", "label"),
        ("## Problem 3\n\nFind all x.", "Find all x.", "label"),
        ("User Query: how do I sort a list?", "how do I sort a list?", "label"),
        ("## Step 1: Read the data\nThen plot it.", "Read the data\nThen plot it.", "step_header"),
        ("What is the tallest mountain?\n\nAnswer: Everest.", "What is the tallest mountain?", "answer_after"),
        ("Name three colors.\n\n**Response:** red, blue, green", "Name three colors.", "answer_after"),
        ("How tall is it?\nAssistant: 3 m", "How tall is it?", "answer_after"),
        ('"What is love?"', "What is love?", "quotes"),
        ("\u201cWrite a haiku about rain.\u201d", "Write a haiku about rain.", "quotes"),
        ("```\nWrite a haiku about rain.\n```", "Write a haiku about rain.", "fence"),
        ("user\nWhat is love?", "What is love?", "role_edge"),
        ("What is love?\n\nassistant", "What is love?", "role_edge"),
        ("What is love?\nAssistant:", "What is love?", "role_edge"),
        ('**Question:** "What is love?"', "What is love?", "label+quotes"),
    ],
)
def test_what_does_not_belong_is_taken_off_and_the_rule_is_named(written: str, kept: str, rule: str) -> None:
    assert sanitize(written, ALL) == (kept, rule)


@pytest.mark.parametrize(
    "clean",
    [
        "What is the capital of France?",
        "Write a dialogue between a user and an assistant.",
        "Explain what 'task switching' means.",
        'Translate "good morning" and "good night" into French',
        "Fix this code:\n```python\nprint('x'\n```\nand explain.",
        "```python\nx = 1\n```\n\nand\n\n```python\ny = 2\n```",
        "The question of free will: discuss.",
        "Complete the template:\nQuestion: {q}\nAnswer:",
        "Q: Is this a list?\n1. yes\n2. no",
        "Rate the answer below.\nAnswer: it is blue",
        "Step on a scale: what does it measure?",
        "  leading and trailing space stays  ",
        "Problem solving is hard. Why?",
        "user interface design: give me five rules",
        "'tis the season, isn't it'",
        "",
    ],
)
def test_a_clean_instruction_is_not_touched(clean: str) -> None:
    rules = ALL if "Rate the answer" not in clean else tuple(name for name in ALL if name != "answer_after")
    assert sanitize(clean, rules) == (clean, None)


def test_without_rules_nothing_happens() -> None:
    assert sanitize("Question: why?", ()) == ("Question: why?", None)


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(RecipeError, match="'polish'"):
        sanitize("x", ("polish",))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.text(max_size=80))
def test_a_rule_that_fires_changes_the_text_and_never_empties_it(text: str) -> None:
    found, rule = sanitize(text, ALL)
    assert (rule is None) == (found == text)
    assert not text.strip() or found.strip()
